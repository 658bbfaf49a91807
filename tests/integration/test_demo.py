"""The small demonstration from a shell, and its numbers against BMTK and NEURON. Kind of evidence: other simulator."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

# As the project promises for 5_cells_iclamp: soma voltages within 1e-6 mV of NEURON's.
SOMA_V_mV = 1e-6


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a finished demonstration; standard output lies in ``said.txt``."""
    folder = tmp_path_factory.mktemp("demo") / "here"
    command = [sys.executable, "-m", "neurosim", "demo", "--small", "--no-view", "--output", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no bar and no warning when this is not a terminal"
    (folder / "said.txt").write_text(done.stdout)
    return folder


@pytest.fixture(scope="module")
def reference(root: Path) -> h5py.File:
    """What BMTK and NEURON give, from make_demo.py."""
    return h5py.File(root / "tests" / "data" / "demo_neuron9.h5")


def test_demo_says_where_its_files_are(demo: Path) -> None:
    said = (demo / "said.txt").read_text()
    for name in ("config.json", "output/spikes.h5", "output/soma_v.h5", "demo.png"):
        assert str(demo / name) in said
        assert (demo / name).is_file()


def test_demo_spikes_are_neurons_at_the_same_steps(demo: Path, reference: h5py.File) -> None:
    with h5py.File(demo / "output" / "spikes.h5") as file:
        nodes, times_ms = file["spikes/demo/node_ids"][:], file["spikes/demo/timestamps"][:]
    order = np.lexsort((nodes, times_ms))
    dt_ms = 0.05
    assert nodes[order].tolist() == reference["node_ids"][:].tolist()
    assert np.rint(times_ms[order] / dt_ms).tolist() == np.rint(reference["timestamps_ms"][:] / dt_ms).tolist()


def test_demo_voltages_are_neurons(demo: Path, reference: h5py.File) -> None:
    every = reference.attrs["every"]
    with h5py.File(demo / "output" / "soma_v.h5") as file:
        v_mV = file["report/demo/data"][every - 1 :: every]
    assert np.max(np.abs(v_mV - reference["soma_v_mV"][:])) < SOMA_V_mV


def test_the_picture_shows_something(demo: Path) -> None:
    image = pytest.importorskip("matplotlib.image")
    pixels = image.imread(demo / "demo.png")
    assert pixels.shape[0] > 500
    assert len(np.unique(pixels.reshape(-1, pixels.shape[-1]), axis=0)) > 100


def test_a_demo_without_matplotlib_runs_and_names_the_extra(tmp_path: Path) -> None:
    blocker = tmp_path / "blocked" / "matplotlib"
    blocker.mkdir(parents=True)
    (blocker / "__init__.py").write_text("raise ImportError('blocked')\n")
    command = [sys.executable, "-m", "neurosim", "demo", "--small", "--no-view", "--output", str(tmp_path / "d")]
    command += ["--cells", "3", "--tstop-ms", "20"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "blocked")}
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, env=env)
    assert done.returncode == 0, done.stderr
    assert 'no picture: the picture of the demo needs matplotlib: pip install "neurosim[plot]"' in done.stdout
