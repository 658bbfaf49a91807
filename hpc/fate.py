"""One process fails, all end: within seconds, with its number, its error and a code that is not 0.

Without this the others would wait for ever for the one that is gone. A process that is killed from outside is noticed
by the launcher, which ends the rest. One thing cannot be seen: ``raise SystemExit(3)`` in a script; write
``sys.exit(3)``.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
import traceback
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, NoReturn

from neurosim.errors import NeurosimError

if TYPE_CHECKING:
    from mpi4py import MPI

AGREED: Final = (0, 85, 130)
"""Exit codes on which processes agree before they leave: done, checkpoint written, Ctrl-C."""
LEAVE_S: Final = 5.0
"""How long one that leaves with another code waits for the others to leave as well."""
_FAILED, _MISTAKE, _INTERRUPTED = 1, 2, 130
_TURN_S: Final = 0.5


class _Fate:
    """Ends all processes when this one fails."""

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._comm = comm
        self._rank, self._size = comm.Get_rank(), comm.Get_size()
        self.code = 0

    def fail(self, kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
        """Print an error and end all processes."""
        if issubclass(kind, KeyboardInterrupt):
            self._end("interrupted", _INTERRUPTED)
        if issubclass(kind, NeurosimError):
            self._end(str(error), _MISTAKE)
        lines = traceback.format_exception(kind, error, where)
        self._end(f"{kind.__name__}: {error}", _FAILED, "".join(lines))

    def thread_failed(self, args: Any) -> None:
        """Do the same for a thread that the run waits for."""
        if args.thread is not None and args.thread.daemon:
            threading.__excepthook__(args)
        elif not issubclass(args.exc_type, SystemExit):
            self.fail(args.exc_type, args.exc_value, args.exc_traceback)

    def leave(self) -> None:
        """End the others when this process ends with an error code and they do not; called at exit."""
        if self.code in AGREED:
            return
        request = self._comm.Ibarrier()
        until = time.monotonic() + LEAVE_S
        while not request.Test():
            if time.monotonic() > until:
                self._end(f"ended with code {self.code}, the others go on", self.code)
            time.sleep(0.01)

    def _end(self, text: str, code: int, details: str = "") -> NoReturn:
        # The same mistake is often made by all: the first who says it ends the others before their turn comes.
        if self._rank:
            time.sleep(_TURN_S * (1.0 + self._rank / self._size))
        sys.stdout.flush()
        print(f"{details}neurosim: rank {self._rank} of {self._size}: {text}", file=sys.stderr, flush=True)
        self._comm.Abort(code)
        os._exit(code)


_shared: list[_Fate] = []


def share(comm: MPI.Intracomm) -> None:
    """Let all processes end when one fails; once is enough.

    Parameters
    ----------
    comm : mpi4py.MPI.Intracomm
        All processes.
    """
    if _shared:
        return
    fate = _Fate(comm)
    _shared.append(fate)
    sys.excepthook = fate.fail
    threading.excepthook = fate.thread_failed
    leave = sys.exit

    def noted(status: Any = None) -> NoReturn:
        fate.code = status if isinstance(status, int) else int(status is not None)
        leave(status)

    sys.exit = noted
    atexit.register(fate.leave)


def confess(error: BaseException) -> None:
    """End all processes because of an error of this one; do nothing where there is one process."""
    if _shared:
        _shared[0].fail(type(error), error, error.__traceback__)
