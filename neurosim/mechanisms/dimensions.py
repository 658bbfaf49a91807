"""Checks the units that native equations state; nothing is ever converted.

Where every factor of an expression has a known unit, the right side of an equation must have the unit of its left
side, scale included (S/cm2 times mV is mA/cm2). A bare number may carry any unit in a sum, and makes a product unknown.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from neurosim.mechanisms.equations import Line
from neurosim.mechanisms.mechanism import Kind
from neurosim.mechanisms.nmodl.check import Symbols
from neurosim.mechanisms.syntax import Assign, Binary, Call, Expr, Name, Num, Prime, Unary
from neurosim.mechanisms.unittext import Measure, UnitTable, UnknownUnitError, measure, native_table

_PURE = ("exp", "log", "log10", "sin", "cos", "tan", "sinh", "cosh", "tanh", "exprel")
_BASE = ("m", "kg", "s", "C", "K", "cd")
_ONE = Measure(1.0)


class _MismatchError(Exception):
    """Two units that do not agree; its text says which."""


@dataclass(frozen=True)
class _Units:
    known: dict[str, Measure]

    def of(self, x: Expr) -> Measure | None:
        """Return the measure of ``x``; None if it cannot be known."""
        match x:
            case Name(id):
                return self.known.get(id)
            case Unary("-", a):
                return self.of(a)
            case Binary("+" | "-" | "<" | ">" | "<=" | ">=" | "==" | "!=" as op, a, b):
                same = self._same(self.of(a), self.of(b), f"'{op}'")
                return same if op in "+-" else _ONE
            case Binary("*" | "/" as op, a, b):
                left, right = self.of(a), self.of(b)
                return None if left is None or right is None else left.times(right, 1 if op == "*" else -1)
            case Binary("^", a, Num(power)):
                base = self.of(a)
                return _ONE.times(base, int(power)) if base is not None and power == int(power) != 0 else None
            case Binary("^", a, b):
                self.of(a)
                self._pure(b, "an exponent")
                return None
            case Call(fn, args) if fn in _PURE:
                self._pure(args[0], f"{fn}()")
                return _ONE
            case Call("fabs" | "abs" | "min" | "max", args):
                found = [self.of(a) for a in args]
                return found[0] if len(found) == 1 else self._same(found[0], found[1], "min or max")
            case Call("where", (condition, a, b)):
                self.of(condition)
                return self._same(self.of(a), self.of(b), "where()")
            case _:
                return None

    def _pure(self, x: Expr, what: str) -> None:
        found = self.of(x)
        if found is not None and found.dimension != _ONE.dimension:
            raise _MismatchError(f"{what} needs a pure number and gets {describe(found)}")

    def _same(self, a: Measure | None, b: Measure | None, what: str) -> Measure | None:
        if a is not None and b is not None and not agree(a, b):
            raise _MismatchError(f"{what} joins {describe(a)} and {describe(b)}")
        return a if a is not None and b is not None else None


def agree(a: Measure, b: Measure) -> bool:
    """Return whether two measures are the same unit."""
    return a.dimension == b.dimension and abs(a.factor - b.factor) <= 1e-9 * abs(b.factor)


def describe(x: Measure) -> str:
    """Return a measure in SI base units."""
    powers = [name if p == 1 else f"{name}^{p}" for name, p in zip(_BASE, x.dimension, strict=True) if p]
    return f"{x.factor:g} {' '.join(powers)}".strip() if powers else f"the number {x.factor:g}"


def check_units(
    algebra: Mapping[str, Line], primes: Mapping[str, Line], units: Mapping[str, str], kind: Kind, symbols: Symbols
) -> None:
    """Raise a ``MechanismError`` for an unknown unit or an equation whose two sides differ in unit.

    Parameters
    ----------
    algebra, primes : mapping
        Equations by the name they define.
    units : mapping
        Name -> unit text, of all names that have one.
    kind : Kind
        Density or point process.
    symbols : Symbols
        For messages.
    """
    table = native_table()
    places = {**algebra, **primes}
    known = {name: _measure(text, table, places.get(name), symbols) for name, text in units.items()}
    judge = _Units(known)
    for name, line in places.items():
        if not isinstance(line.statement, Assign | Prime):
            continue
        try:
            right = judge.of(line.statement.value)
        except _MismatchError as error:
            symbols.fail(f"units: {error}; convert with a factor.", line.line)
        left = known.get(name)
        if left is None or right is None:
            continue
        if isinstance(line.statement, Prime):
            left = left.times(measure("ms", table.words), -1)
        if not agree(left, right):
            per = "/ms" if isinstance(line.statement, Prime) else ""
            found = describe(right)
            if right.dimension == left.dimension:
                found = f"{right.factor / left.factor:g} times that"
            symbols.fail(
                f"units: {name} is in {units[name]}{per}, its right side in {found}; "
                "correct a unit or convert with a factor.",
                line.line,
            )


def _measure(text: str, table: UnitTable, line: Line | None, symbols: Symbols) -> Measure:
    try:
        return measure(text, table.words)
    except UnknownUnitError as error:
        near = difflib.get_close_matches(error.word, table.words, 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "use mV, ms, mA/cm2, nA, S/cm2, uS, mM, um, degC or 1."
        symbols.fail(f"unknown unit {text!r}; {hint}", line.line if line else 0)
