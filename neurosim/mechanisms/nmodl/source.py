"""A .mod file as declared, before its meaning is checked: what ``parse`` returns and ``build`` reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from neurosim.mechanisms.syntax import Body, Hook, NetReceive, Routine, SolveBlock


@dataclass(frozen=True, slots=True)
class Declared:
    """One line of PARAMETER, CONSTANT, ASSIGNED or STATE (``value`` and ``start`` are None when not written)."""

    name: str
    line: int
    value: float | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    length: int = 0
    start: float | str | None = None


@dataclass(frozen=True, slots=True)
class UnitLine:
    """One line of UNITS: ``(alias) = (unit)``, ``name = (unit) (unit)`` or ``name = number (unit)``."""

    name: str
    line: int
    is_alias: bool
    value: float | None
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class IonLine:
    """One USEION line."""

    ion: str
    line: int
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    valence: float | None


@dataclass
class Source:
    """All declarations and blocks of one file, in the order of the file."""

    origin: str
    name: str = ""
    kind: str = ""
    ions: list[IonLine] = field(default_factory=list)
    nonspecific: list[tuple[str, int]] = field(default_factory=list)
    electrode: list[tuple[str, int]] = field(default_factory=list)
    pointers: list[tuple[str, int]] = field(default_factory=list)
    randoms: list[tuple[str, int]] = field(default_factory=list)
    ranges: list[tuple[str, int]] = field(default_factory=list)
    globals: list[tuple[str, int]] = field(default_factory=list)
    units: list[UnitLine] = field(default_factory=list)
    constants: list[Declared] = field(default_factory=list)
    parameters: list[Declared] = field(default_factory=list)
    assigned: list[Declared] = field(default_factory=list)
    states: list[Declared] = field(default_factory=list)
    locals: list[Declared] = field(default_factory=list)
    initial: Body | None = None
    breakpoint: Body | None = None
    blocks: list[SolveBlock] = field(default_factory=list)
    routines: list[Routine] = field(default_factory=list)
    functions: list[tuple[str, str, int]] = field(default_factory=list)
    net_receive: NetReceive | None = None
    constructor: Body = ()
    hooks: list[Hook] = field(default_factory=list)
    dropped: list[tuple[str, int]] = field(default_factory=list)
    words: frozenset[str] = frozenset()
