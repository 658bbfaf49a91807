"""The benchmark of scenes runs and finds the figures that have a target. Times are not looked at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def test_the_benchmark_of_scenes_finds_every_figure_that_has_a_target(root: Path, shared_bench: Path) -> None:
    command = [sys.executable, str(root / "benchmarks" / "viewer_scene.py"), "--cells", "3000", "--templates", "3"]
    command += ["--dry", "--views", "3", "--only", "octree", "write", "somata", "neighbourhood"]
    env = {**os.environ, "NEUROSIM_BENCH_DIR": str(shared_bench)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280.0, env=env)
    assert done.returncode == 0, done.stderr
    rows = {row["case"]: row for row in map(json.loads, (x for x in done.stdout.splitlines() if x.startswith("{")))}
    assert rows["octree"]["nodes"] == 1 and rows["neighbourhood"]["whole_cells_least"] > 0
    for figure in ("build_s", "first_view_s", "query_ms_worst", "view_MB_worst", "activity_MB_per_s_worst", "file_GB"):
        assert f"({figure})" in done.stdout
