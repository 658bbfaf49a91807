"""Tracks on disk: growing, read after a kill, as WCON and as pictures."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.models.worm import plots, wcon
from neurosim.models.worm.body.body import QUADRANTS, ROWS
from neurosim.models.worm.body.chain import Chain
from neurosim.models.worm.body.wave import Wave
from neurosim.models.worm.track import BLOCK_ROWS, Ground, Recorder, Track, read
from neurosim.viewer.world_track import WorldTrack, is_track

WAVE = Wave(0.5, 0.65, 0.7)


def record(recorder: Recorder, rows: int) -> None:
    """Move a body on and write it down."""
    body = Chain(dt_ms=5.0)
    for k in range(rows):
        WAVE.drive(body, 20.0, 10.0)
        recorder.add(body, WAVE.activation(body.time_ms), {name: 0.5 * k for name in recorder.fields})


@pytest.fixture(scope="module")
def track() -> Track:
    recorder = Recorder(fields=("odour",))
    record(recorder, 120)
    return recorder.track()


def test_a_file_holds_what_was_seen(tmp_path: Path, track: Track) -> None:
    with Recorder(tmp_path / "track.h5", fields=("odour",)) as recorder:
        record(recorder, 120)
    found = read(tmp_path / "track.h5")
    assert np.array_equal(found.time_ms, track.time_ms)
    for name in ("points_mm", "curvature_per_mm", "activation"):
        assert np.array_equal(getattr(found, name), getattr(track, name).astype(np.float32)), name
    assert np.array_equal(found.fields["odour"], track.fields["odour"])
    assert not (tmp_path / "track.h5.partial").exists()
    with h5py.File(tmp_path / "track.h5") as file:
        assert {name: file[name].attrs["units"] for name in ("time_ms", "points_mm", "curvature_per_mm")} == {
            "time_ms": "ms",
            "points_mm": "mm",
            "curvature_per_mm": "1/mm",
        }


def test_the_viewer_shows_a_track_as_it_was(tmp_path: Path, track: Track) -> None:
    ground = {"odour": Ground(np.arange(6, dtype=np.float64).reshape(2, 3), (-1.0, 2.0), 0.5, "uM")}
    options: dict[str, Any] = {"fields": ("odour",), "units": {"odour": "uM"}, "medium": "agar", "ground": ground}
    with Recorder(tmp_path / "track.h5", **options) as recorder:
        record(recorder, 120)
    with h5py.File(tmp_path / "track.h5") as file:
        assert is_track(file)
        world = WorldTrack(file, tmp_path / "track.h5").at(1e9)
    assert world is not None
    (body,) = world.bodies
    assert body.points_mm == pytest.approx(track.points_mm[-1], abs=1e-6)
    assert body.radius_mm.max() == pytest.approx(0.04, rel=0.01)
    assert [row.name for row in body.muscles] == list(QUADRANTS)
    # What the viewer draws for a dorsal muscle lies on the dorsal side: left of the heading, which is right of the way.
    assert [np.cos(row.angle_rad) < 0.0 for row in body.muscles] == [True, True, False, False]
    assert np.array_equal(body.muscles[0].activation, track.activation[-1, 0].astype(np.float32))
    assert world.medium == "agar"
    assert (world.fields[0].unit, world.fields[0].spacing_mm) == ("uM", 0.5)
    assert [(scalar.name, scalar.unit) for scalar in world.scalars][1] == ("odour", "uM")


def test_a_growing_file_is_read_up_to_its_last_flush(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "track.h5")
    record(recorder, BLOCK_ROWS + 10)
    assert len(read(tmp_path / "track.h5")) == BLOCK_ROWS
    recorder.flush()
    assert len(read(tmp_path / "track.h5")) == BLOCK_ROWS + 10
    recorder.finish()


def test_a_killed_run_leaves_its_track(tmp_path: Path) -> None:
    code = (
        "import os, sys\nimport numpy as np\nfrom neurosim.models.worm.track import Recorder\n"
        "class Still:\n    time_ms = 0.0\n    points_mm = np.ones((26, 3))\n    curvature_per_mm = np.zeros(24)\n"
        "body, recorder = Still(), Recorder(sys.argv[1])\n"
        "for k in range(300):\n    body.time_ms = 20.0 * k\n    recorder.add(body, np.zeros((4, 24)))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(tmp_path / "track.h5")], timeout=120, check=False)
    assert ended.returncode == -9
    found = read(tmp_path / "track.h5")
    assert found.time_ms.tolist() == [20.0 * k for k in range(BLOCK_ROWS)]
    assert (found.points_mm == 1.0).all()


def test_an_error_leaves_the_track_under_its_temporary_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="on the way"), Recorder(tmp_path / "track.h5") as recorder:
        record(recorder, 5)
        raise RuntimeError("on the way")
    assert not (tmp_path / "track.h5").exists()
    assert len(read(tmp_path / "track.h5")) == 5


def test_other_fields_than_announced_are_refused() -> None:
    recorder = Recorder(fields=("odour",))
    with pytest.raises(ModelError, match="fields \\['salt'\\]; the recorder was made for \\['odour'\\]"):
        recorder.add(Chain(), np.zeros((4, ROWS)), {"salt": 1.0})


def test_what_is_no_track_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no track can be read"):
        read(tmp_path / "none.h5")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["time_ms"] = [0.0]
    with pytest.raises(ModelError, match="no track: it needs time_ms, points_mm"):
        read(tmp_path / "other.h5")


def test_a_part_of_a_track_is_a_track(track: Track) -> None:
    part = track.between(500.0, 1000.0)
    assert part.time_ms.tolist() == [t for t in track.time_ms.tolist() if 500.0 <= t < 1000.0]
    assert part.fields["odour"].tolist() == track.fields["odour"][24:49].tolist()
    assert part.every_ms == 20.0


# What WCON's schema asks for (openworm/tracker-commons, wcon_schema.json), in our words.
NUMBERS = {"type": "array", "items": {"type": ["number", "null"]}}
SIDES = {"head": ["L", "R", "?"], "ventral": ["CW", "CCW", "?"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["units", "data"],
    "properties": {
        "units": {"type": "object", "required": ["t", "x", "y"], "additionalProperties": {"type": "string"}},
        "metadata": {
            "type": "object",
            "properties": {
                "sex": {"enum": ["hermaphrodite", "male"]},
                "stage": {"enum": ["L1", "L2", "L3", "L4", "adult", "dauer"]},
                "strain": {"type": "string"},
                "media": {"type": "string"},
                "protocol": {"type": "array", "items": {"type": "string"}},
                "software": {
                    "type": "object",
                    "properties": {
                        "tracker": {
                            "type": "object",
                            "properties": {"name": {"type": "string"}, "version": {"type": "string"}},
                        },
                        "featureID": {"type": "string"},
                    },
                },
            },
        },
        "data": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "t", "x", "y"],
                "properties": {
                    "id": {"type": "string"},
                    "t": NUMBERS,
                    "x": {"type": "array", "items": NUMBERS},
                    "y": {"type": "array", "items": NUMBERS},
                    **{name: {"enum": allowed} for name, allowed in SIDES.items()},
                },
                "patternProperties": {"^@": {}},
                "additionalProperties": False,
            },
        },
    },
    "patternProperties": {"^@": {}},
    "additionalProperties": False,
}


def test_a_wcon_file_is_valid_and_holds_the_track(tmp_path: Path, track: Track) -> None:
    jsonschema = pytest.importorskip("jsonschema", reason="checks documents against a schema")
    written = json.loads(wcon.save(track, tmp_path / "track.wcon", media="agar", notes="crawls").read_text("utf-8"))
    jsonschema.Draft7Validator(SCHEMA).validate(written)
    (animal,) = written["data"]
    assert np.array(animal["t"]) * 1e3 == pytest.approx(track.time_ms, abs=1e-2)
    assert np.array(animal["x"]) == pytest.approx(track.points_mm[:, :, 0], abs=1e-5)
    assert np.array(animal["y"]) == pytest.approx(track.points_mm[:, :, 1], abs=1e-5)
    features = animal["@neurosim"]
    assert np.array(features["curvature"]) == pytest.approx(track.curvature_per_mm, abs=1e-5)
    # Every number of a feature has its unit.
    assert set(features) <= set(written["units"])


def test_the_ventral_side_of_a_wcon_worm_lies_clockwise_from_its_head() -> None:
    body = Chain()
    body.reset(heading_rad=0.0, curvature_per_mm=np.full(ROWS, 3.0))
    points = body.points_mm[:, :2]
    # Bent dorsally, the middle bulges to the ventral side; with x to the right and y up, clockwise from east is south.
    middle, ends = points[len(points) // 2], 0.5 * (points[0] + points[-1])
    ahead, bulge = points[0] - points[-1], middle - ends
    clockwise = float(ahead[0] * bulge[1] - ahead[1] * bulge[0]) < 0.0
    assert ("CW" if clockwise else "CCW") == wcon.record(_still(points))["ventral"]


def _still(points: Any) -> Track:
    flat = np.concatenate([points, np.zeros((len(points), 1))], axis=1)[None]
    return Track(np.zeros(1), flat, np.zeros((1, ROWS)), np.zeros((1, 4, ROWS)))


def test_values_that_are_not_finite_are_null_in_wcon() -> None:
    track = _still(np.full((ROWS + 2, 2), 1.0))
    track.points_mm[0, 3, 0] = math.nan
    row = wcon.record(track)["x"][0]
    assert row[3] is None
    assert row[2] == 1.0
    json.dumps(row, allow_nan=False)


def test_an_empty_track_makes_no_wcon() -> None:
    with pytest.raises(ModelError, match="the track is empty"):
        wcon.record(Recorder().track())


def test_a_picture_shows_kymograph_path_and_postures(tmp_path: Path, track: Track) -> None:
    figures = pytest.importorskip("matplotlib.figure", reason="pictures need matplotlib (extra plot)")
    picture = plots.save_figure(track, tmp_path / "track.png", title="an imposed wave")
    assert picture.read_bytes()[:4] == b"\x89PNG"
    axes = figures.Figure().subplots()
    image = plots.draw_kymograph(axes, track, limit_per_mm=8.0)
    assert np.array_equal(np.asarray(image.get_array()), track.curvature_per_mm.T)
    assert image.get_clim() == (-8.0, 8.0)
    axes = figures.Figure().subplots()
    plots.draw_postures(axes, track, count=3)
    bodies = [line.get_xydata() for line in axes.lines if len(line.get_xydata()) > 1]
    assert [body.tolist() for body in bodies] == [track.points_mm[k, :, :2].tolist() for k in (0, 60, 119)]
