"""What NMODL can say and neurosim does not run yet: one table of constructs with advice, and the check of VERBATIM."""

from __future__ import annotations

import re
from typing import NoReturn

from neurosim.errors import UnsupportedConstructError
from neurosim.mechanisms.nmodl.clean import Cursor, Token

_RANDOM = "random numbers in mechanisms are not supported yet; use a noise current of the library"

ADVICE: dict[str, str] = {
    "SUFFIX nothing": "it only adds functions to hoc; write them in Python",
    "INCLUDE": "copy the text of the included file to this place",
    "POINTER": "it stands for the voltage of another cell, which can only be read",
    "assignment to a POINTER": "it stands for the voltage of another cell, which can only be read",
    "EXTERNAL": "declare the variable as a PARAMETER",
    "RANDOM": _RANDOM,
    "VERBATIM": "C code is never executed; write it in NMODL",
    "TERMINAL": "remove it",
    "FUNCTION_TABLE": "write a FUNCTION with the formula",
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
