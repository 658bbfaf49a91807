"""INCLUDE: the tokens of other files, put where the word stands.

Files are looked for in the folder of the .mod file and below, nowhere else. So that a message names the file a line
belongs to, line n of the k-th included file is numbered k*1000000 + n until a message is made (``at_its_place``).
"""

from __future__ import annotations

from pathlib import Path

from neurosim.errors import MechanismError, UnsupportedConstructError
from neurosim.mechanisms.nmodl.clean import Cursor, Token, decode, tokenise

STRIDE = 1_000_000
MAX_DEPTH = 8
MAX_FILES = 100


def expand(cur: Cursor, folder: Path | None, included: list[str], inside: tuple[Path, ...] = ()) -> None:
    """Replace every ``INCLUDE "file"`` of ``cur`` by the tokens of that file.

    Parameters
    ----------
    cur : Cursor
        Changed in place.
    folder : Path or None
        Folder of the .mod file; None if it came as text, which can include nothing.
    included : list of str
        Receives the files' paths, in order.
    inside : tuple of Path
        Files being included, outermost first.

    Raises
    ------
    MechanismError
        The file is missing, outside the folder, or includes itself.
    """
    tokens: list[Token] = []
    at = 0
    while at < len(cur.tokens):
        token = cur.tokens[at]
        name = cur.tokens[at + 1] if token.text == "INCLUDE" and token.kind == "name" else None
        if name is None or name.kind != "string":
            tokens.append(token)
            at += 1
            continue
        path = _path(cur, name.text[1:-1], folder, inside, token.line)
        if len(included) >= MAX_FILES:
            cur.fail(f"more than {MAX_FILES} INCLUDEs.", token.line)
        included.append(str(path))
        tokens += _tokens(cur, path, folder, included, (*inside, path), token.line)
        at += 2
    cur.tokens = tokens


def _path(cur: Cursor, name: str, folder: Path | None, inside: tuple[Path, ...], line: int) -> Path:
    if folder is None:
        cur.fail(f"INCLUDE {name!r} in a text without a folder; load the mechanism from a file.", line)
    root = folder.resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        cur.fail(f"INCLUDE {name!r} lies outside the folder of the .mod file; copy it there.", line)
    if path in inside:
        loop = " -> ".join(p.name for p in (*inside[inside.index(path) :], path))
        cur.fail(f"INCLUDE goes in circles: {loop}; remove one of them.", line)
    if len(inside) >= MAX_DEPTH:
        cur.fail(f"INCLUDEs are nested more than {MAX_DEPTH} deep.", line)
    return path


def _tokens(
    cur: Cursor, path: Path, folder: Path | None, included: list[str], inside: tuple[Path, ...], line: int
) -> list[Token]:
    """Return the tokens of a file, with numbered lines and offsets into the text of ``cur``, to which it is added."""
    number = len(included)
    try:
        text = decode(path.read_bytes())
    except OSError as error:
        cur.fail(f"INCLUDE {path.name!r} cannot be read: {error.strerror or error}; look for it beside the file.", line)
    inner = tokenise(text, cur.origin, first_line=number * STRIDE)
    start = len(cur.text) + 1
    cur.text = f"{cur.text}\n{inner.text}"
    inner.tokens = [t._replace(pos=t.pos + start, stop=t.stop + start) for t in inner.tokens[:-1]]
    inner.text = cur.text
    expand(inner, folder, included, inside)
    cur.text = inner.text
    return inner.tokens


def place(line: int, origin: str, included: tuple[str, ...] | list[str]) -> tuple[str, int]:
    """Return the file and the line in it that a numbered line means."""
    number, inside = divmod(line, STRIDE)
    return (included[number - 1] if 0 < number <= len(included) else origin), inside if number else line


def at_its_place(error: MechanismError, included: tuple[str, ...] | list[str]) -> MechanismError:
    """Return an error that names the included file, if its line belongs to one."""
    if error.line is None or error.line < STRIDE or not included:
        return error
    path, line = place(error.line, str(error.path), included)
    if isinstance(error, UnsupportedConstructError):
        return UnsupportedConstructError(error.reason, construct=error.construct, path=path, line=line)
    return type(error)(error.reason, path=path, line=line)
