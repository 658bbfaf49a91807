"""docs/scale.md says what the model gives now; the pictures of forecasts are drawn."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from neurosim import cli

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_model_gives() -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "scale_page.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120.0)
    assert done.returncode == 0, f"run `python benchmarks/scale_page.py`. {done.stderr}"


def test_every_picture_of_the_page_is_there() -> None:
    text = (ROOT / "docs" / "scale.md").read_text("utf-8")
    pictures = [part.partition(")")[0] for part in text.split("](")[1:] if part.partition(")")[0].endswith(".png")]
    assert len(pictures) == 3
    assert all((ROOT / "docs" / name).is_file() for name in pictures)


def test_a_plan_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    path = tmp_path / "plan.png"
    assert cli.main(["plan", "--network", "cortex", "--nodes", "10,100,1000", "--plot", str(path)]) == 0
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
