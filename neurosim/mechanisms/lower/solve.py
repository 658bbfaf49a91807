"""SOLVE: which method runs which block (nmodl.md 4.4 to 4.6)."""

from __future__ import annotations

from neurosim.mechanisms.lower import explicit, exponential, kinetic, linear, newton
from neurosim.mechanisms.lower.derive import NonlinearError
from neurosim.mechanisms.lower.execute import Executor
from neurosim.mechanisms.syntax import Body, If, Solve, SolveBlock, Stmt

STEADY_DT = 1e-9  # ms; NEURON's value for STEADYSTATE derivimplicit, with which the states hardly move


def solve(ex: Executor, s: Solve) -> None:
    """Execute one SOLVE statement."""
    ex.line = s.line or ex.line
    names = ex.context.names
    if s.block in names.routines:
        ex.inline(names.routines[s.block], [])
        return
    block = names.blocks.get(s.block)
    if block is None:
        known = ", ".join([*names.blocks, *names.routines]) or "none"
        ex.fail(f"SOLVE {s.block}: there is no such block; blocks are {known}.")
    match block.kind:
        case "derivative":
            _derivative(ex, s, block)
        case "kinetic":
            if s.method not in ("sparse", ""):
                ex.refuse(f"KINETIC METHOD {s.method}", f"KINETIC needs METHOD sparse, got {s.method}.")
            kinetic.advance(ex, block, steady=s.steadystate)
        case "linear":
            linear.solve_block(ex, block)
        case "nonlinear":
            newton.solve_block(ex, block)
        case _:
            ex.refuse(f"SOLVE of {block.kind}", f"cannot solve {block.kind} block {block.name}.")


def _derivative(ex: Executor, s: Solve, block: SolveBlock) -> None:
    method = s.method or "derivimplicit"
    if method not in ("cnexp", "derivimplicit", "euler", "runge"):
        ex.refuse(f"METHOD {method}", f"METHOD {method} is not supported for DERIVATIVE; use cnexp or derivimplicit.")
    if s.steadystate:
        newton.derivimplicit(ex, block, ex.graph.num(STEADY_DT))
    elif method == "euler":
        explicit.euler(ex, block)
    elif method == "runge":
        explicit.runge(ex, block)
    elif method == "derivimplicit":
        newton.derivimplicit(ex, block)
    else:
        try:
            exponential.advance(ex, block)
        except NonlinearError:
            newton.derivimplicit(ex, block)


def solves(body: Body) -> list[Solve]:
    """Return the SOLVE statements of a body in order, those under ``if`` included."""
    found: list[Solve] = []
    for s in body:
        if isinstance(s, Solve):
            found.append(s)
        elif isinstance(s, If):
            found.extend(solves(s.then))
            found.extend(solves(s.orelse))
    return found


def skip(ex: Executor, s: Stmt) -> bool:
    """Leave out SOLVE statements (a handler)."""
    return isinstance(s, Solve)


def run(ex: Executor, s: Stmt) -> bool:
    """Execute SOLVE statements (a handler)."""
    if not isinstance(s, Solve):
        return False
    handler, ex.handler = ex.handler, None
    solve(ex, s)
    ex.handler = handler
    return True
