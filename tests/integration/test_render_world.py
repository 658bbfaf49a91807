"""Pictures and films of a body: it is where it should be, beside the cells or alone."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.cli import main
from neurosim.viewer.gl.still import still
from neurosim.viewer.live import LiveSource
from tests.gl_canvas import needs_gl
from tests.sine_worm import world_at
from tests.unit.test_world import written
from tests.viewer_scenes import three_cells

pytestmark = needs_gl
Image = pytest.importorskip("PIL.Image", reason="Pillow is not installed")


def lit(picture: Any) -> np.ndarray:
    """Return which pixels have the colour of active muscles."""
    red, _, blue = np.asarray(picture.convert("RGB")).astype(int).transpose(2, 0, 1)
    found: np.ndarray = (red > 180) & (red > blue + 50)
    return found


def test_render_draws_the_body_of_a_track_in_the_middle(tmp_path: Path) -> None:
    track = written(tmp_path / "track.h5", rows=60)
    for t_ms in ("200", "1400"):
        out = tmp_path / f"{t_ms}.png"
        assert (
            main(["render", str(track), "-o", str(out), "--size", "320x240", "--t-ms", t_ms, "--quiet", "--no-words"])
            == 0
        )
        with Image.open(out) as picture:
            where = np.argwhere(lit(picture))
        assert len(where) > 60
        # The camera goes with the body.
        assert abs(where[:, 1].mean() - 160) < 40
        assert abs(where[:, 0].mean() - 120) < 40


def test_a_film_of_a_track_has_a_picture_for_each_time(tmp_path: Path) -> None:
    track, out = written(tmp_path / "track.h5", rows=60), tmp_path / "film.gif"
    asked = ["--size", "160x120", "--fps", "5", "--rate", "1000", "--stop-ms", "1000", "--quiet"]
    assert main(["render", str(track), "-o", str(out), *asked]) == 0
    counts = []
    with Image.open(out) as film:
        assert film.n_frames == 6
        for k in range(6):
            film.seek(k)
            counts.append(int(lit(film).sum()))
    assert min(counts) > 10


def test_a_still_of_a_live_run_has_body_and_cells_as_its_state_says() -> None:
    from neurosim.broadcast import Broadcast
    from tests.viewer_server import eventually

    broadcast = Broadcast(3)
    source = LiveSource(None, three_cells(), broadcast)
    for k in range(20):
        broadcast.put_world(world_at(40.0 * k))
    eventually(lambda: getattr(source.world(0.0), "t_ms", 0.0) == 760.0, "the world")
    counts = {}
    for show in ("both", "body", "cells"):
        data = still(source, {"show": show, "theme": "dark", "colour": "population"}, 320, 160, 400.0, words=False)
        counts[show] = lit(Image.open(io.BytesIO(data)))
    source.close()
    assert counts["both"][:, :160].sum() > 20
    assert counts["body"].sum() > 50
    assert counts["cells"].sum() < 20
