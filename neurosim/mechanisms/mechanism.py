"""The one record of a mechanism, made by both front ends and read by everything else.

A ``Mechanism`` is a value: immutable, hashable, comparable, picklable. It holds the declarations, the code as syntax
(``neurosim.mechanisms.syntax``) and where it came from. It holds no numbers of any simulation and no compiled code.

Units are NMODL's: mV, ms, mA/cm2 (density) or nA (point), S/cm2 or uS, mM, um, degC.
"""

from __future__ import annotations

import difflib
import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from itertools import pairwise

from neurosim.errors import MechanismError
from neurosim.mechanisms.syntax import Code, FunctionTable, IonUse, Notice, Parameter, State, Variable


class Kind(Enum):
    """What a mechanism is attached to."""

    DENSITY = "density"
    POINT = "point"
    ARTIFICIAL = "artificial"


Points = tuple[Sequence[float], Sequence[float]]


def _with_points(mechanism: str, table: FunctionTable, given: float | Points) -> FunctionTable:
    if isinstance(given, float | int):
        return replace(table, x=(), y=(float(given),))
    x, y = (tuple(float(value) for value in values) for values in given)
    rising = all(a < b for a, b in pairwise(x))
    if len(x) != len(y) or len(x) < 2 or not rising or not all(map(math.isfinite, x + y)):
        raise MechanismError(
            f"{mechanism}: FUNCTION_TABLE {table.name} got {len(x)} x and {len(y)} y; give two or more finite points "
            "of increasing x."
        )
    return replace(table, x=x, y=y)


@dataclass(frozen=True)
class Mechanism:
    """An ion channel, pump, pool, synapse or electrode.

    Parameters
    ----------
    name : str
        NMODL's SUFFIX or POINT_PROCESS name, or the native name.
    kind : Kind
        Density (per area), point (total current) or artificial cell.
    parameters, states, assigned : tuple
        Declarations. Every parameter has a numeric default.
    ions : tuple of IonUse
        Ion variables read and written.
    nonspecific, electrode : tuple of str
        Names of currents that belong to no ion; electrode currents are positive inwards.
    code : Code
        Blocks and routines.
    notices : tuple of Notice
        What the front end dropped or changed.
    origin : str
        File name or "native", for messages.
    use_tables : bool
        Honour TABLE statements (NEURON's default) or compute directly.
    pointers : tuple of str
        POINTER variables: the engine copies a voltage of another cell into them in every step.
    randoms : tuple of str
        RANDOM variables; all draw from the instance's one stream.
    functions : tuple of FunctionTable
        FUNCTION_TABLEs and their points, which ``with_functions`` sets.
    included : tuple of str
        Files that INCLUDE named, for messages: line n of the k-th of them (from 1) is line k*1000000 + n.
    """

    name: str
    kind: Kind
    parameters: tuple[Parameter, ...] = ()
    states: tuple[State, ...] = ()
    assigned: tuple[Variable, ...] = ()
    ions: tuple[IonUse, ...] = ()
    nonspecific: tuple[str, ...] = ()
    electrode: tuple[str, ...] = ()
    code: Code = Code()
    notices: tuple[Notice, ...] = ()
    origin: str = "native"
    use_tables: bool = True
    pointers: tuple[str, ...] = ()
    randoms: tuple[str, ...] = ()
    included: tuple[str, ...] = ()
    functions: tuple[FunctionTable, ...] = ()

    @cached_property
    def defaults(self) -> dict[str, float]:
        """Return parameter name -> default value."""
        return {p.name: p.default for p in self.parameters}

    @cached_property
    def digest(self) -> str:
        """Return a hash of what decides the generated code (name and defaults of parameters do not)."""
        neutral = tuple(replace(p, default=0.0, low=None, high=None) for p in self.parameters)
        text = repr(replace(self, name="", parameters=neutral, notices=(), origin="", included=()))
        return hashlib.sha256(text.encode()).hexdigest()

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called ``name``.

        Raises
        ------
        MechanismError
            There is none; near names are suggested.
        """
        for p in self.parameters:
            if p.name == name:
                return p
        names = [p.name for p in self.parameters]
        near = difflib.get_close_matches(name, names, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(names) or 'none'}."
        raise MechanismError(f"{self.name}: no parameter {name!r}; {hint}")

    def variant(
        self,
        name: str | None = None,
        *,
        tables: bool | None = None,
        **values: float,
    ) -> Mechanism:
        """Return a copy with another name, other defaults or other treatment of TABLE.

        Parameters
        ----------
        name : str, optional
            Name of the copy; the old one when omitted.
        tables : bool, optional
            Whether TABLE statements are honoured.
        **values : float
            New defaults, in the units of the parameters.
        """
        for key, value in values.items():
            p = self.parameter(key)
            if not (-float("inf") if p.low is None else p.low) <= value <= (float("inf") if p.high is None else p.high):
                raise MechanismError(f"{self.name}: {key}={value:g} is outside {p.low} to {p.high} {p.unit}.")
        new = tuple(replace(p, default=float(values.get(p.name, p.default))) for p in self.parameters)
        use_tables = self.use_tables if tables is None else tables
        copy = replace(self, name=self.name if name is None else name, parameters=new, use_tables=use_tables)
        if use_tables == self.use_tables:
            copy.__dict__["digest"] = self.digest  # names and defaults are no part of it
        return copy

    def with_functions(self, **points: float | Points) -> Mechanism:
        """Return a copy whose FUNCTION_TABLEs have values: ``with_functions(tab=([0, 1], [2, 5]))``.

        Parameters
        ----------
        **points : float or (x, y)
            A constant, or points of increasing x, straight between them and level beyond; in the mechanism's units.
        """
        known = [f.name for f in self.functions]
        for name in points:
            if name not in known:
                raise MechanismError(f"{self.name}: no FUNCTION_TABLE {name!r}; it has {', '.join(known) or 'none'}.")
        made = tuple(_with_points(self.name, f, points[f.name]) if f.name in points else f for f in self.functions)
        return replace(self, functions=made)

    def __call__(self, *, tables: bool | None = None, **values: float) -> Mechanism:
        """Return a variant of the same name: ``HH(gnabar=0.2)``."""
        return self.variant(None, tables=tables, **values)

    def __str__(self) -> str:
        from neurosim.mechanisms.show import equations

        return equations(self)

    def _repr_html_(self) -> str:
        from neurosim.mechanisms.show import html

        return html(self)
