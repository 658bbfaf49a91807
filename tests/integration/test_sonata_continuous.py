"""Continuous edges: graded synapses and junctions written, read back, run, and refused where they are wrong."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import h5py
import libsonata
import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import SonataError
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Couplings
from neurosim.model.network import Network
from neurosim.model.rules import AllToAll
from neurosim.morphology.section import Morphology, Section
from neurosim.sonata import read_network, write
from neurosim.sonata.check import summary
from neurosim.sonata.circuit import read
from neurosim.sonata.columns import ORDER
from neurosim.sonata.continuous import joined
from tests.written_network import stubbed

COLUMNS = ("source_gid", "source_node", "target_gid", "target_node")


def branched(seed: int) -> Cell:
    """Return a cell of three sections whose compartments differ from cell to cell."""
    cylinder = Section.cylinder
    sections = (
        cylinder("soma", 4.0 + seed, 4.0),
        cylinder("dend[0]", 60.0, 0.5, 0, 0.5),
        cylinder("dend[1]", 33.0, 0.4, 1),
    )
    cell = Cell(Morphology(sections), name=f"cell {seed}").set(nseg=[1, 2 + seed, 3], ra_ohm_cm=150.0)
    return cell.insert("pas", g=2e-5 * (1 + seed), e=-60.0 + 4.0 * seed)


def graded(seed: int = 5) -> Network:
    """Return two populations with graded synapses in one table and junctions within and between populations."""
    rng = np.random.default_rng(seed)
    net = Network()
    net.add("neurons", 5, [branched(k) for k in range(5)], kind="inter")
    net.add("muscles", 3, [branched(k + 1) for k in range(3)])

    def ends(n: int, low: int, high: int) -> tuple[Any, Any]:
        gids = rng.integers(low, high, n).astype(np.int32)
        cells = [net.cells[g] for g in gids]
        return gids, np.array([rng.choice(c.nodes("all")) for c in cells if isinstance(c, Cell)], np.int32)

    n = 40
    values: dict[str, Any] = {"gmax": rng.uniform(1e-4, 2e-3, n), "e": rng.choice([30.0, -70.0], n), "weight": 0.5}
    source, source_node = ends(n, 0, 5)
    target, target_node = ends(n, 0, 8)
    for column in (source, source_node, target, target_node, values["e"]):
        column[30:] = column[:10]  # contacts of one place
    net.couplings.append(Couplings(library.get("GradedSyn"), "vpre", source, source_node, target, target_node, values))
    (a, a_node), (b, b_node), g = ends(15, 0, 8), ends(15, 0, 8), rng.uniform(1e-4, 1e-3, 15)
    here, there = (np.concatenate(pair) for pair in ((a, b), (a_node, b_node)))
    here2, there2 = (np.concatenate(pair) for pair in ((b, a), (b_node, a_node)))
    net.couplings.append(Couplings(library.get("Gap"), "vgap", here, there, here2, there2, {"g": np.tile(g, 2)}))
    return net


def voltages(net: Network | Path) -> Any:
    """Return the voltages of all somata over 20 ms, one cell driven."""
    if isinstance(net, Path):
        sim = ns.Simulation.from_sonata(net)
    else:
        sim = ns.Simulation(net, dt_ms=0.1, celsius_degC=6.3, v_init_mV=-65.0)
    sim.stimulate("soma(0.5)", ns.Step(start_ms=2.0, duration_ms=10.0, amplitude_nA=0.01), gid=0)
    probes = [sim.record("soma(0.5)", "v_mV", gid=k) for k in range(8)]
    sim.run(until_ms=20.0, progress=False)
    return np.stack([np.asarray(probe) for probe in probes])


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("continuous") / "circuit"
    return write(graded(), folder, extensions=True, run={"tstop_ms": 20.0, "dt_ms": 0.1}).config


def by_target(couplings: list[Couplings]) -> dict[Any, list[tuple[float, ...]]]:
    """Return (mechanism, target) -> source, nodes and values of every row, in order."""
    found: dict[Any, list[tuple[float, ...]]] = {}
    for c in couplings:
        values = {**c.mechanism.defaults, **c.values}
        columns = [np.broadcast_to(np.asarray(values[k], float), (len(c),)) for k in sorted(values)]
        for k in range(len(c)):
            row = (int(c.source_gid[k]), int(c.source_node[k]), int(c.target_node[k]), *(float(v[k]) for v in columns))
            found.setdefault((c.mechanism.name, int(c.target_gid[k])), []).append(row)
    return found


def test_couplings_come_back_with_places_values_and_the_order_of_each_target(config: Path) -> None:
    assert by_target(read_network(config).couplings) == by_target(graded().couplings)


def test_voltages_of_a_network_read_back_are_the_same_bits(config: Path) -> None:
    assert np.array_equal(voltages(graded()), voltages(config))


def test_a_second_round_writes_the_same_edges(config: Path, tmp_path: Path) -> None:
    again = write(read_network(config), tmp_path / "again", extensions=True)
    assert by_target(read_network(again.config).couplings) == by_target(graded().couplings)


def test_the_order_of_rows_is_written_only_where_it_is_needed(config: Path, tmp_path: Path) -> None:
    def has_order(folder: Path) -> bool:
        names: list[str] = []
        for path in folder.glob("network/*_edges.h5"):
            with h5py.File(path) as file:
                file.visit(names.append)
        return any(ORDER in name for name in names)

    net = Network()
    cells = net.add("cells", 3, [branched(k) for k in range(3)])
    net.couple(cells, cells, rule=AllToAll(), at="dend[1](0.9)", source_at="soma(0.5)", g=1e-3)
    done = write(net, tmp_path / "c", extensions=True)
    assert has_order(config.parent) and not has_order(done.folder)
    (ours,), (theirs,) = net.couplings, read_network(done.config).couplings
    for name in COLUMNS:
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name


def test_a_junction_is_one_row_with_both_places_and_acts_on_both_sides(tmp_path: Path) -> None:
    net = Network()
    cells = net.add("cells", 2, [branched(k) for k in range(2)])
    net.couple(cells[:1], cells[1:], rule=AllToAll(), at="dend[1](0.9)", source_at="dend[0](0.1)", g=1e-3)
    done = write(net, tmp_path / "c", extensions=True)
    with h5py.File(done.folder / "network/cells_cells_Gap_edges.h5") as file:
        group = file["edges/cells_cells_Gap/0"]
        assert group["afferent_section_id"][()].tolist() == [2] and group["efferent_section_id"][()].tolist() == [1]
    (back,) = read_network(done.config).couplings
    assert back.source_gid.tolist() == [0, 1] and back.target_gid.tolist() == [1, 0]
    assert back.source_node.tolist() == back.target_node[::-1].tolist()


def test_sides_of_different_conductance_are_one_way_edges_that_come_back(tmp_path: Path) -> None:
    net = Network()
    net.add("cells", 2, [branched(k) for k in range(2)])
    ends = np.array([0, 1, 1], np.int32), np.array([1, 0, 1], np.int32)
    inside = [cell.nodes("all") for cell in net.cells if isinstance(cell, Cell)]
    first, second, third, fourth = inside[0][2], inside[1][3], inside[1][0], inside[1][4]
    nodes = np.array([first, second, third], np.int32), np.array([second, first, fourth], np.int32)
    g = np.array([1e-3, 2e-3, 3e-3])
    net.couplings.append(Couplings(library.get("Gap"), "vgap", ends[0], nodes[0], ends[1], nodes[1], {"g": g}))
    done = write(net, tmp_path / "c", extensions=True)
    (summed,) = read(done.config).edges
    assert (summed.graded_n, summed.junction_n) == (3, 0)
    assert by_target(read_network(done.config).couplings) == by_target(net.couplings)


def test_libsonata_reads_continuous_edges_as_edges_with_attributes(config: Path) -> None:
    storage = libsonata.EdgeStorage(str(config.parent / "network/neurons_muscles_GradedSyn_edges.h5"))
    edges = storage.open_population("neurons_muscles_GradedSyn")
    everything = edges.select_all()
    assert (edges.source, edges.target) == ("neurons", "muscles")
    assert edges.get_attribute("efferent_section_id", everything).max() <= 2
    assert len(edges.get_dynamics_attribute("e", everything)) == edges.size
    assert edges.afferent_edges([0, 1, 2]).flat_size == edges.size


def test_check_counts_continuous_edges(config: Path) -> None:
    circuit = read(config)
    text = summary(circuit)
    assert (
        sum(found.junction_n for found in circuit.edges) == 15 and sum(found.graded_n for found in circuit.edges) == 40
    )
    assert text.count("junctions of both sides") == sum(found.junction_n > 0 for found in circuit.edges)
    assert "x GradedSyn" in text and "weight=0.5" in text


def test_joined_edges_of_one_place_are_one_coupling_with_the_sum_from_small_to_large() -> None:
    columns = ([1, 0, 1, 1, 1], [0, 0, 0, 0, 2], [2, 2, 2, 2, 2], [3, 3, 3, 3, 3])
    source, source_node, target, target_node = (np.array(column, np.int32) for column in columns)
    values: dict[str, Any] = {
        "gmax": np.array([1e-3, 5.0, 1e-19, 2e-3, 7.0]),
        "e": np.array([0.0, 0.0, 0.0, -70.0, 0.0]),
    }
    found = joined(
        Couplings(library.get("GradedSyn"), "vpre", source, source_node, target, target_node, {**values, "k": 0.5})
    )
    assert found.source_gid.tolist() == [0, 1, 1, 1] and found.source_node.tolist() == [0, 0, 0, 2]
    assert np.asarray(found.values["e"]).tolist() == [0.0, -70.0, 0.0, 0.0]
    assert np.asarray(found.values["gmax"]).tolist() == [5.0, 2e-3, 1e-19 + 1e-3, 7.0] and found.values["k"] == 0.5


def test_joined_contacts_give_the_voltages_of_single_ones(config: Path, tmp_path: Path) -> None:
    shutil.copytree(config.parent, tmp_path / "c")
    for table in (tmp_path / "c/network").glob("*_edge_types.csv"):
        head, row = table.read_text().splitlines()
        table.write_text(f"{head} neurosim_joined\n{row} 1\n")
    circuit = read(tmp_path / "c/config.json")
    assert sum(map(len, circuit.couplings)) < sum(map(len, read(config).couplings))
    np.testing.assert_allclose(voltages(tmp_path / "c/config.json"), voltages(config), rtol=0.0, atol=1e-9)


def test_without_extensions_couplings_that_bmtk_has_no_word_for_are_refused(tmp_path: Path) -> None:
    net = Network()
    cells = net.add("cells", 2, stubbed())
    net.couple(cells, cells, "GradedSyn", rule=AllToAll(), at="soma(0.5)", mutual=False)
    with pytest.raises(SonataError, match=r"GradedSyn.*extensions=True"):
        write(net, tmp_path / "c")


def _change(name: str, value: Any) -> Any:
    def change(file: Any) -> None:
        (group,) = file["edges"].values()
        column = group[name][()]
        column[3] = value
        del group[name]
        group[name] = column

    return change


def _remove(name: str) -> Any:
    def remove(file: Any) -> None:
        (group,) = file["edges"].values()
        del group[name]

    return remove


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_change("0/efferent_section_id", 9), r"edge 3 .*is on section 9"),
        (_change("0/efferent_section_pos", 1.5), r"edge 3 .*efferent_section_pos from 0 to 1; got 1.5"),
        (_change("0/afferent_section_pos", -0.5), r"edge 3 .*afferent_section_pos from 0 to 1"),
        (_remove("0/efferent_section_id"), "has no efferent_section_id"),
        (_change("0/syn_weight", np.inf), r"edge 3 .*syn_weight inf"),
    ],
)
def test_a_wrong_continuous_edge_is_reported_with_file_population_and_row(
    config: Path, tmp_path: Path, change: Any, message: str
) -> None:
    shutil.copytree(config.parent, tmp_path / "c")
    name = "neurons_neurons_GradedSyn"
    with h5py.File(tmp_path / f"c/network/{name}_edges.h5", "r+") as file:
        change(file)
    with pytest.raises(SonataError, match=message) as caught:
        read(tmp_path / "c/config.json")
    assert name in str(caught.value) and caught.value.path is not None and caught.value.path.name == f"{name}_edges.h5"


def test_an_edge_of_a_pointer_mechanism_needs_the_prefix(config: Path, tmp_path: Path) -> None:
    shutil.copytree(config.parent, tmp_path / "c")
    table = tmp_path / "c/network/neurons_muscles_GradedSyn_edge_types.csv"
    table.write_text(
        table.read_text()
        .replace("nmodl:", "")
        .replace("is_gap_junction", "is_gap_junction syn_weight delay")
        .replace(" 0\n", " 0 1.0 0.0\n")
    )
    with pytest.raises(SonataError, match="write model_template nmodl:GradedSyn"):
        read(tmp_path / "c/config.json")
