"""The abstract syntax of mechanism code: expressions and statements.

Both front ends (NMODL files, native equations) produce these nodes and the lowering consumes them. Nodes are immutable,
hashable values; a node knows nothing of NMODL's text except the line a statement came from (``line``, from 1, 0 if
none).

Expressions keep the author's order of operations, because rounding belongs to the result.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class Expr:
    """Base of all expressions."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Num(Expr):
    """A literal number."""

    value: float


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A variable, or element ``index`` of an array (``index`` is None for scalars)."""

    id: str
    index: Expr | None = None


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """``op`` is ``"-"`` or ``"!"``."""

    op: str
    x: Expr


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """``op`` is one of ``+ - * / ^ < > <= >= == != && || %``."""

    op: str
    a: Expr
    b: Expr


@dataclass(frozen=True, slots=True)
class Call(Expr):
    """A call of a FUNCTION of the mechanism or of a built-in function."""

    fn: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Text(Expr):
    """A string literal; only ``printf`` and ``error`` take one."""

    value: str


class Stmt:
    """Base of all statements."""

    __slots__ = ()
    line: int


Body = tuple[Stmt, ...]


@dataclass(frozen=True, slots=True)
class Assign(Stmt):
    """``target = value``."""

    target: Name
    value: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Prime(Stmt):
    """``state' = value``, a differential equation."""

    target: Name
    value: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Local(Stmt):
    """LOCAL declaration: ``(name, length)``, length 0 for scalars. Scope: the enclosing body."""

    names: tuple[tuple[str, int], ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class If(Stmt):
    """``if (condition) then else orelse``; else-if chains are nested in ``orelse``."""

    condition: Expr
    then: Body
    orelse: Body = ()
    line: int = 0


@dataclass(frozen=True, slots=True)
class For(Stmt):
    """``FROM var = low TO high BY step``; ``high`` is included."""

    var: str
    low: Expr
    high: Expr
    step: Expr
    body: Body
    line: int = 0


@dataclass(frozen=True, slots=True)
class While(Stmt):
    """``WHILE (condition)``."""

    condition: Expr
    body: Body
    line: int = 0


@dataclass(frozen=True, slots=True)
class CallStmt(Stmt):
    """A PROCEDURE (or FUNCTION, value dropped) called as a statement."""

    call: Call
    line: int = 0


@dataclass(frozen=True, slots=True)
class Solve(Stmt):
    """``SOLVE block METHOD method`` or ``SOLVE block STEADYSTATE method``; ``method`` is "" when not written."""

    block: str
    method: str = ""
    steadystate: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class Table(Stmt):
    """``TABLE names DEPEND depend FROM low TO high WITH count``.

    ``names`` are the variables the procedure sets (empty in a FUNCTION: its own value).
    """

    names: tuple[str, ...]
    depend: tuple[str, ...]
    low: Expr
    high: Expr
    count: int
    line: int = 0


@dataclass(frozen=True, slots=True)
class Reaction(Stmt):
    """``~ left <-> right (forward, backward)``; sides are ``((factor, state), ...)``."""

    left: tuple[tuple[float, Name], ...]
    right: tuple[tuple[float, Name], ...]
    forward: Expr
    backward: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Sink(Stmt):
    """``~ left -> (rate)``: the left side disappears at ``rate``."""

    left: tuple[tuple[float, Name], ...]
    rate: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Flux(Stmt):
    """``~ target << (rate)``: ``rate`` is added to the target."""

    target: Name
    rate: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Conserve(Stmt):
    """``CONSERVE left = right``."""

    left: Expr
    right: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Compartment(Stmt):
    """``COMPARTMENT var, volume { states }`` (``var`` is "" when there is no index variable)."""

    var: str
    volume: Expr
    states: tuple[str, ...]
    line: int = 0


@dataclass(frozen=True, slots=True)
class Equation(Stmt):
    """``~ left = right`` in a LINEAR or NONLINEAR block."""

    left: Expr
    right: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class Watch(Stmt):
    """``WATCH (condition) flag``: ``condition`` is ``a > b`` or ``a < b``."""

    condition: Binary
    flag: Expr
    line: int = 0


@dataclass(frozen=True, slots=True)
class ForNetcons(Stmt):
    """``FOR_NETCONS(parameters) { body }``: the body for every connection, whose values are ``parameters``."""

    parameters: tuple[str, ...]
    body: Body
    line: int = 0


@dataclass(frozen=True, slots=True)
class Parameter:
    """A PARAMETER: value and bounds in NMODL's units; ``scope`` is "range" or "global"; ``length`` 0 for scalars."""

    name: str
    default: float
    unit: str = ""
    scope: str = "global"
    low: float | None = None
    high: float | None = None
    length: int = 0


@dataclass(frozen=True, slots=True)
class Variable:
    """An ASSIGNED variable of one instance, visible from outside when ``public`` (RANGE or GLOBAL)."""

    name: str
    unit: str = ""
    public: bool = False
    length: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """A STATE; ``start`` is its value where INITIAL does not set it: a number or the name of a parameter."""

    name: str
    unit: str = ""
    start: float | str = 0.0
    length: int = 0


@dataclass(frozen=True, slots=True)
class IonUse:
    """One USEION line. Names are as written: for ``ca`` these are among ``eca ica cai cao``."""

    ion: str
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    valence: float | None = None


@dataclass(frozen=True, slots=True)
class Routine:
    """A FUNCTION or PROCEDURE. A function returns the value assigned to its own name (0 if none)."""

    name: str
    parameters: tuple[str, ...]
    body: Body
    is_function: bool = False
    line: int = 0


@dataclass(frozen=True, slots=True)
class SolveBlock:
    """A DERIVATIVE, KINETIC, LINEAR or NONLINEAR block (``kind``, lower case)."""

    kind: str
    name: str
    body: Body
    line: int = 0


@dataclass(frozen=True, slots=True)
class FunctionTable:
    """A FUNCTION_TABLE: points ``x`` and ``y``; one y alone is a constant, none that nobody has given values yet."""

    name: str
    parameter: str
    x: tuple[float, ...] = ()
    y: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class NetReceive:
    """NET_RECEIVE: arguments (the first is the weight), body, and its own INITIAL (None if it has none)."""

    parameters: tuple[str, ...]
    body: Body
    initial: Body | None = None
    line: int = 0


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the front end changed or dropped, for the user to read."""

    message: str
    line: int = 0


def children(x: Expr) -> tuple[Expr, ...]:
    """Return the direct sub-expressions of ``x``."""
    match x:
        case Name(_, index):
            return () if index is None else (index,)
        case Unary(_, a):
            return (a,)
        case Binary(_, a, b):
            return (a, b)
        case Call(_, args):
            return args
        case _:
            return ()


def walk(x: Expr) -> Iterator[Expr]:
    """Yield ``x`` and all its sub-expressions, parents first."""
    yield x
    for c in children(x):
        yield from walk(c)


@dataclass(frozen=True, slots=True)
class Hook:
    """A BEFORE or AFTER block; ``when`` is such as "BEFORE BREAKPOINT" or "AFTER SOLVE"."""

    when: str
    body: Body
    line: int = 0


@dataclass(frozen=True, slots=True)
class Code:
    """Everything a mechanism does, as written: constants folded in, nothing inlined."""

    initial: Body = ()
    breakpoint: Body = ()
    blocks: tuple[SolveBlock, ...] = ()
    routines: tuple[Routine, ...] = ()
    net_receive: NetReceive | None = None
    constants: tuple[tuple[str, float], ...] = ()
    constructor: Body = ()
    hooks: tuple[Hook, ...] = ()
