"""Runs of BMTK in a process of its own, and what came out, for comparison."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from neurosim.errors import MissingExtraError
from neurosim.mechanisms.compare import nrnivmodl

SIDE = Path(__file__).with_name("bmtk_side.py")


@dataclass(frozen=True)
class Run:
    """A finished run: arrays by name, see ``bmtk_side``."""

    arrays: Mapping[str, npt.NDArray[Any]]

    def synapses(self, gid: int) -> list[tuple[str, float, float, float, int, tuple[float, ...]]]:
        """Return (section, x, weight, delay, source, parameters) of every synapse of a cell, in order of creation."""
        return [_row(str(text)) for text in self.arrays[f"synapses/{gid}"]]


def _row(text: str) -> tuple[str, float, float, float, int, tuple[float, ...]]:
    words = text.split()
    at = 1 if words[0] == "point" else 2
    x = 0.5 if at == 1 else float(words[1])
    values = tuple(float(word.partition("=")[2]) for word in words[at + 3 :])
    return words[0], x, float(words[at]), float(words[at + 1]), int(words[at + 2]), values


def needed() -> Path:
    """Return the folder of BMTK's own mechanisms; skip the test where BMTK or NEURON's compiler is not installed."""
    found = importlib.util.find_spec("bmtk")
    if found is None or found.origin is None:
        pytest.skip('BMTK is not installed: pip install "neurosim[test]"')
    try:
        nrnivmodl()
    except MissingExtraError as error:
        pytest.skip(str(error))
    return Path(found.origin).parent / "utils/scripts/bionet/mechanisms/modfiles"


def build(folder: Path, files: Iterable[Path]) -> None:
    """Build mechanisms in ``folder``; without optimisation, because building is what takes the time."""
    mods = folder / "mods"
    mods.mkdir(parents=True)
    for file in files:
        (mods / file.name).write_bytes(file.read_bytes())
    tool = nrnivmodl()
    environment = {**os.environ, "PATH": f"{Path(tool).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run(
        [tool, "-incflags", "-O0", "mods"], cwd=folder, env=environment, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-2000:]


def run(config: Path, mechanisms: Path) -> Run:
    """Run a configuration with BMTK; ``mechanisms`` is the folder they were built in."""
    out = mechanisms / f"{config.parent.name}.npz"
    done = subprocess.run(
        [sys.executable, str(SIDE), str(config), str(out)], cwd=mechanisms, capture_output=True, text=True, timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, re.sub(r"\[INFO\].*\n", "", done.stdout + done.stderr)[-3000:]
    with np.load(out) as arrays:
        return Run(dict(arrays))
