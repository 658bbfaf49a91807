"""What a cell costs: by compartments, mechanisms and synapses, the same everywhere."""

from __future__ import annotations

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.cost import AnyCell, Coefficients, Operations, Prices, coefficients_of, costs_of, operations_of
from neurosim.errors import ModelError
from neurosim.mechanisms import library
from neurosim.model.connections import Connections
from neurosim.model.point import Elsewhere, PointCell, SpikeTrain


def cable(nseg: int, *names: str) -> ns.Cell:
    cell = ns.Cell.cylinder(length_um=100.0, diam_um=2.0)
    cell.set(nseg=nseg)
    for name in names:
        cell.insert(library.get(name))
    return cell


def test_cost_is_that_of_compartments_instances_and_synapses() -> None:
    t = Coefficients(node_ns=1.0, instance_ns=10.0, simple_ns=0.0, vector_ns=0.0, scalar_ns=0.0, delivery_ns=0.5)
    cell = cable(5, "pas", "HH")
    nodes = len(cell.record.tree)

    # The leak is part of the cable.
    assert costs_of([cell], 0, t).tolist() == [nodes * 1.0 + 5 * 10.0]
    # A million synapses are everywhere.
    many = costs_of([cell], [1_000_000], t)[0]
    assert many == pytest.approx(nodes * (1.0 + t.synapse_ns) + 5 * 10.0 + 500_000.0, rel=1e-9)


def connections(name: str, targets: list[int]) -> Connections:
    n = len(targets)
    zeros = np.zeros(n, np.int32)
    return Connections(library.get(name), zeros, np.array(targets, np.int32), zeros, np.ones(n), np.ones(n))


def test_synapses_that_cannot_be_joined_cost_as_many_instances() -> None:
    t = Coefficients(delivery_ns=0.0)
    cells = [cable(1), cable(1)]
    apart, joined = (connections(name, [0] * 1000) for name in ("AMPANMDA", "ExpSyn"))
    own = costs_of(cells, 0, t)

    above = [costs_of(cells, [1000, 0], t, [table]) - own for table in (apart, joined)]

    nodes = len(cells[0].record.tree)
    assert above[0].tolist() == pytest.approx([1000 * Prices(t).mechanism_ns(library.get("AMPANMDA")), 0.0])
    assert above[1].tolist() == pytest.approx([nodes * Prices(t).mechanism_ns(library.get("ExpSyn")), 0.0])


def test_tables_are_among_the_counted_synapses() -> None:
    with pytest.raises(ModelError, match="count all of them"):
        costs_of([cable(1)], [3], tables=[connections("ExpSyn", [0] * 4)])


def test_operations_are_counted_in_the_programs_text() -> None:
    # i = g (v - e): two, and the state times a factor: one.
    assert operations_of(library.get("ExpSyn")) == Operations(simple=3)
    # pow counts as two logarithms.
    assert operations_of(library.get("SK")).scalar == 2
    # A written concentration: a logarithm for the reversal potential.
    assert operations_of(library.get("CaDynamics")).scalar == 1
    assert operations_of(library.get("OUNoise")).draws == 1


def test_more_channels_and_more_compartments_cost_more() -> None:
    cells = [cable(1), cable(1, "HH"), cable(9, "HH"), cable(9, "HH", "Im")]

    costs = costs_of(cells)

    assert (np.diff(costs) > 0.0).all()


def test_trains_and_cells_elsewhere_cost_nothing_and_point_cells_little() -> None:
    point = PointCell(library.get("IntFire1"))

    costs = costs_of([SpikeTrain([1.0]), Elsewhere(), point, cable(1, "HH")], 10)

    assert costs[0] == costs[1] == 0.0
    assert 0.0 < costs[2] < costs[3]


def test_a_cell_that_stands_for_many_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[object] = []
    original = Prices.cell_ns

    def noted(self: Prices, cell: AnyCell) -> float:
        looked.append(cell)
        return original(self, cell)

    monkeypatch.setattr(Prices, "cell_ns", noted)
    a, b = cable(1, "HH"), cable(3, "HH")

    costs = costs_of([a, b, a, a], [0, 0, 0, 7])

    assert len(looked) == 2
    assert costs[0] == costs[2] < costs[3]


def test_a_record_costs_what_its_cell_costs() -> None:
    cell = cable(3, "HH")

    assert costs_of([cell]).tolist() == costs_of([cell.record]).tolist()


def test_a_mechanism_of_other_defaults_has_the_same_price() -> None:
    prices = Prices()

    assert prices.mechanism_ns(ns.mechanisms.ExpSyn(tau=2.0)) == prices.mechanism_ns(ns.mechanisms.ExpSyn(tau=9.0))


@pytest.mark.parametrize("synapses", [[1.0], [[1.0, 2.0]], [-1.0, 0.0]])
def test_wrong_counts_of_synapses_are_refused(synapses: list) -> None:
    with pytest.raises(ModelError, match="synapses_n"):
        costs_of([cable(1), cable(1)], synapses)


def test_coefficients_come_from_a_file_by_name() -> None:
    assert coefficients_of({"node_ns": 2}).node_ns == 2.0
    with pytest.raises(ModelError, match="nodes_ns"):
        coefficients_of({"nodes_ns": 2.0})
    with pytest.raises(ModelError, match="node_ns=-1"):
        coefficients_of({"node_ns": -1.0})
