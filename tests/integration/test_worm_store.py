"""The worm on disk: every number comes back, a run from the files has the same voltages, wrong files are refused."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import libsonata
import numpy as np
import pytest

import neurosim as ns
from neurosim import cli
from neurosim.errors import ModelError, NeurosimError
from neurosim.models.worm import store
from neurosim.models.worm.loop import published_model
from neurosim.models.worm.model import MUSCLES, NEURONS, TRANSMITTERS, Contacts, WormModel
from neurosim.models.worm.network import network_of
from neurosim.models.worm.packages import PACKAGES
from neurosim.morphology.swc import read_swc
from neurosim.sonata.circuit import read
from tests.invented_worm import invented_worm


@pytest.fixture(scope="module")
def model() -> WormModel:
    return invented_worm()


@pytest.fixture(scope="module")
def folder(model: WormModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return store.write(model, tmp_path_factory.mktemp("worm") / "circuit", run={"tstop_ms": 20.0}).folder


@pytest.fixture(scope="module")
def again(folder: Path) -> WormModel:
    return store.read(folder)


def same_contacts(a: Contacts, b: Contacts) -> None:
    for name, column in vars(a).items():
        other = getattr(b, name)
        assert column.dtype == other.dtype and np.array_equal(column, other, equal_nan=column.dtype.kind == "f"), name


def test_names_kinds_and_classes_come_back(model: WormModel, again: WormModel) -> None:
    assert (again.names, again.kind, again.cell_class) == (model.names, model.kind, model.cell_class)


def test_sections_come_back_with_order_parents_and_points_to_the_last_bit(model: WormModel, again: WormModel) -> None:
    for ours, theirs in zip(model.morphologies, again.morphologies, strict=True):
        for a, b in zip(ours.sections, theirs.sections, strict=True):
            assert (a.name, a.parent, a.parent_x) == (b.name, b.parent, b.parent_x)
            assert np.array_equal(np.asarray(a.points), np.asarray(b.points))


def test_conductances_and_cable_come_back(model: WormModel, again: WormModel) -> None:
    assert again.densities.keys() == model.densities.keys() and again.cable.keys() == model.cable.keys()
    for name, values in model.densities.items():
        for key, column in values.items():
            assert np.array_equal(column, again.densities[name][key]), (name, key)
    for key, column in model.cable.items():
        assert np.array_equal(column, again.cable[key]), key


def test_contacts_come_back_in_order_with_places_conductances_and_transmitters(
    model: WormModel, again: WormModel
) -> None:
    for name in store.EDGES:
        same_contacts(getattr(model, name), getattr(again, name))


def voltages(sim: ns.Simulation) -> Any:
    """Return the voltage of every soma over 20 ms, one cell driven."""
    sim.stimulate("soma(0.5)", ns.Step(start_ms=1.0, duration_ms=15.0, amplitude_nA=0.01), gid=3)
    probes = [sim.record("soma(0.5)", "v_mV", gid=gid) for gid in range(0, 397, 7)]
    sim.run(until_ms=20.0, progress=False)
    return np.stack([np.asarray(probe) for probe in probes])


@pytest.mark.parametrize(("detail", "pieces_um"), [("adaptive", None), ("full", 8.0)])
def test_a_run_from_the_files_has_the_voltages_of_the_network_bit_by_bit(
    model: WormModel, tmp_path: Path, detail: str, pieces_um: float | None
) -> None:
    done = store.write(model, tmp_path / "c", detail=detail, pieces_um=pieces_um, run={"dt_ms": 0.5})
    net = network_of(store.read(done.folder), detail=detail, pieces_um=pieces_um)
    v_init_mV = read(done.config).config.run.v_init_mV
    ours = voltages(ns.Simulation(net, dt_ms=0.5, v_init_mV=v_init_mV))
    assert np.ptp(ours, axis=1).max() > 1.0
    assert np.array_equal(ours, voltages(ns.Simulation.from_sonata(done.config)))


def test_the_worm_that_crawls_comes_back_and_runs_with_the_same_voltages(tmp_path: Path) -> None:
    for package in PACKAGES:
        pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")
    ours = published_model()
    done = store.write(ours, tmp_path / "c")
    theirs = store.read(done.folder)
    for name in store.EDGES:
        same_contacts(getattr(ours, name), getattr(theirs, name))
    v_init_mV = read(done.config).config.run.v_init_mV
    mine = voltages(ns.Simulation(network_of(ours), dt_ms=0.5, v_init_mV=v_init_mV))
    assert np.array_equal(mine, voltages(ns.Simulation.from_sonata(done.config)))


def test_contacts_of_one_place_are_one_coupling_as_in_the_network(model: WormModel, folder: Path) -> None:
    edges_n = sum(len(getattr(model, name)) for name in ("chemical", "neuromuscular"))
    couplings = {False: 0, True: 0}
    for c in read(folder / "config.json").couplings:
        couplings[c.mechanism.name == "Gap"] += len(c)
    wanted = {False: 0, True: 0}
    for c in network_of(model).couplings:
        wanted[c.mechanism.name == "Gap"] += len(c)
    assert couplings == wanted and couplings[False] <= edges_n


def test_junctions_are_reciprocal_by_construction(folder: Path) -> None:
    with h5py.File(folder / "network/neurons__neurons__electrical_edges.h5") as file:
        assert len(file["edges/neurons__neurons__electrical/source_node_id"]) == 200
    for c in read(folder / "config.json").couplings:
        if c.mechanism.name == "Gap":
            g = np.asarray(c.values["g"]).tolist()
            sides = zip(c.source_gid, c.source_node, c.target_gid, c.target_node, g, strict=True)
            rows = sorted(tuple(map(float, row)) for row in sides)
            assert rows == sorted((r[2], r[3], r[0], r[1], r[4]) for r in rows)


def test_libsonata_reads_nodes_with_conductances_and_contacts_with_transmitters(model: WormModel, folder: Path) -> None:
    neurons = libsonata.NodeStorage(str(folder / "network/neurons_nodes.h5")).open_population("neurons")
    everybody = neurons.select_all()
    assert neurons.get_attribute("cell_name", everybody).tolist() == list(model.names[:NEURONS])
    shl1 = neurons.get_dynamics_attribute("soma.gbar_shl1", everybody)
    assert np.array_equal(shl1, model.densities["shl1"]["gbar"][:NEURONS])
    name = "neurons__neurons__chemical"
    edges = libsonata.EdgeStorage(str(folder / f"network/{name}_edges.h5")).open_population(name)
    words = edges.get_enumeration("transmitter", edges.select_all())
    known = edges.enumeration_values("transmitter")
    assert [known[k] for k in words] == [TRANSMITTERS[code] for code in model.chemical.transmitter]


def test_others_read_the_morphologies_as_swc(model: WormModel, folder: Path) -> None:
    shape = read_swc(folder / "components/morphologies/N000.swc")
    ours = model.morphologies[0]
    assert len(shape.sections) == len(ours.sections)
    length = sum(s.length_um for s in ours.sections[1:])
    assert sum(s.length_um for s in shape.sections[1:]) == pytest.approx(length, rel=0.1)


def test_an_ablated_worm_without_contacts_is_written_and_read(model: WormModel, tmp_path: Path) -> None:
    nothing = {name: getattr(model, name).taken(np.zeros(0, np.intp)) for name in store.EDGES}
    back = store.read(store.write(replace(model, **nothing), tmp_path / "c").folder)
    for name in store.EDGES:
        same_contacts(nothing[name], getattr(back, name))


def test_a_folder_that_is_there_is_kept_and_a_failed_write_leaves_nothing(model: WormModel, tmp_path: Path) -> None:
    place = tmp_path / "c"
    place.mkdir()
    (place / "config.json").write_text("{}")
    with pytest.raises(NeurosimError, match=r"config\.json"):
        store.write(model, place)
    bad = replace(model, densities={**model.densities, "pas": {"g": np.full(397, np.nan), "e": np.zeros(397)}})
    with pytest.raises(NeurosimError):
        store.write(bad, tmp_path / "d")
    assert [path.name for path in tmp_path.iterdir()] == ["c"] and (place / "config.json").read_text() == "{}"


def test_the_detail_of_points_is_refused(model: WormModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="detail='point'; allowed: adaptive, full"):
        store.write(model, tmp_path / "c", detail="point")


def _edges(name: str, column: str, value: Any) -> Any:
    def change(folder: Path) -> None:
        with h5py.File(folder / f"network/{name}_edges.h5", "r+") as file:
            values = file[f"edges/{name}/{column}"]
            values[5] = value

    return change


def _swc(old: str, new: str) -> Any:
    def change(folder: Path) -> None:
        path = folder / "components/morphologies/N007.swc"
        path.write_text(path.read_text().replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_edges("neurons__neurons__chemical", "source_node_id", 999), r"edge 5.*999|999.*neurons"),
        (_edges("neurons__neurons__electrical", "0/efferent_section_id", 40), "edge 5.*section 40"),
        (_swc("# section dend[1] ", "# part dend[1] "), r"N007.swc.*line \d+.*no remark"),
        (_swc(" nseg 1 ", " nseg 0 "), r"N007.swc.*nseg 0"),
        (_swc("points 4", "points 400"), r"N007.swc.*says 400 points|N007.swc.*dend\[0\]"),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(folder: Path, tmp_path: Path, change: Any, message: str) -> None:
    shutil.copytree(folder, tmp_path / "c")
    change(tmp_path / "c")
    with pytest.raises(NeurosimError, match=message):
        read(tmp_path / "c/config.json")


def test_another_circuit_is_no_worm(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "c")
    circuit = json.loads((tmp_path / "c/circuit_config.json").read_text())
    circuit["networks"]["nodes"] = circuit["networks"]["nodes"][:1]
    circuit["networks"]["edges"] = circuit["networks"]["edges"][:1]
    (tmp_path / "c/circuit_config.json").write_text(json.dumps(circuit))
    with pytest.raises(NeurosimError, match=r"is no worm.*it has 302 neurons"):
        store.read(tmp_path / "c")


def test_run_simulates_the_folder(folder: Path, tmp_path: Path) -> None:
    assert cli.main(["run", str(folder / "config.json"), "--output", str(tmp_path / "out"), "--quiet"]) == 0
    with h5py.File(tmp_path / "out/soma_v.h5") as file:
        assert file["report/neurons/data"].shape == (40, NEURONS)
        assert file["report/muscles/data"].shape == (40, MUSCLES)


def test_info_tells_cells_contacts_and_how_well_parameters_are_known(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["info", str(folder)]) == 0
    text = capsys.readouterr().out
    assert "nodes          neurons: 302 (60 command" in text and "nodes          muscles: 95" in text
    assert "400 contacts of" in text and "200 junctions of" in text
    assert cli.main(["info", str(folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    known = found["parameters"]
    files = known["files"].values()
    for status in ("measured", "published fit", "our fit", "guess"):
        assert known[status] == sum(counts.get(status, 0) for counts in files)
    assert found["edges"]["muscles__muscles__muscular"] == {
        "source": "muscles", "target": "muscles", "edges": 100, "templates": ["nmodl:Gap"], "both_sides": True,
    }  # fmt: skip


def test_info_of_nothing_says_what_can_be_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["info", str(tmp_path / "no.json")]) == 2
    assert "give worm, a SONATA configuration" in capsys.readouterr().err


def test_build_writes_the_worm_and_says_where_it_comes_from(
    model: WormModel, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("neurosim.models.worm.loop.published_model", lambda: model)
    monkeypatch.setattr("neurosim.models.worm.packages.versions", lambda: {"c302": "0.12.1"})
    assert cli.main(["build", "worm", "--out", str(tmp_path / "worm")]) == 0
    text = capsys.readouterr().out
    assert "c302 0.12.1: shapes of the 302 neurons" in text and "components/morphologies: 397 files" in text
    assert store.read(tmp_path / "worm").names == model.names
