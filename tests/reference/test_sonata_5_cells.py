"""Five Allen cells against NEURON 9.0.2: structure, spikes, voltages, calcium, extracellular potential."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.cli import main
from neurosim.sonata.circuit import read
from tests.sonata_circuit import branching
from tests.tolerances import CROSS_SIM

GEOMETRY = 1e-12
"""Relative: areas, diameters and path lengths of NEURON."""
V_MV = 1e-6
"""After 4 s of spikes: rounding grows along a spike train."""
CAI_MM = CROSS_SIM
ECP = 1e-3
"""Relative rms of the extracellular potential."""


@pytest.fixture(scope="module")
def config(shared_data: Path) -> Path:
    return shared_data / "sonata/5_cells_iclamp/config.json"


@pytest.fixture(scope="module")
def reference(shared_data: Path) -> Path:
    return shared_data / "sonata/reference_neuron9/5_cells_iclamp"


@pytest.fixture(scope="module")
def output(config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("five")
    assert main(["run", str(config), "--output", str(folder), "--quiet"]) == 0
    return folder


def steps(path: Path) -> list[tuple[int, int]]:
    """Return (node, step) of every spike, sorted; times are compared as steps."""
    with h5py.File(path, "r") as file:
        group = file["spikes/biophysical"]
        times = np.round(group["timestamps"][()] / 0.1).astype(int)
        return sorted(zip(group["node_ids"][()].astype(int).tolist(), times.tolist(), strict=True))


@pytest.mark.parametrize("network", ["5_cells_iclamp", "9_cells"])
def test_sections_compartments_and_values_are_those_of_neuron(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    folder = shared_data / "sonata"
    monkeypatch.chdir(folder / network)
    circuit = json.loads(Path("circuit_config.json").read_text())
    for edges in circuit["networks"].get("edges", []):  # synapses arrive with networks
        edges["enabled"] = False
    run = {"run": {"tstop": 1.0}, "conditions": {"celsius": 34.0, "v_init": -80.0}}
    (tmp_path / "config.json").write_text(json.dumps({**circuit, **run}))
    found = read(tmp_path / "config.json")
    structure = json.loads((folder / "reference_neuron9" / network / "structure.json").read_text())
    for model in structure.values():
        gid = model["example_node"]
        cell, recipe = branching(found, gid), found.recipes[gid]
        tree = cell.tree
        assert cell.morphology.names == [s["name"] for s in model["sections"]]
        for i, section in enumerate(model["sections"]):
            nodes = tree.compartments(i)
            paint = recipe.paints[section["name"][:4]]
            assert len(nodes) == section["nseg"]
            assert (paint.ra_ohm_cm, paint.cm_uF_per_cm2) == (section["Ra"], section["cm"])
            for ours, theirs in ((tree.area_um2, "area"), (tree.diam_um, "diam"), (tree.path_um, "dist")):
                assert np.allclose(ours[nodes], section[theirs], rtol=GEOMETRY, atol=1e-12)
            mechanisms = {name for name in section["mech"] if not name.endswith("_ion")}
            assert mechanisms == set(paint.mechanisms)
            if isinstance(section["mech"], dict):
                for name in mechanisms:
                    values = {**recipe.mechanisms[name].defaults, **paint.mechanisms[name]}
                    for parameter in values.keys() & section["mech"][name].keys():
                        assert values[parameter] == section["mech"][name][parameter], (name, parameter)


def test_every_spike_is_at_the_step_of_neuron(output: Path, reference: Path) -> None:
    found, expected = steps(output / "spikes.h5"), steps(reference / "spikes.h5")
    assert len(expected) == 124
    assert found == expected


def test_soma_voltages_are_those_of_neuron(output: Path, reference: Path) -> None:
    with h5py.File(output / "membrane_potential.h5") as ours, h5py.File(reference / "soma_v_f64.h5") as theirs:
        difference = np.abs(ours["report/biophysical/data"][()] - theirs["v"][1:])
    assert difference.shape == (40000, 5)
    assert difference.max() < V_MV


def test_calcium_is_that_of_neuron(output: Path, reference: Path) -> None:
    name = "calcium_concentration.h5"
    with h5py.File(output / name) as ours, h5py.File(reference / name) as theirs:
        difference = np.abs(ours["report/biophysical/data"][()] - theirs["report/biophysical/data"][()])
    assert difference.max() < CAI_MM


def test_the_extracellular_potential_is_that_of_neuron(output: Path, reference: Path) -> None:
    with h5py.File(output / "ecp.h5") as ours, h5py.File(reference / "ecp_700ms_1ms.h5") as theirs:
        found, expected = ours["ecp/data"][9:7000:10], theirs["ecp/data"][()]
    assert found.shape == expected.shape == (700, 86)
    assert np.sqrt(np.mean((found - expected) ** 2) / np.mean(expected**2)) < ECP
    for channel in range(86):
        assert np.sqrt(np.mean((found - expected)[:, channel] ** 2) / np.mean(expected[:, channel] ** 2)) < ECP


def test_point_neurons_are_counted(shared_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = shared_data / "sonata/sim_tests/intfire/ten_cells_spikes_nrn/input"
    assert main(["check", str(folder / "config.json")]) == 0
    assert "5 point" in capsys.readouterr().out
