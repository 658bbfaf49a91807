"""A progress bar for a run: simulated time, how many times real time, time left.

It writes to stderr and only when that is a terminal, so that logs and pipes stay clean. It draws at most ten times a
second and costs one clock reading per update. Not a logger, and not for anything but time that runs forward.
"""

from __future__ import annotations

import sys
from time import perf_counter
from types import TracebackType
from typing import Any, Self, TextIO

from neurosim.units import S_PER_MS

__all__ = ["Progress"]

_FORMAT = "{desc}{percentage:3.0f}% |{bar}| {n:.0f}/{total:.0f} ms{postfix} [{elapsed}<{remaining}]"
_BETWEEN_UPDATES_S = 0.1


class Progress:
    """Show how far a run has come.

    Parameters
    ----------
    total_ms : float
        Simulated time at the end.
    label : str
        Shown before the bar.
    enabled : bool, optional
        True and False decide; by default the bar shows when ``stream`` is a terminal.
    start_ms : float
        Simulated time at the beginning (a resumed run does not start at 0).
    stream : text file, optional
        Where to write; stderr by default.

    Examples
    --------
    >>> with Progress(100.0, label="run", enabled=False) as bar:
    ...     bar.update(50.0)
    >>> bar.t_ms
    50.0
    """

    def __init__(
        self,
        total_ms: float,
        *,
        label: str = "",
        enabled: bool | None = None,
        start_ms: float = 0.0,
        stream: TextIO | None = None,
    ) -> None:
        self.total_ms = float(total_ms)
        self.start_ms = self.t_ms = float(start_ms)
        self.label = label
        self._stream = sys.stderr if stream is None else stream
        self.enabled = self._is_terminal() if enabled is None else enabled
        self._begin_s = self._drawn_s = perf_counter()
        self._bar: Any = None

    def _is_terminal(self) -> bool:
        try:
            return self._stream.isatty()
        except (AttributeError, ValueError):
            return False

    @property
    def times_real_time(self) -> float:
        """Simulated time over elapsed time: 1 is as fast as nature."""
        elapsed_s = perf_counter() - self._begin_s
        return (self.t_ms - self.start_ms) * S_PER_MS / elapsed_s if elapsed_s > 0.0 else 0.0

    def update(self, t_ms: float) -> None:
        """Say that the run has reached ``t_ms``."""
        self.t_ms = float(t_ms)
        if self._bar is None:
            return
        now_s = perf_counter()
        if now_s - self._drawn_s >= _BETWEEN_UPDATES_S or self.t_ms >= self.total_ms:
            self._drawn_s = now_s
            self._draw()

    def _draw(self) -> None:
        self._bar.set_postfix_str(f"{self.times_real_time:.3g}x real time", refresh=False)
        self._bar.n = self.t_ms
        self._bar.refresh()

    def __enter__(self) -> Self:
        self._begin_s = self._drawn_s = perf_counter()
        if self.enabled:
            from tqdm import tqdm

            self._bar = tqdm(
                total=self.total_ms,
                initial=self.start_ms,
                desc=f"{self.label} " if self.label else "",
                bar_format=_FORMAT,
                file=self._stream,
                mininterval=0.0,
                dynamic_ncols=True,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._draw()
            self._bar.close()
            self._bar = None
