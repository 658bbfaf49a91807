"""``Pilot``: what mouse, keys and time do to a picture; the same for a window and for a notebook.

Dragging turns the camera around what is looked at, with the right button or Shift it moves sideways, the wheel comes
nearer. Of a replay the pilot has its own clock; a live run shows its newest moment. How much is drawn follows from how
long drawing takes.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np

from neurosim.errors import NeurosimError
from neurosim.viewer.gl.camera import fitting
from neurosim.viewer.gl.overlay import Words
from neurosim.viewer.gl.picking import Found, pick
from neurosim.viewer.gl.picture import Picture, Size
from neurosim.viewer.gl.still import time_of
from neurosim.viewer.gl.view_state import COLOURS, ViewState
from neurosim.viewer.source import Source

HELP: Final = (
    "drag turn · Shift+drag move · wheel nearer · F all · space play · arrows turn · 1-5 colour · P pick · T theme"
)
BUDGET_FIRST, BUDGET_LEAST, BUDGET_MOST = 100_000, 20_000, 2_000_000
_SLOW_s, _QUICK_s = 0.12, 0.03
_TURN_deg: Final = 5.0
_NEARER: Final = 0.85
_RATE_ms_per_s: Final = 20.0
_SIDE_MOST: Final = 4096


class Pilot:
    """The state of one interactive view.

    Parameters
    ----------
    source : Source
        What is shown.
    state : ViewState
        How at first.
    width, height : int
        Pixels.
    clock : callable
        Wall time in s; tests give their own.
    """

    def __init__(
        self,
        source: Source,
        state: ViewState,
        width: int,
        height: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.source, self._clock = source, clock
        self.rate = _RATE_ms_per_s
        self.playing = False
        self.found: Found | None = None
        self.message = HELP
        self.budget = BUDGET_FIRST
        self._held: tuple[float, float] | None = None
        self._pointer = (width / 2.0, height / 2.0)
        self._anchor = (clock(), time_of(source, state, None))
        self.picture = Picture(source, state, _size(width, height), budget=self.budget, finer=False, patience_s=0.0)

    @property
    def state(self) -> ViewState:
        """How it is shown now."""
        return self.picture.state

    # --- time -------------------------------------------------------------------------------------------------------

    @property
    def t_ms(self) -> float:
        """The time that is shown."""
        if self.source.live:
            return self.source.status().t_ms
        since, from_ms = self._anchor
        if not self.playing:
            return from_ms
        t_ms = from_ms + self.rate * (self._clock() - since)
        stop_ms = self.source.status().stop_ms
        if t_ms >= stop_ms:
            self.playing, t_ms = False, stop_ms
            self._anchor = (self._clock(), t_ms)
        return t_ms

    def seek(self, t_ms: float) -> None:
        """Go to a time of a replay."""
        if not self.source.live:
            status = self.source.status()
            self._anchor = (self._clock(), min(max(t_ms, status.start_ms), status.stop_ms))

    def play(self) -> None:
        """Start or stop; a live run is paused or goes on."""
        if self.source.live:
            self.source.control("resume" if self.source.status().state == "paused" else "pause")
            return
        now = self.t_ms
        if not self.playing and now >= self.source.status().stop_ms:
            now = self.source.status().start_ms
        self.playing, self._anchor = not self.playing, (self._clock(), now)

    @property
    def moving(self) -> bool:
        """Whether the picture changes by itself."""
        return self.source.live or self.playing

    # --- mouse and keys ---------------------------------------------------------------------------------------------

    def press(self, x: float, y: float) -> None:
        """Take hold."""
        self._held = self._pointer = (x, y)

    def release(self) -> None:
        """Let go."""
        self._held = None

    def drag(self, x: float, y: float, *, sideways: bool = False) -> bool:
        """Move the mouse to a place in pixels; return whether the picture changed."""
        self._pointer = (x, y)
        if self._held is None:
            return False
        dx, dy = x - self._held[0], y - self._held[1]
        self._held = (x, y)
        camera, height = self.picture.camera, self.picture.size.height
        if sideways:
            pixel_um = camera.um_per_pixel(height)
            self.picture.turn_to(camera.moved(-dx * pixel_um, dy * pixel_um))
        else:
            self.picture.turn_to(camera.turned(-180.0 * dx / height, 180.0 * dy / height))
        return True

    def wheel(self, steps: float) -> None:
        """Come nearer (above 0) or go away."""
        self.picture.turn_to(self.picture.camera.nearer(_NEARER**steps))

    def key(self, name: str) -> bool:
        """Press a key by its name (``"Left"``, ``" "``, ``"f"``); return whether it means something."""
        turns = {
            "left": (-_TURN_deg, 0.0),
            "right": (_TURN_deg, 0.0),
            "up": (0.0, _TURN_deg),
            "down": (0.0, -_TURN_deg),
        }
        plain = name.lower().removeprefix("arrow")
        if plain in turns:
            self.picture.turn_to(self.picture.camera.turned(*turns[plain]))
        elif plain in ("+", "=", "-"):
            self.wheel(-1.0 if plain == "-" else 1.0)
        elif plain in ("[", "]"):
            self.seek(self.t_ms + (1.0 if plain == "]" else -1.0))
        elif plain in ("1", "2", "3", "4", "5"):
            self._show(replace(self.state, colour=COLOURS[int(plain) - 1]))
        else:
            return self._other(plain)
        return True

    def _other(self, key: str) -> bool:
        does: dict[str, Callable[[], None]] = {
            " ": self.play,
            "space": self.play,
            "f": self.fit,
            "p": self.pick,
            "home": lambda: self.seek(self.source.status().start_ms),
            "end": lambda: self.seek(self.source.status().stop_ms),
            "t": lambda: self._show(replace(self.state, theme="light" if self.state.theme == "dark" else "dark")),
            "h": lambda: setattr(self, "message", "" if self.message == HELP else HELP),
        }
        if key not in does:
            return False
        does[key]()
        return True

    def _show(self, state: ViewState) -> None:
        before = self.picture.state
        self.picture.state = state
        try:
            self.picture.moment(self.t_ms)
        except NeurosimError as error:
            self.picture.state, self.message = before, str(error)

    def fit(self) -> None:
        """Bring everything into view, from the same side."""
        c = self.picture.camera
        self.picture.turn_to(fitting(c.bounds, c.look, c.up, c.fov_deg, c.aspect))

    def pick(self) -> None:
        """Say what is under the pointer, and ring its cell."""
        picture = self.picture
        self.found = pick(picture.drawing, picture.camera, picture.size, *self._pointer)
        if self.found is None:
            self.message = "nothing here"
            picture.state = replace(picture.state, selection=())
            return
        kind = self.source.scene.kinds[int(picture.drawing.kind[self.found.slot])]
        facts = "".join(f" · {name} {value}" for name, value in kind.facts.items())
        moment = picture.moment(self.t_ms)
        offset = int(moment.offset[self.found.slot])
        value = float(moment.voltage[offset + self.found.node]) if offset >= 0 else -1.0
        low, high = picture.state.range
        voltage = f" · {low + value * (high - low):.1f} mV" if 0.0 < value < 1.0 else ""
        self.message = f"gid {self.found.gid} · {kind.population}{facts} · {self._place(self.found)}{voltage}"
        picture.state = replace(picture.state, selection=(self.found.rank,))

    def _place(self, found: Found) -> str:
        """Return what a compartment is called."""
        labels = self.source.scene.labels(found.rank)
        return labels[found.node] if found.node < len(labels) else f"compartment {found.node}"

    # --- drawing ----------------------------------------------------------------------------------------------------

    def resize(self, width: int, height: int) -> None:
        """Take another size."""
        size = _size(width, height)
        if size != self.picture.size:
            before = self.picture
            self.picture = Picture(self.source, before.state, size, budget=self.budget, finer=False, patience_s=0.0)
            self.picture.turn_to(replace(before.camera, aspect=size.width / size.height))
            before.close()

    def took(self, spent_s: float) -> None:
        """Draw less next time when a frame took long, more when it was quick."""
        budget = self.budget
        if spent_s > _SLOW_s:
            budget = max(BUDGET_LEAST, int(self.budget / 1.5))
        elif spent_s < _QUICK_s:
            budget = min(BUDGET_MOST, int(self.budget * 1.5))
        if budget != self.budget:
            self.budget = self.picture.budget = budget
            self.picture.turn_to(self.picture.camera)

    def words(self, moment: Any) -> Words:
        """Return what is written on the picture."""
        words = self.picture.words(moment)
        notes = (*words.notes, self.message) if self.message else words.notes
        return replace(words, notes=notes)

    def close(self) -> None:
        """Let the source's player go."""
        self.picture.close()


def _size(width: int, height: int) -> Size:
    """Return the nearest size that can be drawn: a window may be of any."""
    return Size(*(int(np.clip(side, 16, _SIDE_MOST)) for side in (width, height)))
