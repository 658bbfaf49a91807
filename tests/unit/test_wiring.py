"""Which rows of connections share a point process, in what order they stand, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import neurosim as ns
from neurosim.engine.engine import Engine
from neurosim.engine.layout import AnyCell
from neurosim.engine.lowered import lowered
from neurosim.engine.placing import Placing
from neurosim.engine.request import Request
from neurosim.engine.sockets import Sockets, sockets
from neurosim.errors import ModelError
from neurosim.kernels import events
from neurosim.mechanisms import library
from neurosim.model.connections import Connections

SYNAPSE = library.get("Exp2Syn")


def ints(values: Any) -> NDArray[np.int32]:
    return np.asarray(values, np.int32)


def table(
    target: Any, node: Any, *, values: dict[str, Any] | None = None, instance: Any = None, mechanism: Any = SYNAPSE
) -> Connections:
    """Return rows of unit weight and a delay of 1 ms from gid 0."""
    n = len(target)
    return Connections(
        mechanism, ints([0] * n), ints(target), ints(node), np.ones(n), np.ones(n), values or {},
        None if instance is None else ints(instance),
    )  # fmt: skip


# --- sockets ----------------------------------------------------------------------------------------------------------

TAUS, REVERSALS = st.sampled_from([2.0, 3.0, 5.0]), st.sampled_from([0.0, -70.0])
rows_ = st.lists(
    st.tuples(st.integers(0, 2), st.integers(0, 3), TAUS, REVERSALS, st.integers(0, 2)), min_size=1, max_size=12
)


@st.composite
def tables(draw: st.DrawFn) -> list[tuple[Connections, list[tuple[Any, ...]]]]:
    """Draw tables, with the key of each row: what must be equal for two rows to share."""
    out = []
    for number in range(draw(st.integers(1, 3))):
        rows = draw(rows_)
        cell, node, tau, e, mark = (list(column) for column in zip(*rows, strict=True))
        one_e, shares = draw(st.booleans()), draw(st.booleans())
        values = {"tau2": np.array(tau), "e": e[0] if one_e else np.array(e)}
        made = table(cell, node, values=values, instance=mark if shares else None)
        keys = [
            (cell[k], node[k], tau[k], e[0] if one_e else e[k], (number, mark[k]) if shares else (number, "own", k))
            for k in range(len(rows))
        ]
        out.append((made, keys))
    return out


def made_of(given_: list[tuple[Connections, list[tuple[Any, ...]]]], *, joined: bool) -> Sockets:
    columns = [t for t, _ in given_]
    elements = np.concatenate([8 * t.target_gid + t.node for t in columns]).astype(np.int64)
    return sockets(elements, columns, SYNAPSE, joined=joined)


@settings(max_examples=200)
@given(tables(), st.booleans())
def test_rows_share_an_instance_exactly_where_they_may(
    given_: list[tuple[Connections, list[tuple[Any, ...]]]], joined: bool
) -> None:
    found = made_of(given_, joined=joined)
    keys = [key[:4] if joined else key for _, own in given_ for key in own]
    first = list(dict.fromkeys(keys))
    # Instances stand in the order of their first rows.
    assert found.instance.tolist() == [first.index(key) for key in keys]
    assert found.elements.tolist() == [8 * key[0] + key[1] for key in first]
    assert found.cells.tolist() == [key[0] for key in first]
    for place, name in ((2, "tau2"), (3, "e")):
        np.testing.assert_array_equal(
            np.broadcast_to(found.values[name], len(first)), [float(key[place]) for key in first]
        )
    assert found.values["tau1"] == SYNAPSE.defaults["tau1"]


def test_defaults_of_each_table_count() -> None:
    fast, slow = SYNAPSE(tau2=2.0), SYNAPSE(tau2=9.0)
    two = [
        table([0, 0], [1, 1], mechanism=fast),
        table([0], [1], mechanism=slow),
        table([0], [1], values={"tau2": 2.0}),
    ]
    found = sockets(np.ones(4, np.int64), two, fast, joined=True)
    assert found.instance.tolist() == [0, 0, 1, 0]
    np.testing.assert_array_equal(found.values["tau2"], [2.0, 9.0])


# --- engine -----------------------------------------------------------------------------------------------------------


def engine(*connections: Connections, separate: bool = False, threads: int = 1) -> Engine:
    """Return an engine of a given train (0), two equal cells (1, 2) and two point cells (3, 4)."""
    cell = ns.Cell.cylinder(60.0, 10.0, nseg=3).insert("pas").record
    point = ns.PointCell(ns.mechanisms.IntFire1())
    cells: list[AnyCell] = [ns.SpikeTrain([1.0]), cell, cell, point, ns.PointCell(ns.mechanisms.IntFire1(tau=3.0))]
    return Engine(
        Request(
            cells=cells, points=(), gates=(), probes=(), dt_ms=0.025, celsius_degC=6.3, v_init_mV=-65.0, seed=1,
            threads=threads, connections=connections, separate=separate,
        )
    )  # fmt: skip


def count(built: Engine, name: str) -> int:
    return sum(len(c.placed.elements) for c in built.channels if c.mechanism.name == name)


@pytest.mark.parametrize("name", ["ExpSyn", "Exp2Syn", "NMDA", "exp1syn"])
def test_equal_sums_at_one_compartment_are_joined(name: str) -> None:
    rows = table([1, 1, 1, 2], [0, 0, 1, 0], mechanism=library.get(name))
    assert count(engine(rows), name) == 3
    assert count(engine(rows, separate=True), name) == 4


@pytest.mark.parametrize("name", ["STDP", "TsodyksMarkram", "GABAAB", "AlphaSyn"])
def test_synapses_that_are_no_sums_stay_apart(name: str) -> None:
    mechanism = library.get(name)
    additive = lowered(mechanism).additive
    assert additive is None or not additive.joinable
    assert count(engine(table([1, 1, 1, 2], [0, 0, 1, 0], mechanism=mechanism)), name) == 4


def instances(built: Engine, name: str) -> list[int]:
    """Return the instance of each row onto a mechanism; the engine itself forgets them."""
    roster = Placing(built.request, built.layout, built.leak).roster()
    (found,) = (instance for (mechanism, _), _, instance in roster.plugs if mechanism == name)
    rows: list[int] = found.tolist()
    return rows


def test_rows_that_say_so_share_an_instance() -> None:
    stdp = library.get("STDP")
    shared = table([1, 1, 1, 2], [0, 0, 1, 0], mechanism=stdp, instance=[7, 7, 7, 7])
    built = engine(shared, table([1], [0], mechanism=stdp))
    assert count(built, "STDP") == 4
    assert instances(built, "STDP") == [0, 0, 1, 2, 3]


def test_equal_mechanisms_under_two_names_stay_apart() -> None:
    other = SYNAPSE.variant("other")
    built = engine(table([1], [0]), table([1], [0], mechanism=other))
    assert (count(built, "Exp2Syn"), count(built, "other")) == (1, 1)


@pytest.mark.parametrize("threads", [1, 3])
def test_each_range_has_the_rows_of_its_cells_in_order_of_source(threads: int) -> None:
    rows = Connections(
        library.get("STDP"), ints([3, 0, 2, 0, 3]), ints([1, 2, 1, 1, 2]), ints([0, 1, 2, 0, 2]),
        np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 2.0, 3.0, 4.0, 1.5]),
    )  # fmt: skip
    direct = Connections(
        None, ints([0, 1, 4]), ints([4, 3, 3]), ints([0] * 3), np.array([7.0, 8.0, 9.0]), np.full(3, 1.0)
    )
    built = engine(rows, direct, threads=threads)
    assert len(built._ranges) == (1 if threads == 1 else 2)
    found = []
    for r in built._ranges:
        wires = r.range.wires
        for source in range(5):
            for c in range(int(wires.first[source]), int(wires.first[source + 1])):
                row = r.range.entries[wires.entry[c] % events.RECEIVERS]
                assert row[events.PLACES] > wires.index[c]
                at = int(wires.arg[c]) if len(wires.arg) else c
                found.append((source, float(wires.args[at]), float(wires.delay_ms[c])))
    expected = [*zip([3, 0, 2, 0, 3], [1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 2.0, 3.0, 4.0, 1.5], strict=True)]
    assert sorted(found) == sorted([*expected, (0, 7.0, 1.0), (1, 8.0, 1.0), (4, 9.0, 1.0)])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (table([5], [0]), "connections: target_gid=5 is not there; allowed: 0 to 4"),
        (table([-1], [0]), "connections: target_gid=-1 is not there; allowed: 0 to 4"),
        (
            Connections(SYNAPSE, ints([0, 9]), ints([1, 1]), ints([0, 0]), np.ones(2), np.ones(2)),
            "connections: source_gid=9 is not there; allowed: 0 to 4",
        ),
        (table([1, 2], [0, 3]), r"connections: row 1: node=3 is not in gid 2; allowed: 0 to 2"),
        (table([1], [-1]), r"connections: row 0: node=-1 is not in gid 1; allowed: 0 to 2"),
        (table([1, 3], [0, 0]), "connections: gid 3 is a point cell and has no place for Exp2Syn; give no synapse"),
        (table([3, 1], [0, 0], mechanism=None), r"connections: gid 1 is no point cell .* give a synapse"),
        (table([0], [0], mechanism=None), r"connections: gid 0 is no point cell .* give a synapse"),
    ],
)
def test_rows_that_lead_nowhere_are_refused(rows: Connections, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        engine(rows)


def test_tables_without_rows_are_no_error() -> None:
    assert count(engine(table([], []), table([], [], mechanism=None)), "Exp2Syn") == 0


def test_variants_of_a_point_cell_get_their_own_values() -> None:
    built = engine(table([4, 3], [0, 0], mechanism=None))
    (channel,) = (c for c in built.channels if c.mechanism.name == "IntFire1")
    np.testing.assert_array_equal(channel.placed.values["tau"], [10.0, 3.0])
    assert instances(built, "IntFire1") == [1, 0]
