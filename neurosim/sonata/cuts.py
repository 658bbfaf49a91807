"""Signals that ask a run to stop with a checkpoint: SIGUSR1, which Slurm sends before the limit, and SIGTERM."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

SIGNALS = [getattr(signal, name) for name in ("SIGUSR1", "SIGTERM") if hasattr(signal, name)]


@contextmanager
def cuts(wanted: bool = True) -> Iterator[list[bool]]:
    """Collect these signals in the list that is given, instead of ending; only the main thread can.

    The list is true once one came. It is passed on as Ctrl-C, so that the window under way is the last one.

    Parameters
    ----------
    wanted : bool
        False: leave the signals as they are.
    """
    seen: list[bool] = []
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield seen
        return

    def note(*_: object) -> None:
        seen.append(True)
        signal.raise_signal(signal.SIGINT)

    old = [(number, signal.signal(number, note)) for number in SIGNALS]
    try:
        yield seen
    finally:
        for number, handler in old:
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
