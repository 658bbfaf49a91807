"""What NMODL can say and neurosim does not run yet: one table of constructs with advice, and the check of VERBATIM."""

from __future__ import annotations

import re
from typing import NoReturn

from neurosim.errors import UnsupportedConstructError
from neurosim.mechanisms.nmodl.clean import Cursor, Token

_CHANNEL = "write it as a density mechanism or a POINT_PROCESS"
_EVENT = "only the arrival of an event can change states; put the update into NET_RECEIVE"
_RANDOM = "random numbers in mechanisms are not supported yet; use a noise current of the library"

ADVICE: dict[str, str] = {
    "ARTIFICIAL_CELL": _CHANNEL,
    "SUFFIX nothing": "it only adds functions to hoc; write them in Python",
    "INCLUDE": "copy the text of the included file to this place",
    "POINTER": "variables of other mechanisms cannot be reached; use an ion variable or an event",
    "BBCOREPOINTER": "memory outside the mechanism cannot be reached; remove it with the code that uses it",
    "EXTERNAL": "declare the variable as a PARAMETER",
    "RANDOM": _RANDOM,
    "VERBATIM": "C code is never executed; write it in NMODL",
    "net_send": _EVENT,
    "net_event": "mechanisms cannot send events yet; detect the threshold of the voltage instead",
    "net_move": _EVENT,
    "flag": "there are no self-events yet, so flag is always 0; remove the branches that test it",
    "WATCH": _EVENT,
    "FOR_NETCONS": "each event sees the weight of its own connection only",
    "BEFORE": "move the code into BREAKPOINT or INITIAL",
    "AFTER": "move the code into BREAKPOINT or INITIAL",
    "CONSTRUCTOR": "move what sets variables into INITIAL",
    "DESTRUCTOR": "remove it: there is nothing to free",
    "TERMINAL": "remove it",
    "FUNCTION_TABLE": "write a FUNCTION with the formula",
    "LONGITUDINAL_DIFFUSION": "diffusion along the cable is not supported; remove it or use a pool in each compartment",
    "NONLINEAR": "write the equations as KINETIC or DERIVATIVE",
    "DISCRETE": "write the update as a PROCEDURE and SOLVE it",
    "INDEPENDENT": "remove it",
    "STEPPED": "set the parameter from Python",
    "PROTECT": "remove the word; each instance has its own variables",
    "LAG": "keep the old value in an ASSIGNED variable",
    "FORALL": "write a FROM loop",
    "IFERROR": "remove it; a solver that fails stops the run",
    "SOLVEFOR": "remove it; all states of the block are solved for",
    "PARTIAL": "write the discretised equations",
    "PRIME2": "write the second derivative as two first-order equations",
    "SOLVE in a FUNCTION": "put SOLVE into INITIAL or BREAKPOINT",
    "recursion": "write a FROM loop",
    "WHILE": "write a FROM loop with a fixed number of rounds",
}

_TRIVIAL_PART = re.compile(r"(\s*#\s*include[^\n]*|\s*return\s*\(?\s*[01]?\.?0?\s*\)?\s*;|\s*;)")


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


def drop_verbatim(cur: Cursor) -> None:
    """Take a VERBATIM token: dropped with a notice when it does nothing, else refused."""
    token = cur.next()
    if not harmless(token):
        first = next((part.strip() for part in _c_code(token).split("\n") if part.strip()), "")
        raise unsupported("VERBATIM", cur.origin, token.line, f"it holds C code such as {first[:60]!r}")
    cur.dropped.append(("VERBATIM without effect dropped", token.line))


def harmless(token: Token) -> bool:
    """Return whether a VERBATIM block holds nothing but includes, ``return 0;`` and comments."""
    return not _TRIVIAL_PART.sub("", _c_code(token)).strip()


def _c_code(token: Token) -> str:
    inner = token.text[len("VERBATIM") : -len("ENDVERBATIM")]
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", inner, flags=re.DOTALL)
