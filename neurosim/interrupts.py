"""Ctrl-C that waits: collected while a window runs or a file is written, acted on afterwards."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interrupts() -> Iterator[list[bool]]:
    """Collect Ctrl-C in the list that is given, instead of raising; only the main thread can.

    The list is true once Ctrl-C came. The handler of before is put back at the end.
    """
    seen: list[bool] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen
        return
    old = signal.signal(signal.SIGINT, lambda *_: seen.append(True))
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, signal.SIG_DFL if old is None else old)
