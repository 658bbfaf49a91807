"""TABLE: which routine is tabulated, its row program, and reading it back.

A table belongs to the mechanism, not to an instance: the row program is evaluated once with the values its inputs have
globally, as in NEURON, where DEPEND variables that differ between instances give whichever instance came first.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosim.errors import MechanismError
from neurosim.mechanisms.lower.execute import Context, Executor, flat
from neurosim.mechanisms.lower.ir import Node
from neurosim.mechanisms.syntax import Routine, Table


@dataclass
class Tabulated:
    """One TABLE in values of the graph."""

    routine: str
    count: int
    columns: tuple[str, ...]
    row: list[Node]
    bounds: tuple[Node, Node]


@dataclass
class Tables:
    """The tables met so far; ``lookup`` is the executors' way in."""

    made: list[Tabulated] = field(default_factory=list)

    def lookup(self, context: Context, routine: Routine, table: Table, x: Node) -> dict[str, Node]:
        """Return column name -> interpolated value at ``x``; a function's column has its own name."""
        graph = context.graph
        k = next((k for k, t in enumerate(self.made) if t.routine == routine.name), None)
        if k is None:
            self._tabulate(context, routine, table)
            k = next(k for k, t in enumerate(self.made) if t.routine == routine.name)
        made = self.made[k]
        low, per_step = graph.name(f"table{k}_low"), graph.name(f"table{k}_per_step")
        n = len(made.columns)
        return {
            c: graph.make("lookup", x, low, per_step, data=(f"table{k}", j, n, made.count))
            for j, c in enumerate(made.columns)
        }

    def _tabulate(self, context: Context, routine: Routine, table: Table) -> None:
        if table.count < 1:
            raise MechanismError(
                f"TABLE in {routine.name}: WITH {table.count} intervals; at least 1.",
                path=context.where,
                line=table.line or None,
            )
        ex = Executor(context, line=table.line, pure="TABLE")
        low, high = ex.value(table.low), ex.value(table.high)
        columns = tuple(flat(context.names, table.names)) if table.names else (routine.name,)
        row = Executor(context, line=table.line, pure="TABLE")
        plain_routine = Routine(
            routine.name,
            routine.parameters,
            tuple(s for s in routine.body if not isinstance(s, Table)),
            routine.is_function,
            routine.line,
        )
        result = row.inline(plain_routine, [context.graph.name("x")])
        values = [row.read(c) for c in columns] if table.names else [result]
        self.made.append(Tabulated(routine.name, table.count, columns, values, (low, high)))
