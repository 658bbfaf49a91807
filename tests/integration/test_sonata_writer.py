"""Networks written as SONATA and read back: nothing is lost, nothing half is left, what cannot be said is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import libsonata
import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import SonataError
from neurosim.mechanisms import Channel, library
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.model.network import Network
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.morphology.section import Morphology, Section
from neurosim.morphology.swc import read_swc
from neurosim.sonata import read_network, write, write_edges, writer
from neurosim.sonata.axon import with_stub
from neurosim.sonata.columns import ORDER
from neurosim.sonata.write_mechanisms import plain
from neurosim.sonata.write_spacing import Spacing
from neurosim.sonata.write_swc import write_shape
from tests.written_network import excitable, invented, small_network

TREE = ("parent_idx", "area_um2", "ri_MOhm", "diam_um", "length_um", "section_idx", "x", "path_um", "nseg")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> writer.Written:
    return write(small_network(), tmp_path_factory.mktemp("written") / "circuit", run={"tstop_ms": 50.0})


@pytest.fixture(scope="module")
def again(written: writer.Written) -> Network:
    return read_network(written.config)


def of_one(*cells: Any, **attributes: Any) -> Network:
    """Return a network of one population."""
    net = Network()
    net.add("cells", len(cells), list(cells), **attributes)
    return net


def stubbed() -> Cell:
    """Return a passive cell of an invented tree with the perisomatic stub."""
    return Cell(with_stub(invented(1))).discretise(max_length_um=20.0).insert("pas", g=1e-5, e=-70.0)


def connected(cell: Cell, nodes: Any, **values: Any) -> Network:
    """Return a network of one cell that excites itself."""
    net, n = of_one(cell), len(nodes)
    ids, numbers = np.zeros(n, np.int32), np.ones(n)
    net.connections.append(
        Connections(library.get("ExpSyn"), ids, ids, np.asarray(nodes, np.int32), numbers, numbers, values)
    )
    return net


def same_cells(ours: Cell, theirs: Cell) -> None:
    """Assert that two cells are the same to the last bit: compartments, membrane, ions."""
    a, b = ours.record, theirs.record
    for name in TREE:
        assert np.array_equal(getattr(a.tree, name), getattr(b.tree, name)), name
    assert np.array_equal(a.cm_uF_per_cm2, b.cm_uF_per_cm2)
    assert np.array_equal(ours.ra_ohm_cm, theirs.ra_ohm_cm)
    assert _painted(a) == _painted(b)
    used = {f"e{use.ion}" for d in a.densities for use in d.mechanism.ions}
    for name in used & (a.ions.keys() | b.ions.keys()):
        there = np.concatenate([d.nodes for d in a.densities if any(f"e{u.ion}" == name for u in d.mechanism.ions)])
        assert np.array_equal(a.ions[name][there], b.ions[name][there], equal_nan=True), name


def _painted(record: Any) -> dict[tuple[str, int], dict[str, float]]:
    """Return (mechanism, node) -> parameter -> value, without ``pas`` that does not conduct."""
    found: dict[tuple[str, int], dict[str, float]] = {}
    for density in record.densities:
        full = {k: np.broadcast_to(np.asarray(v, float), density.nodes.shape) for k, v in density.values.items()}
        for k, node in enumerate(density.nodes.tolist()):
            values = {name: float(column[k]) for name, column in full.items()}
            if (density.mechanism.name, values.get("g")) != ("pas", 0.0):
                found[density.mechanism.name, node] = values
    return found


def rows_by_kind(net: Network) -> dict[Any, list[tuple[float, ...]]]:
    """Return (mechanism and values, target) -> source, node, weight and delay of every row, in order."""
    found: dict[Any, list[tuple[float, ...]]] = {}
    for c in net.connections:
        columns = {k: np.broadcast_to(np.asarray(v, float), (len(c),)) for k, v in c.values.items()}
        for k in range(len(c)):
            values = (
                {} if c.mechanism is None else {**c.mechanism.defaults, **{n: float(v[k]) for n, v in columns.items()}}
            )
            key = (
                None if c.mechanism is None else c.mechanism.name,
                tuple(sorted(values.items())),
                int(c.target_gid[k]),
            )
            node = -1 if c.mechanism is None else int(c.node[k])
            found.setdefault(key, []).append((int(c.source_gid[k]), node, float(c.weight[k]), float(c.delay_ms[k])))
    return found


# --- nothing is lost --------------------------------------------------------------------------------------------------


def test_cells_come_back_to_the_last_bit(again: Network) -> None:
    for ours, theirs in zip(small_network().cells, again.cells, strict=True):
        assert type(ours) is type(theirs)
        if isinstance(ours, Cell) and isinstance(theirs, Cell):
            same_cells(ours, theirs)
        elif isinstance(ours, PointCell) and isinstance(theirs, PointCell):
            assert ours.mechanism.defaults == theirs.mechanism.defaults
        elif isinstance(ours, SpikeTrain) and isinstance(theirs, SpikeTrain):
            assert np.array_equal(ours.times_ms, theirs.times_ms)


def test_connections_come_back_with_node_weight_delay_values_and_order(again: Network) -> None:
    assert rows_by_kind(again) == rows_by_kind(small_network())


def test_populations_come_back_with_attributes_and_places(again: Network) -> None:
    for name, population in small_network().populations.items():
        twin = again.populations[name]
        assert np.array_equal(twin.gids, population.gids)
        assert {k: v.tolist() for k, v in twin.attributes.items()} == {
            k: v.tolist() for k, v in population.attributes.items()
        }
        if population.positions_um is not None:
            assert np.array_equal(np.asarray(twin.positions_um), population.positions_um)


def test_a_second_round_changes_nothing(again: Network, tmp_path: Path) -> None:
    twice = read_network(write(again, tmp_path / "circuit").config)
    assert rows_by_kind(twice) == rows_by_kind(small_network())


def test_files_do_not_depend_on_the_size_of_blocks(
    written: writer.Written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_edges, "BLOCK_ROWS", 7)
    write(small_network(), tmp_path / "circuit", run={"tstop_ms": 50.0})
    for file in sorted(written.folder.glob("network/*.h5")):
        assert _content(file) == _content(tmp_path / "circuit/network" / file.name)


def _content(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with h5py.File(path) as file:
        file.visititems(lambda name, item: found.update({name: item[()].tolist()} if hasattr(item, "shape") else {}))
    return found


def test_all_active_stub_and_plain_tree_come_back(tmp_path: Path) -> None:
    stub = Cell(with_stub(invented(2), allactive=True), name="stub").discretise(max_length_um=20.0)
    stub.insert("pas", g=1e-5, e=-70.0).insert("NaTs", "apic", gbar=0.01)
    bare = Cell(invented(1), name="bare").discretise(max_length_um=20.0)
    back = read_network(write(of_one(stub, bare), tmp_path / "c").config)
    for ours, theirs in zip((stub, bare), back.cells, strict=True):
        assert isinstance(theirs, Cell)
        same_cells(ours, theirs)


@pytest.mark.parametrize("seed", range(8))
def test_swc_holds_every_invented_tree(tmp_path: Path, seed: int) -> None:
    for morphology in (invented(seed), with_stub(invented(seed)), with_stub(invented(seed), allactive=True)):
        cell = Cell(morphology).discretise(max_length_um=20.0)
        write_shape(cell.tree, cell.ra_ohm_cm, tmp_path / "tree.swc", "cell")


def test_swc_keeps_sections_apart_that_do_not_branch(tmp_path: Path) -> None:
    # dend[0] forks into dend[1] and dend[2]; dend[3] goes on from dend[1], which only the order of the lines tells.
    lines = [
        "1 1 0 0 0 6 -1",
        "2 3 0 9 0 1 1",
        "3 3 0 20 0 1 2",
        "4 3 9 30 0 0.6 3",
        "5 3 -9 30 0 0.6 3",
        "6 3 9 50 0 0.5 4",
    ]
    (tmp_path / "apart.swc").write_text("\n".join(lines) + "\n")
    cell = Cell(read_swc(tmp_path / "apart.swc"))
    assert len(cell.morphology.sections) == 5
    (theirs,) = read_network(write(of_one(cell), tmp_path / "c").config).cells
    assert isinstance(theirs, Cell)
    same_cells(cell, theirs)


def test_any_shape_comes_back_with_extensions(tmp_path: Path) -> None:
    cylinder = Section.cylinder
    chain = Morphology(
        (cylinder("soma", 18.8, 18.8), cylinder("dend[0]", 200.3, 2.1, 0, 0.5), cylinder("dend[1]", 99.9, 1.7, 1))
    )
    cells = [
        Cell(chain, name="chain").set(nseg=[1, 4, 2]).insert("hh", "soma").insert("pas", "dend", g=1e-4),
        Cell(with_stub(invented(1), directed=True), name="directed").discretise(max_length_um=20.0).insert("pas"),
        Cell(invented(2), name="whole axon").discretise(max_length_um=10.0).insert("pas").insert("hh", "axon"),
    ]
    done = write(of_one(*cells), tmp_path / "c", extensions=True)
    assert len(done.notes) >= 3
    for ours, theirs in zip(cells, read_network(done.config).cells, strict=True):
        assert isinstance(theirs, Cell)
        same_cells(ours, theirs)
        assert theirs.mechanisms() == ours.mechanisms()


def test_a_mechanism_made_of_equations_is_written_as_nmodl(tmp_path: Path) -> None:
    channel = Channel("drip", "ik = g*n*(v - ek) : mA/cm2\nn' = (0.5 - n)/2.0", g=0.001)
    cell = stubbed().insert(channel, "soma", g=0.002)
    (theirs,) = read_network(write(of_one(cell), tmp_path / "c").config).cells
    assert isinstance(theirs, Cell)
    same_cells(cell, theirs)
    assert plain(theirs.mechanisms()[1]) == plain(channel)


def test_the_faulty_start_of_the_allen_channel_comes_back(tmp_path: Path) -> None:
    cell = stubbed().insert(library.allen("NaV"), "soma", gbar=0.01)
    (theirs,) = read_network(write(of_one(cell), tmp_path / "c").config).cells
    assert isinstance(theirs, Cell)
    same_cells(cell, theirs)


def test_many_sets_of_parameters_stand_edge_by_edge(tmp_path: Path) -> None:
    cell = stubbed()
    nodes = np.resize(cell.nodes("dend"), 300)
    net = connected(cell, nodes, tau=np.linspace(1.0, 2.0, 300), e=-5.0)
    done = write(net, tmp_path / "c")
    assert any("edge by edge" in note for note in done.notes)
    assert rows_by_kind(read_network(done.config)) == rows_by_kind(net)


def test_a_time_constant_that_seconds_would_round_comes_back(tmp_path: Path) -> None:
    taus = [62.947904338816954, 7.955140712847424, 20.0]
    assert [tau / 1e3 * 1e3 == tau for tau in taus] == [False, False, True]
    points = [PointCell(library.get("IntFire1")(tau=tau, refrac=1.1)) for tau in taus]
    back = read_network(write(of_one(*points), tmp_path / "c").config)
    assert [c.mechanism.defaults["tau"] for c in back.cells if isinstance(c, PointCell)] == taus


def test_gap_junctions_come_back(tmp_path: Path) -> None:
    net = _coupled("dend[1](0.5)")
    done = write(net, tmp_path / "c")
    (ours,), (theirs,) = net.couplings, read_network(done.config).couplings
    for name in ("source_gid", "source_node", "target_gid", "target_node"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
    assert len(theirs) == 12 and set(np.asarray(theirs.values["g"]).tolist()) == {2.5e-4}
    assert any("gap.mod" in note for note in done.notes)


def test_order_is_written_only_where_readers_would_change_it(written: writer.Written, tmp_path: Path) -> None:
    def has_order(folder: Path) -> bool:
        return any(ORDER in name for file in folder.glob("network/*_edges.h5") for name in _content(file))

    cell = stubbed()
    done = write(connected(cell, cell.nodes("dend")), tmp_path / "c")
    assert has_order(written.folder) and not has_order(done.folder)


@pytest.mark.parametrize(
    ("lengths", "nseg", "expected"),
    [((200.0, 90.0), (11, 5), 20.0), ((200.0, 90.0), (21, 9), 10.0), ((36.0, 30.0), (3, 1), 18.0)],
)
def test_one_spacing_is_found_for_all_sections(
    tmp_path: Path, lengths: tuple[float, ...], nseg: tuple[int, ...], expected: float
) -> None:
    soma = Section.cylinder("soma", 16.0, 16.0)
    dends = [Section.cylinder(f"dend[{k}]", length, 1.0, 0, 0.5) for k, length in enumerate(lengths)]
    cell = Cell(Morphology((soma, *dends))).set(nseg=[1, *nseg])
    spacing = Spacing()
    spacing.add(cell, "cell")
    value = spacing.dl_um
    assert np.array_equal(Cell(cell.morphology).discretise(max_length_um=value).tree.nseg, cell.tree.nseg)
    assert value == expected


# --- others read it ---------------------------------------------------------------------------------------------------


def test_libsonata_reads_nodes_edges_and_spikes(written: writer.Written) -> None:
    net = small_network()
    for name, population in net.populations.items():
        storage = libsonata.NodeStorage(str(written.folder / f"network/{name}_nodes.h5"))
        nodes = storage.open_population(name)
        assert nodes.size == len(population)
        if name == "E":
            assert (
                nodes.get_attribute("tuning", nodes.select_all()).tolist() == population.attributes["tuning"].tolist()
            )
            assert set(nodes.get_attribute("ei", nodes.select_all())) == {"e"}
    count = 0
    for file in written.folder.glob("network/*_edges.h5"):
        storage = libsonata.EdgeStorage(str(file))
        (name,) = storage.population_names
        edges = storage.open_population(name)
        everything = edges.select_all()
        targets, sources = edges.target_nodes(everything), edges.source_nodes(everything)
        count += edges.size
        for node in np.unique(targets).tolist():
            assert edges.afferent_edges([node]).flatten().tolist() == np.flatnonzero(targets == node).tolist()
        for node in np.unique(sources).tolist():
            assert edges.efferent_edges([node]).flatten().tolist() == np.flatnonzero(sources == node).tolist()
    junctions = sum(map(len, net.couplings)) // 2
    assert count == sum(map(len, net.connections)) + junctions and junctions == 2
    spikes = libsonata.SpikeReader(str(written.folder / "inputs/T_spikes.h5"))["T"].get()
    expected = [
        (k, t) for k, c in enumerate(net.populations["T"].cells) if isinstance(c, SpikeTrain) for t in c.times_ms
    ]
    assert sorted(spikes) == sorted(expected)


def test_columns_are_chunked_and_not_compressed(written: writer.Written) -> None:
    for file in written.folder.glob("network/*.h5"):
        with h5py.File(file) as h5:
            found: list[h5py.Dataset] = []
            h5.visititems(lambda _, item, found=found: found.append(item) if isinstance(item, h5py.Dataset) else None)
            assert found and all(d.chunks is not None and d.compression is None for d in found)


# --- nothing half is left ---------------------------------------------------------------------------------------------


def test_what_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    net = of_one(stubbed())
    write(net, tmp_path / "c")
    with pytest.raises(SonataError, match="overwrite=True"):
        write(net, tmp_path / "c")
    (tmp_path / "c/notes.txt").write_text("mine")
    write(net, tmp_path / "c", run={"tstop_ms": 7.0}, overwrite=True)
    assert json.loads((tmp_path / "c/simulation_config.json").read_text())["run"]["tstop"] == 7.0
    assert (tmp_path / "c/notes.txt").read_text() == "mine"


def test_files_of_others_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/node_sets.json").write_text("mine")
    with pytest.raises(SonataError, match=r"node_sets\.json is there"):
        write(of_one(stubbed()), tmp_path / "c")
    assert [p.name for p in (tmp_path / "c").iterdir()] == ["node_sets.json"]
    assert (tmp_path / "c/node_sets.json").read_text() == "mine"


@pytest.mark.parametrize("stop", ["write", "_write_part"])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write_edges.EdgeWriter, stop, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(small_network(), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moves", [0, 1, 5])
def test_an_interrupted_replacement_leaves_no_circuit_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    net, replace = of_one(stubbed()), os.replace
    done: list[Any] = []

    def limited(*args: Any) -> None:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(args)
        replace(*args)

    write(net, tmp_path / "c")
    monkeypatch.setattr(os, "replace", limited)
    with pytest.raises(KeyboardInterrupt):
        write(net, tmp_path / "c", overwrite=True)
    assert not (tmp_path / "c/config.json").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "c/network").symlink_to(tmp_path / "outside", target_is_directory=True)
    with pytest.raises(SonataError, match="outside the folder"):
        write(of_one(stubbed()), tmp_path / "c", overwrite=True)
    assert list((tmp_path / "outside").iterdir()) == []


# --- what cannot be said ----------------------------------------------------------------------------------------------

Case = tuple[Callable[[], Network], str]


def _with(change: Callable[[Cell], Any]) -> Callable[[], Network]:
    def make() -> Network:
        cell = stubbed()
        change(cell)
        return of_one(cell)

    return make


def _coupled(at: str, *, mutual: bool = True) -> Network:
    net = Network(1)
    cells = net.add("cells", 4, stubbed())
    sources = cells if mutual else cells[:1]
    net.couple(sources, cells if mutual else cells[1:], rule=ns.rules.AllToAll(), at=at, mutual=mutual, g=2.5e-4)
    return net


def _with_globals() -> Network:
    other = library.get("NaV")(alfac=3.0)
    return of_one(stubbed().insert("NaV", "soma"), stubbed().insert(other, "soma"))


def _named(name: str, cell: Any) -> Network:
    net = Network()
    net.add(name, 1, cell)
    return net


CASES: dict[str, Case] = {
    "section": (
        _with(lambda c: c.insert("pas", "dend[1]", g=3e-5)), r"pas\.g is 1e-05 at dend\[0\].* and 3e-05 at dend\[1\]"
    ),
    "part of a region": (
        _with(lambda c: c.insert("hh", "dend[1]")), r"hh is in some of the sections of dend, but not at dend\[0\]"
    ),
    "function": (
        _with(lambda c: c.insert("hh", "apic", gnabar=lambda um: 1e-3 * um)), r"hh\.gnabar is .* at apic\[0\]"
    ),
    "ra": (_with(lambda c: c.set("dend[2]", ra_ohm_cm=99.0)), r"ra_ohm_cm is .* at dend\[0\] and 99 at dend\[2\]"),
    "cm": (
        _with(lambda c: c.set("dend[2]", cm_uF_per_cm2=3.0)), r"cm_uF_per_cm2 is 1 at dend\[0\].* and 3 at dend\[2\]"
    ),
    "no capacitance": (_with(lambda c: c.set("apic", cm_uF_per_cm2=0.0)), "apic has cm_uF_per_cm2=0"),
    "concentration": (_with(lambda c: c.insert("Ca_HVA", "soma").set("soma", cai_mM=1e-3)), r"soma has cai=0\.001 mM"),
    "point process": (
        _with(lambda c: c.place("IClamp", "soma(0.5)")), r"soma\[0\]\(0\.5\) has the point process IClamp"
    ),
    "whole axon": (lambda: of_one(Cell(invented(1)).discretise(max_length_um=20.0).insert("pas")), "extensions=True"),
    "cylinder": (
        lambda: of_one(Cell.cylinder(18.8, 18.8).insert("hh")), r"area_um2 at x=0\.5 is 1110\.36.*extensions=True"
    ),
    "even nseg": (_with(lambda c: c.set("dend[0]", nseg=2)), r"'dend\[0\]' has 2 compartments"),
    "two spacings": (
        lambda: of_one(stubbed(), stubbed().discretise(max_length_um=5.0)), r"no run\.dL gives these numbers"
    ),
    "gap off the middle": (lambda: _coupled("apic[0](0.1)"), r"coupled at apic\[0\]\(.*middle of a section"),
    "one-sided gap": (lambda: _coupled("soma(0.5)", mutual=False), "row 0 has no other side"),
    "global": (_with_globals, r"NaV\.alfac=3 .*GLOBAL"),
    "mixed": (lambda: of_one(stubbed(), SpikeTrain([1.0])), "spike trains and cells in one population"),
    "name": (lambda: _named("../up", stubbed()), "becomes part of file names"),
    "attribute": (lambda: of_one(stubbed(), morphology="x"), "'morphology' has a meaning in SONATA"),
    "no membrane": (
        lambda: connected(c := stubbed(), [int(np.flatnonzero(c.tree.area_um2 == 0.0)[0])]), "has no membrane"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_sonata_cannot_say_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    make, message = CASES[case]
    with pytest.raises(SonataError, match=message):
        write(make(), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_synapses_on_spike_trains_and_events_to_cells_are_refused(tmp_path: Path) -> None:
    one = np.zeros(1, np.int32)
    for mechanism, cell, message in (
        (None, stubbed(), "which has a membrane"),
        ("ExpSyn", SpikeTrain([1.0]), "is a spike train"),
    ):
        net = of_one(cell)
        synapse = None if mechanism is None else library.get(mechanism)
        net.connections.append(Connections(synapse, one, one, one, np.ones(1), np.ones(1)))
        with pytest.raises(SonataError, match=message):
            write(net, tmp_path / "c")


def test_synapses_that_share_a_point_process_are_refused(tmp_path: Path) -> None:
    net = connected(stubbed(), [3, 4, 4])
    (c,) = net.connections
    own = np.array([0, 0, 1], np.int32)
    net.connections[0] = replace(c, instance=own)
    write(net, tmp_path / "c")
    net.connections[0] = replace(c, instance=0 * own)
    with pytest.raises(SonataError, match="rows 1 and 2 share one ExpSyn"):
        write(net, tmp_path / "d")


def test_settings_and_inputs_are_checked(tmp_path: Path) -> None:
    with pytest.raises(SonataError, match="no setting 'tstop'"):
        write(of_one(stubbed()), tmp_path / "c", run={"tstop": 1.0})
    with pytest.raises(SonataError, match="values that JSON has"):
        write(of_one(stubbed()), tmp_path / "c", inputs={"step": {"amp": float("nan")}})
    assert list(tmp_path.iterdir()) == []


def test_excitable_cells_of_one_description_are_one_node_type(written: writer.Written) -> None:
    table = (written.folder / "network/E_node_types.csv").read_text().splitlines()
    assert len(table) == 3 and excitable(1).name.replace(" ", "_") in table[1]
