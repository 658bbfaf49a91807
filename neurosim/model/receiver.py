"""What is at the end of a connection: a synapse in a place of a cell, or a point cell that takes the events itself."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from neurosim.errors import MechanismError, ModelError
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.model.cell import Cell, _as_mechanism
from neurosim.model.pairs import Pair, Rule
from neurosim.model.places import Place, Places, places_on
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.population import Population
from neurosim.model.values import Column, Value


def checked_rule(rule: object) -> Rule:
    """Return the rule; refuse what is none."""
    if not isinstance(rule, Rule):
        raise ModelError(f"rule={rule!r} is not allowed; give one of ns.rules, for instance ns.rules.AllToAll()")
    return rule


def process_of(mechanism: Mechanism | str) -> Mechanism:
    """Return the point process, by name or as it is; refuse other kinds."""
    process = _as_mechanism(mechanism)
    if process.kind is not Kind.POINT:
        raise MechanismError(
            f"{process.name} is a {process.kind.value} mechanism and cannot be put into a place of a cell; allowed: "
            "point processes such as ExpSyn"
        )
    return process


def only_branching(population: Population) -> None:
    """Refuse cells without places."""
    others = {type(cell).__name__ for cell in population.cells if not isinstance(cell, Cell)}
    if others:
        raise ModelError(
            f"population {population.label} has cells of the kind {', '.join(sorted(others))}, which have no membrane"
        )


def receiver(
    target: Population,
    synapse: Mechanism | str | None,
    at: Place | None,
    values: Mapping[str, Value],
    rows_n: int | None,
) -> tuple[Mechanism | None, Places | None]:
    """Return the synapse and its places, both None where the targets are point cells."""
    kinds = {type(cell) for cell in target.cells}
    if SpikeTrain in kinds:
        raise ModelError(f"population {target.label} plays given spikes and receives none; it can only be a source")
    if kinds == {PointCell}:
        if synapse is not None or at is not None or values:
            what = "a synapse" if synapse is not None else "at" if at is not None else ", ".join(values)
            raise ModelError(
                f"population {target.label} is of point cells, which receive the events themselves, got {what}; "
                "leave out synapse, at and parameters"
            )
        deaf = [cell for cell in set(target.cells) if isinstance(cell, PointCell) and _deaf(cell.mechanism)]
        if deaf:
            raise MechanismError(f"{deaf[0].mechanism.name} has no NET_RECEIVE and receives no events")
        return None, None
    only_branching(target)
    if synapse is None:
        raise ModelError(
            f"population {target.label} is of cells with branches; give a synapse, for instance "
            "ns.mechanisms.ExpSyn(tau=2.0)"
        )
    mechanism = process_of(synapse)
    if _deaf(mechanism):
        raise MechanismError(f"{mechanism.name} has no NET_RECEIVE and receives no events; it is no synapse")
    if at is None:
        raise ModelError(f'at is missing; give the place of {mechanism.name}, for instance at="soma(0.5)" or at="dend"')
    return mechanism, places_on(target, at, rows_n)


def _deaf(mechanism: Mechanism) -> bool:
    return mechanism.code.net_receive is None


def columns_of(
    mechanism: Mechanism | None, given: Mapping[str, Value], own: Mapping[str, float], pair: Pair, rule: Rule
) -> dict[str, Column]:
    """Return the columns, checked as far as they can be before rows are drawn; ``own`` has least values."""
    columns = {}
    for name, value in given.items():
        if name in own:
            column = Column(name, value, own[name])
        elif mechanism is None:
            raise ModelError(f"{name} is no value of a connection to point cells; allowed: weight, delay_ms")
        else:
            p = mechanism.parameter(name)
            column = Column(name, value, -np.inf if p.low is None else p.low, np.inf if p.high is None else p.high)
        column.check(pair, rule.rows_n(pair))
        columns[name] = column
    return columns
