"""``open_page``: open an address in the user's browser without showing its token to everybody on the machine.

Arguments of programs can be read by all users; so the browser is given the name of a file that only its owner reads,
and that leads on.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
import webbrowser
from html import escape
from pathlib import Path
from typing import Final

_PAGE: Final = (
    '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta name="referrer" content="no-referrer">'
    '<meta http-equiv="refresh" content="0;url={url}"><title>neurosim</title></head>'
    '<body><p><a href="{url}">Open the page</a></p></body></html>'
)


def has_display() -> bool:
    """Return whether a browser would have a window; a text browser would take the terminal."""
    if sys.platform in ("win32", "darwin") or os.environ.get("BROWSER"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Opening:
    """An address that is given to a browser; its file goes with ``close``.

    Parameters
    ----------
    url : str
        With a token.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._file: Path | None = None

    def open(self) -> bool:
        """Open the address; return whether there was a browser."""
        if not has_display():
            return False
        if self._file is None:
            # mkstemp makes files that only their owner reads.
            handle, name = tempfile.mkstemp(prefix="neurosim-", suffix=".html")
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(_PAGE.format(url=escape(self._url)))
            self._file = Path(name)
        try:
            return webbrowser.open(self._file.as_uri())
        except webbrowser.Error:
            return False

    def close(self) -> None:
        """Remove the file."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()
            self._file = None
