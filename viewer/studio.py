"""``Studio``: stills and movies, made one at a time in threads of their own, for whoever asks under ``/api``.

Queues are short: who comes when they are full is told so. Movies are files in a private folder that goes with the
studio; the oldest is removed when there are too many.
"""

from __future__ import annotations

import logging
import math
import secrets
import shutil
import tempfile
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from neurosim.errors import NeurosimError
from neurosim.viewer import messages
from neurosim.viewer.answers import Answer, Refusal, as_json
from neurosim.viewer.source import Source

MOST_PIXELS = (3840, 2160)
LEAST_PIXELS = 16
STILLS, MOVIES, KEPT = 4, 2, 8
"""Stills and movies that wait or are made, movies that are kept."""
STILL_S = 120.0
MOST_PICTURES = 20_000
MOST_BYTES = 1_000_000_000


@dataclass
class Job:
    """A movie that is made."""

    path: Path
    done_frac: float = 0.0
    state: str = "waiting"
    error: str | None = None
    future: Future[None] | None = field(default=None, repr=False)
    stop: bool = False

    @property
    def open(self) -> bool:
        """Whether it is still to be made."""
        return self.state in ("waiting", "running")


class Studio:
    """Makes pictures of a source.

    Parameters
    ----------
    source : Source
        What is shown.
    still, movie : callable, optional
        What draws: ``neurosim.viewer.gl.still.still`` and ``gl.movie.movie`` when omitted.
    """

    def __init__(
        self, source: Source, still: Callable[..., bytes] | None = None, movie: Callable[..., Any] | None = None
    ) -> None:
        self._source, self._draw_still, self._draw_movie = source, still, movie
        self._lock = threading.Lock()
        self._stills = ThreadPoolExecutor(1, "neurosim-still")
        self._movies = ThreadPoolExecutor(1, "neurosim-movie")
        self._stills_n = 0
        self._jobs: dict[str, Job] = {}
        self._folder: Path | None = None
        self._closed = False

    # --- stills -----------------------------------------------------------------------------------------------------

    def still(self, asked: dict[str, Any]) -> Answer:
        """Return a PNG; waits for it."""
        state, width, height = _size(asked)
        with self._lock:
            if self._closed or self._stills_n >= STILLS:
                raise Refusal(429, f"{self._stills_n} pictures are being made; ask again in a moment")
            self._stills_n += 1
            future = self._stills.submit(self._still, state, width, height)
        future.add_done_callback(self._still_done)
        try:
            return Answer(200, "image/png", future.result(STILL_S))
        except FutureTimeoutError as error:
            future.cancel()
            raise Refusal(503, f"the picture took longer than {STILL_S:g} s; ask for a smaller one") from error

    def _still(self, state: dict[str, Any], width: int, height: int) -> bytes:
        draw = self._draw_still or import_module("neurosim.viewer.gl.still").still
        picture: bytes = draw(self._source, state, width, height)
        return picture

    def _still_done(self, future: Future[bytes]) -> None:
        with self._lock:
            self._stills_n -= 1

    # --- movies -----------------------------------------------------------------------------------------------------

    def order(self, asked: dict[str, Any]) -> Answer:
        """Begin a movie and return its number."""
        state, width, height = _size(asked)
        status = self._source.status()
        start = messages.number(asked, "start_ms", -1e12, 1e12, status.start_ms)
        stop = messages.number(asked, "stop_ms", -1e12, 1e12, status.t_ms)
        fps = messages.number(asked, "fps", 1.0, 60.0, 25.0)
        rate = messages.number(asked, "rate", 1e-3, 1e6, 100.0)
        pictures = (stop - start) / rate * fps
        if stop <= start:
            raise Refusal(422, f"stop_ms={stop:g} must be after start_ms={start:g}")
        if pictures > MOST_PICTURES:
            raise Refusal(422, f"{math.ceil(pictures):,} pictures; at most {MOST_PICTURES:,}. Raise rate, or cut it.")
        options = {
            "start_ms": start, "stop_ms": stop, "fps": fps, "rate": rate, "width": width, "height": height,
        }  # fmt: skip
        with self._lock:
            waiting = sum(job.open for job in self._jobs.values())
            if self._closed or waiting >= MOVIES:
                raise Refusal(429, f"{waiting} movies are being made; wait for one")
            self._make_room()
            if self._folder is None:
                self._folder = Path(tempfile.mkdtemp(prefix="neurosim-movies-"))
            name = secrets.token_urlsafe(16)
            job = self._jobs[name] = Job(self._folder / f"{len(self._jobs)}-{secrets.token_hex(8)}.mp4")
            job.future = self._movies.submit(self._movie, job, state, options)
        return as_json({"job": name}, 202)

    def _make_room(self) -> None:
        done = [name for name, job in self._jobs.items() if not job.open]
        for name in done[: max(0, len(self._jobs) + 1 - KEPT)]:
            self._jobs.pop(name).path.unlink(missing_ok=True)

    def _movie(self, job: Job, state: dict[str, Any], options: dict[str, Any]) -> None:
        def progress(done_n: int, all_n: int) -> None:
            job.done_frac = done_n / max(1, all_n)

        job.state = "running"
        try:
            draw = self._draw_movie or import_module("neurosim.viewer.gl.movie").movie
            draw(self._source, state, job.path, progress=progress, cancelled=lambda: job.stop, **options)
            job.state, job.done_frac = "done", 1.0
        except (NeurosimError, OSError) as error:
            job.state, job.error = "failed", str(error)
        except Exception as error:
            job.state, job.error = "failed", f"the movie could not be made ({type(error).__name__})"
            logging.getLogger(__name__).exception("a movie failed")
        finally:
            if job.state != "done":
                job.path.unlink(missing_ok=True)

    def movie(self, name: str) -> Answer:
        """Return how far a movie is, or the movie."""
        job = self._jobs.get(name)
        if job is None:
            raise Refusal(404, "no such movie; the oldest are removed")
        if job.state != "done":
            return as_json({"job": name, "state": job.state, "done": job.done_frac, "error": job.error})
        if job.path.stat().st_size > MOST_BYTES:
            raise Refusal(413, f"the movie has {job.path.stat().st_size:,} bytes; at most {MOST_BYTES:,} are sent")
        return Answer(200, "video/mp4", job.path.read_bytes())

    def close(self) -> None:
        """End what is being made and remove the files."""
        with self._lock:
            self._closed = True
            for job in self._jobs.values():
                job.stop = True
        self._stills.shutdown(wait=False, cancel_futures=True)
        self._movies.shutdown(wait=True, cancel_futures=True)
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


def _size(asked: dict[str, Any]) -> tuple[dict[str, Any], int, int]:
    """Return state, width and height of a request."""
    state = asked.get("state", {})
    if not isinstance(state, dict):
        raise Refusal(422, f"state: must be an object, got {type(state).__name__}")
    width = messages.whole({"width": 1280, **asked}, "width", LEAST_PIXELS, MOST_PIXELS[0])
    height = messages.whole({"height": 720, **asked}, "height", LEAST_PIXELS, MOST_PIXELS[1])
    return state, width, height
