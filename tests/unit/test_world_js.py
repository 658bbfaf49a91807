"""What Python says of a world the page reads, and its modules for it pass their tests: see tests/js/world.test.mjs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from neurosim.viewer import wire
from neurosim.viewer.world_history import WorldHistory
from neurosim.viewer.world_wire import description, field_bytes, rows_bytes
from tests.sine_worm import ODOUR, world_at

NODE = shutil.which("node")
TESTS = Path(__file__).resolve().parents[1] / "js" / "world.test.mjs"


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_page_reads_what_python_says_of_a_world(tmp_path: Path) -> None:
    history = WorldHistory()
    for k in range(7):
        history.add(world_at(40.0 * k))
    world, rows = world_at(240.0), history.between(0.0, 1e9, 100)
    (tmp_path / "frame").write_bytes(wire.world_frame(240.0, world.numbers(), tag=9, seq=3))
    (tmp_path / "field").write_bytes(field_bytes(ODOUR))
    (tmp_path / "rows").write_bytes(rows_bytes(rows))
    body = world.bodies[0]
    meant = {
        "said": {"tag": 9, **description(world)},
        "points": body.points_mm.ravel().tolist(),
        "muscles": [row.activation.tolist() for row in body.muscles],
        "curve": world.curves[0].values.tolist(),
        "scalars": world.numbers()[-len(world.scalars) :].tolist(),
        "field": {"shape": [96, 72], "fifth": float(ODOUR.values.ravel()[5])},
        "rows": {
            "time_ms": rows.time_ms.tolist(),
            "track": rows.tracks[0].ravel().tolist(),
            "curve": rows.curves[0].ravel().tolist(),
        },
    }
    (tmp_path / "meant.json").write_text(json.dumps(meant))
    done = subprocess.run(
        [str(NODE), "--test", str(TESTS)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, "NEUROSIM_WORLD_CASES": str(tmp_path)},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
