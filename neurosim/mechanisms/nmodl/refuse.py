"""What NMODL can say and neurosim does not run yet: one table of constructs with advice."""

from __future__ import annotations

from typing import NoReturn

from neurosim.errors import UnsupportedConstructError
from neurosim.mechanisms.nmodl.clean import Cursor

_RANDOM = "use a RANDOM variable with random_uniform, random_normal or random_negexp"

ADVICE: dict[str, str] = {
    "POINTER": "it stands for the voltage of another cell, which can only be read",
    "assignment to a POINTER": "it stands for the voltage of another cell, which can only be read",
    "EXTERNAL": "declare the variable as a PARAMETER",
    "RANDOM": _RANDOM,
    "VERBATIM": "C code is never executed; write it in NMODL",
    "VERBATIM with a hoc Vector": "give spike times as a SpikeTrain, other series from Python",
    "TERMINAL": "remove it",
    "FUNCTION_TABLE of several arguments": "only tables of one argument are; write a FUNCTION with the formula",
    "LONGITUDINAL_DIFFUSION": "diffusion along the cable is not supported; remove it or use a pool in each compartment",
    "DISCRETE": "write the update as a PROCEDURE and SOLVE it",
    "INDEPENDENT": "remove it",
    "STEPPED": "set the parameter from Python",
    "LAG": "keep the old value in an ASSIGNED variable",
    "FORALL": "write a FROM loop",
    "IFERROR": "remove it; a solver that fails stops the run",
    "SOLVEFOR": "remove it; all states of the block are solved for",
    "PARTIAL": "write the discretised equations",
    "PRIME2": "write the second derivative as two first-order equations",
    "SOLVE in a FUNCTION": "put SOLVE into INITIAL or BREAKPOINT",
    "recursion": "write a FROM loop",
}


def refuse(cur: Cursor, construct: str, line: int | None = None) -> NoReturn:
    """Raise ``UnsupportedConstructError`` for ``construct`` at ``line``, by default that of the next token."""
    raise unsupported(construct, cur.origin, cur.line if line is None else line)


def unsupported(construct: str, origin: str, line: int, detail: str = "") -> UnsupportedConstructError:
    """Return the error for ``construct``; ``detail`` adds what was found."""
    advice = ADVICE.get(construct, "write it with the supported constructs")
    found = f" ({detail})" if detail else ""
    return UnsupportedConstructError(
        f"{construct}{found} is not supported; {advice}.", construct=construct, path=origin, line=line
    )
