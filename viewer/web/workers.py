"""``Workers``: a few threads for what would hold up the event loop. They end with the process, whatever they do."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")
Task = tuple[asyncio.AbstractEventLoop, "asyncio.Future[Any]", Callable[[], Any]]


class Workers:
    """Daemon threads that run functions for coroutines.

    Parameters
    ----------
    n : int
        How many.

    Notes
    -----
    ``asyncio.to_thread`` is not used: Python waits for its threads at exit, for as long as a movie takes to draw.
    """

    def __init__(self, n: int) -> None:
        self._tasks: SimpleQueue[Task | None] = SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, name=f"neurosim-worker-{i}", daemon=True) for i in range(n)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, function: Callable[..., T], *arguments: Any) -> T:
        """Return what the function returns, or raise what it raises."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._tasks.put((loop, future, lambda: function(*arguments)))
        return await future

    def close(self) -> None:
        """Let the threads end after what they are doing; does not wait."""
        for _ in self._threads:
            self._tasks.put(None)

    def _work(self) -> None:
        # Each task is done in a function of its own: names here would keep what it held until the next one comes.
        while _done(self._tasks.get()):
            pass


def _done(task: Task | None) -> bool:
    """Do a task; return False for the last."""
    if task is None:
        return False
    loop, future, function = task
    result, error = None, None
    try:
        result = function()
    # Whatever the function raises belongs to the coroutine that waits for it.
    except Exception as raised:
        error = raised
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(_settle, future, result, error)
    return True


def _settle(future: asyncio.Future[Any], done: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(done)
    else:
        future.set_exception(error)
