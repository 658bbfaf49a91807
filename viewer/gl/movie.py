"""Movies of a source: MP4 (H.264, by PyAV) or GIF (by Pillow), frame by frame, without a display.

A movie is written under another name and renamed when it is whole; what ends it early leaves no half file.
"""

from __future__ import annotations

import math
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

import numpy as np

from neurosim.errors import MissingExtraError, ModelError, OutputError
from neurosim.units import MS_PER_S
from neurosim.viewer.gl.picture import BUDGET, Size, SizeError
from neurosim.viewer.gl.view_state import ViewState, read_state
from neurosim.viewer.gl.world_picture import AnyPicture, picture_of
from neurosim.viewer.source import Source

Progress = Callable[[int, int], None]

KINDS: Final = (".mp4", ".gif")
MOST_FRAMES: Final = 100_000
_OCTREE: Final = 2
"""Pillow's ``Image.Quantize.FASTOCTREE``: by the median cut the few bright places of a dark picture are lost."""
_GIF_BYTES: Final = 400_000_000
"""All frames of a GIF are in memory, a byte a pixel."""


class MovieError(ModelError):
    """A movie that cannot be made."""


class MovieCancelledError(MovieError):
    """A movie that was stopped before its end; nothing is left of it."""


class _Film(ABC):
    """A file that takes one picture after the other."""

    frames_n = 0

    def add(self, image: Any) -> None:
        """Append a Pillow image."""
        self._write(image)
        self.frames_n += 1

    @abstractmethod
    def _write(self, image: Any) -> None:
        """Append a Pillow image."""

    @abstractmethod
    def finish(self) -> None:
        """Write what is left."""

    def close(self) -> None:  # noqa: B027 - most have nothing to let go
        """Let the file go, whole or not."""


class _Mp4(_Film):
    def __init__(self, path: Path, size: Size, fps: float) -> None:
        try:
            import av
        except ImportError as error:
            raise MissingExtraError("movies", "PyAV", "viewer") from error
        self._av = av
        self._file = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        rate = Fraction(fps).limit_denominator(1001)
        try:
            self._stream = self._file.add_stream("libx264", rate=rate, options={"crf": "16", "preset": "medium"})
        except ValueError as error:
            self._file.close()
            raise MovieError(
                "movie: this PyAV cannot write H.264; install its wheel from PyPI, or write a .gif"
            ) from error
        self._stream.width, self._stream.height = size.width, size.height
        self._stream.pix_fmt = "yuv420p"

    def _write(self, image: Any) -> None:
        frame = self._av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
        self._file.mux(self._stream.encode(frame))

    def finish(self) -> None:
        self._file.mux(self._stream.encode(None))

    def close(self) -> None:
        self._file.close()


class _Gif(_Film):
    def __init__(self, path: Path, fps: float) -> None:
        self._path, self._step_ms = path, max(20, round(MS_PER_S / fps))
        self._frames: list[Any] = []

    def _write(self, image: Any) -> None:
        self._frames.append(image.quantize(colors=255, method=_OCTREE, dither=0))

    def finish(self) -> None:
        first, *others = self._frames
        first.save(
            self._path, "GIF", save_all=True, append_images=others, duration=self._step_ms, loop=0, optimize=False
        )


def times_ms(start_ms: float, stop_ms: float, fps: float, rate: float) -> list[float]:
    """Return the simulated time of each frame, from ``start_ms``, ``rate / fps`` ms apart, up to ``stop_ms``."""
    if not all(math.isfinite(value) for value in (start_ms, stop_ms)) or not stop_ms > start_ms:
        raise MovieError(f"movie: start_ms={start_ms:g}, stop_ms={stop_ms:g}; the stop must come after the start")
    for name, value, most in (("fps", fps, 240.0), ("rate", rate, 1e9)):
        if not (math.isfinite(value) and 0.0 < value <= most):
            raise MovieError(f"movie: {name}={value:g}; allowed: above 0, at most {most:g}")
    step = rate / fps
    frames_n = math.floor((stop_ms - start_ms) / step + 1e-9) + 1
    if frames_n > MOST_FRAMES:
        raise MovieError(
            f"movie: {frames_n} frames are too many, at most {MOST_FRAMES}; "
            f"raise rate (now {rate:g} ms a second), or shorten the stretch of {stop_ms - start_ms:g} ms"
        )
    return [start_ms + k * step for k in range(frames_n)]


