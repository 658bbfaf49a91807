"""From the bytes of a .mod file to tokens.

Comments, titles and separators disappear here; every token keeps its line, so that each later message can name it.
VERBATIM blocks become one token: their text is looked at (is it harmless?) and never executed.
"""

from __future__ import annotations

import difflib
import re
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from neurosim.errors import MechanismError


class Token(NamedTuple):
    """``kind`` is one of ``name number string verbatim op bad end``; ``pos`` and ``stop`` are offsets in the text."""

    kind: str
    text: str
    line: int
    pos: int
    stop: int


_TOKENS = re.compile(
    r"""
    (?P<skip>   [ \t\f\v;\x1a\n]+ | [:?][^\n]* | UNITSON\b | UNITSOFF\b
              | \bCOMMENT\b.*?\bENDCOMMENT\b )
  | (?P<verbatim> \bVERBATIM\b.*?\bENDVERBATIM\b )
  | (?P<string> "[^"\n]*" )
  | (?P<name>   [A-Za-z_]\w* )
  | (?P<number> (?:\d+\.?\d*|\.\d+)(?:[eEdD][+-]?\d+)? )
  | (?P<op>     <-> | -> | << | <= | >= | == | != | && | \|\| | [-+*/^%(){}\[\],=<>~!'] )
  | (?P<bad>    . )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)


_TITLE = re.compile(r"^[ \t]*TITLE\b[^\n]*", re.MULTILINE)


def decode(data: bytes) -> str:
    """Return the text of a .mod file: UTF-8 if it is that, else Latin-1."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


@dataclass
class Cursor:
    """A place in a list of tokens, and what the parser learned on its way (DEFINEs).

    ``units`` says whether a parenthesis after a number is a unit.
    """

    text: str
    tokens: list[Token]
    origin: str
    at: int = 0
    units: bool = True

    def __post_init__(self) -> None:
        self.defines: dict[str, int] = {}
        self.dropped: list[tuple[str, int]] = []

    @property
    def token(self) -> Token:
        """Return the token that comes next."""
        return self.tokens[self.at]

    @property
    def line(self) -> int:
        """Return the line of the token that comes next."""
        return self.tokens[self.at].line

    def next(self) -> Token:
        """Take one token."""
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def sees(self, *texts: str) -> bool:
        """Return whether the next token is one of ``texts`` (strings never are)."""
        token = self.tokens[self.at]
        return token.text in texts and token.kind != "string"

    def take(self, text: str) -> bool:
        """Take the next token if it is ``text``."""
        token = self.tokens[self.at]
        if token.text == text and token.kind != "string":
            self.at += 1
            return True
        return False

    def expect(self, text: str, where: str) -> Token:
        """Take ``text`` or fail."""
        if not self.sees(text):
            self.fail(f"expected {text!r} {where}, got {self.shown()}.")
        return self.next()

    def name(self, where: str) -> str:
        """Take a name or fail."""
        if self.token.kind != "name":
            self.fail(f"expected a name {where}, got {self.shown()}.")
        return self.next().text

    def shown(self) -> str:
        """Return the next token for a message."""
        token = self.token
        return "the end of the file" if token.kind == "end" else repr(token.text.split("\n")[0])

    def near(self, words: Iterable[str]) -> str:
        """Return ``"; did you mean ...?"`` for the next token, or "." when no word is near."""
        found = difflib.get_close_matches(self.token.text, list(words), 1, 0.7)
        return f"; did you mean {found[0]}?" if found else "."

    def fail(self, message: str, line: int | None = None) -> NoReturn:
        """Raise a ``MechanismError`` at ``line``, by default that of the next token."""
        raise MechanismError(message, path=self.origin, line=self.line if line is None else line)


def tokenise(text: str, origin: str, first_line: int = 0) -> Cursor:
    """Return a cursor over the tokens of ``text``; line ends may be LF, CR or both.

    Parameters
    ----------
    text : str
        NMODL source.
    origin : str
        File name, for messages.
    first_line : int
        What is added to the number of each line.
    """
    text = _TITLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    starts = [0]
    starts.extend(m.end() for m in re.finditer("\n", text))
    tokens = []
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup or "bad"
        if kind != "skip":
            pos, stop = match.span()
            tokens.append(Token(kind, match.group(), first_line + bisect_right(starts, pos), pos, stop))
    tokens.append(Token("end", "", first_line + max(1, len(starts) - text.endswith("\n")), len(text), len(text)))
    for token in tokens:
        if token.text in ("COMMENT", "VERBATIM") and token.kind == "name":
            raise MechanismError(
                f"{token.text} has no end; close it with END{token.text}.", path=origin, line=token.line
            )
    return Cursor(text, tokens, origin)
