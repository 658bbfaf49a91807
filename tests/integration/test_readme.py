"""What the README shows works."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from neurosim import cli

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.mark.parametrize(
    ("number", "says", "picture"),
    [
        (0, r"2 spikes at \[ ?6\.2\S* +17\.77\S*\] ms, peak \d+\.\d mV\n", "cell.png"),
        (1, r"[1-9]\d? Hz\n", "raster.png"),
    ],
)
def test_the_python_of_the_readme_runs(tmp_path: Path, number: int, says: str, picture: str) -> None:
    code = blocks("python")[number]
    lines = [line for line in code.splitlines() if line]
    assert len(lines) <= 10
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(says, done.stdout), done.stdout
    assert (tmp_path / picture).stat().st_size > 5000


def test_the_worm_of_the_readme_runs(tmp_path: Path) -> None:
    pytest.importorskip("cect", reason="cect is not installed: pip install 'neurosim[worm]'")
    code = blocks("python")[2]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=280
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = re.fullmatch(r"\[ *(\S+) +(\S+) +0\. *\] (\S+)\n", done.stdout)
    assert found is not None, done.stdout
    assert abs(float(found[1])) < 0.1 and -80.0 < float(found[3]) < 60.0


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines() if line])
def test_every_command_of_the_readme_is_known(line: str) -> None:
    words = shlex.split(line.removeprefix("mpiexec -n 4 "), comments=True)
    program, name, *rest = words
    if program == "make":
        assert re.search(rf"^{name}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        return
    assert program == "neurosim"
    assert name in cli.COMMANDS
    usage = subprocess.run(
        [sys.executable, "-m", "neurosim", name, "--help"], capture_output=True, text=True, timeout=60
    ).stdout
    assert all(option in usage for option in rest if option.startswith("--"))


@pytest.mark.parametrize(
    "name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/README.md"]
)
def test_links_lead_to_files(name: str) -> None:
    path = ROOT / name
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (path.parent / target).exists(), target