def _film(kind: str, path: Path, size: Size, fps: float, frames_n: int) -> _Film:
    if kind == ".mp4":
        return _Mp4(path, size, fps)
    most = _GIF_BYTES // (size.width * size.height)
    if frames_n > most:
        raise MovieError(
            f"movie: {frames_n} frames of {size.width}x{size.height} are too many for a GIF, at most {most}; "
            "write an .mp4, or fewer and smaller frames"
        )
    return _Gif(path, fps)


def _checked(path: Path, size: Size) -> None:
    kind = path.suffix.lower()
    if kind not in KINDS:
        raise MovieError(f"movie: {path.name} ends in {kind or 'nothing'!r}; allowed: {', '.join(KINDS)}")
    if kind == ".mp4" and (size.width % 2 or size.height % 2):
        raise SizeError(
            f"size: {size.width}x{size.height}; the sides of an .mp4 must be even, "
            f"such as {size.width + size.width % 2}x{size.height + size.height % 2}"
        )


def movie(
    source: Source,
    state: ViewState | Mapping[str, Any] | str | None,
    path: str | Path,
    *,
    start_ms: float | None = None,
    stop_ms: float | None = None,
    fps: float = 30.0,
    rate: float = 20.0,
    width: int = 1280,
    height: int = 720,
    turn_deg: float = 0.0,
    budget: int = BUDGET,
    words: bool = True,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Write a movie.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState, dict or str, optional
        How (``read_state``).
    path : path-like
        ``.mp4`` or ``.gif``.
    start_ms, stop_ms : float, optional
        Stretch of simulated time; all of it when omitted.
    fps : float
        Frames a second.
    rate : float
        ms of simulated time shown in a second.
    width, height : int
        Pixels; even for ``.mp4``.
    turn_deg : float
        How far the camera goes around the cells from the first to the last frame.
    budget : int
        Points and segments that may be drawn in a frame.
    words : bool
        Draw title, time, legend, scale bar and axes.
    progress : callable, optional
        Called with frames done and frames in all, after each.
    cancelled : callable, optional
        Asked before each frame; True ends the movie.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    StateError, SizeError, MovieError
        Something that is not allowed.
    MovieCancelledError
        ``cancelled`` said so.
    OutputError
        The file cannot be written.
    """
    shown, size, goal = read_state(state), Size(width, height), Path(path)
    _checked(goal, size)
    status = source.status()
    begin = status.start_ms if start_ms is None else start_ms
    times = times_ms(begin, status.stop_ms if stop_ms is None else stop_ms, fps, rate)
    picture = picture_of(source, shown, size, budget=budget)
    part = goal.with_name(f".{goal.stem}-{secrets.token_hex(4)}{goal.suffix.lower()}")
    try:
        with _writing(goal):
            part.touch(exist_ok=False)
        film = _film(goal.suffix.lower(), part, size, fps, len(times))
        with closing(film):
            for image in _shots(picture, times, turn_deg, words, cancelled):
                with _writing(goal):
                    film.add(image)
                if progress is not None:
                    progress(film.frames_n, len(times))
            with _writing(goal):
                film.finish()
        with _writing(goal):
            part.replace(goal)
    finally:
        picture.close()
        part.unlink(missing_ok=True)
    return goal


@contextmanager
def _writing(goal: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(goal, f"cannot be written: {error.strerror or error}") from error


def _shots(
    picture: AnyPicture, times: list[float], turn_deg: float, words: bool, cancelled: Callable[[], bool] | None
) -> Iterator[Any]:
    """Draw one picture after the other."""
    first = picture.camera
    for done, t_ms in enumerate(times):
        if cancelled is not None and cancelled():
            raise MovieCancelledError(f"movie: stopped after {done} of {len(times)} frames")
        if turn_deg and done:
            picture.turn_to(first.turned(turn_deg * done / (len(times) - 1)))
        yield picture.draw(t_ms, words=words)
