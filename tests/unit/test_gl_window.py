"""The window and the widget of frames, off-screen: what mouse, keys and time do to the picture."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neurosim.errors import MissingExtraError
from neurosim.viewer.gl.backend import offscreen_application
from neurosim.viewer.gl.notebook import frames_widget
from neurosim.viewer.gl.pilot import BUDGET_LEAST, HELP, Pilot
from neurosim.viewer.gl.still import still
from neurosim.viewer.gl.view_state import read_state
from neurosim.viewer.gl.window import Window, open_window
from neurosim.viewer.memory_source import Voltages
from tests.gl_canvas import decoded, needs_gl, source_of

WIDTH, HEIGHT = 320, 240


class Clock:
    """Wall time that stands until it is told to go on."""

    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def pilot_of(clock: Clock | None = None, **state: Any) -> Pilot:
    shown = read_state({"colour": "spikes", "t_ms": 50.5} | state)
    return Pilot(source_of([0], [50.0]), shown, WIDTH, HEIGHT, clock=clock or Clock())


def test_space_plays_to_the_end_and_from_there_from_the_start() -> None:
    clock = Clock()
    pilot = pilot_of(clock)
    assert not pilot.moving and pilot.key(" ")
    clock.now_s = 1.0
    assert pilot.t_ms == pytest.approx(50.5 + pilot.rate)
    clock.now_s = 60.0
    assert pilot.t_ms == 100.0 and not pilot.playing
    pilot.key("Space")
    clock.now_s = 61.0
    assert pilot.t_ms == pytest.approx(pilot.rate)
    pilot.key(" ")
    clock.now_s = 90.0
    assert pilot.t_ms == pytest.approx(pilot.rate)


def test_keys_step_and_jump_within_what_is_known() -> None:
    pilot = pilot_of()
    for key, t_ms in (("]", 51.5), ("[", 50.5), ("Home", 0.0), ("[", 0.0), ("End", 100.0)):
        assert pilot.key(key)
        assert pilot.t_ms == pytest.approx(t_ms)


def test_dragging_turns_and_shift_moves_what_is_seen_with_the_mouse() -> None:
    pilot = pilot_of()
    before = pilot.picture.camera
    assert not pilot.drag(10, 10)
    pilot.press(100, 100)
    assert pilot.drag(160, 100)
    turned = pilot.picture.camera
    assert turned.distance_um == pytest.approx(before.distance_um)
    # Drag to the right: the front goes to the right, so the eye goes to the left.
    assert turned.eye_um[0] < before.eye_um[0]
    focus = turned.pixels(turned.focus_um, WIDTH, HEIGHT)[0]
    pilot.drag(170, 130, sideways=True)
    moved = pilot.picture.camera.pixels(turned.focus_um, WIDTH, HEIGHT)[0]
    assert moved[:2] - focus[:2] == pytest.approx([10.0, 30.0], abs=0.01)


def test_wheel_and_plus_come_nearer_and_f_shows_all_again() -> None:
    pilot = pilot_of()
    first = pilot.picture.camera.distance_um
    pilot.wheel(1.0)
    pilot.key("+")
    assert pilot.picture.camera.distance_um == pytest.approx(first * 0.85**2)
    pilot.key("-")
    pilot.key("f")
    assert pilot.picture.camera.distance_um == pytest.approx(first)


def test_numbers_choose_colours_and_what_cannot_be_is_told() -> None:
    pilot = pilot_of()
    assert pilot.key("3") and pilot.state.colour == "population"
    assert pilot.key("4") and pilot.state.colour == "population"
    assert "layer" in pilot.message
    assert pilot.key("t") and pilot.state.theme == "light"
    assert not pilot.key("x")


def test_picking_tells_of_the_cell_and_rings_it() -> None:
    voltage = Voltages(0.0, 100.0, {1: np.full((2, 31), -40.0, np.float32)})
    pilot = Pilot(source_of(voltage=voltage), read_state({"colour": "voltage"}), WIDTH, HEIGHT)
    x, y, _ = pilot.picture.camera.pixels(np.array([[0.0, 400.0, 0.0]]), WIDTH, HEIGHT)[0]
    pilot.drag(x, y)
    pilot.key("p")
    assert tuple(pilot.state.selection) == (1,)
    assert "gid 1" in pilot.message and "row 1" in pilot.message and "-40.0 mV" in pilot.message
    pilot.drag(2, 2)
    pilot.key("p")
    assert not pilot.state.selection and pilot.message == "nothing here"


def test_slow_frames_draw_less_down_to_a_least_and_quick_ones_more_again() -> None:
    pilot = pilot_of()
    first = pilot.budget
    pilot.took(1.0)
    assert pilot.budget < first
    for _ in range(50):
        pilot.took(1.0)
    assert pilot.budget == BUDGET_LEAST == pilot.picture.budget
    pilot.took(0.001)
    assert pilot.budget > BUDGET_LEAST


def test_another_size_keeps_the_camera() -> None:
    pilot = pilot_of()
    pilot.wheel(2.0)
    eye = pilot.picture.camera.eye_um
    pilot.resize(500, 100)
    assert pilot.picture.camera.eye_um is eye and pilot.picture.camera.aspect == 5.0
    pilot.resize(0, 0)
    assert pilot.picture.size.width == 16


@pytest.fixture
def window() -> Iterator[Window]:
    window = open_window(
        source_of([0], [50.0]),
        state={"colour": "spikes", "t_ms": 50.5},
        width=WIDTH,
        height=HEIGHT,
        block=False,
        application=offscreen_application(),
    )
    window.pilot.message = ""
    yield window
    window.close()


def shot(window: Window) -> np.ndarray:
    from vispy import gloo

    window.canvas.set_current()
    window.canvas.events.draw(region=None)
    window.canvas.set_current()
    return np.asarray(gloo.read_pixels((0, 0, WIDTH, HEIGHT), alpha=False), int)


@needs_gl
def test_a_window_shows_what_a_still_shows(window: Window) -> None:
    shown = shot(window)
    picture = decoded(still(window.source, window.pilot.state, WIDTH, HEIGHT, 50.5))
    # The still is drawn at twice the size, so edges differ.
    assert (np.abs(shown - picture).max(axis=2) > 60).mean() < 0.01
    assert (shown.max(axis=2) > 60).sum() > 500


@needs_gl
def test_mouse_and_keys_reach_the_picture(window: Window) -> None:
    first = shot(window)
    events = window.canvas.events
    events.mouse_press(pos=(100, 100), button=1)
    events.mouse_move(pos=(140, 120), button=1, modifiers=())
    events.mouse_release(pos=(140, 120), button=1)
    turned = shot(window)
    assert (turned != first).any()
    events.mouse_move(pos=(10, 10), button=None, modifiers=())
    assert (shot(window) == turned).all()
    events.key_press(key=SimpleNamespace(name="F"), text="f", modifiers=())
    events.mouse_wheel(pos=(100, 100), delta=(0.0, 1.0), modifiers=())
    assert (shot(window) != turned).any()
    events.key_press(key=SimpleNamespace(name="Escape"), text="", modifiers=())
    assert window.closed.is_set()


@needs_gl
def test_time_goes_on_in_a_window_that_plays(window: Window) -> None:
    clock = Clock()
    window.pilot._clock = clock
    window.pilot.seek(49.0)
    quiet = shot(window)
    window.canvas.events.key_press(key=SimpleNamespace(name="Space"), text=" ", modifiers=())
    assert window.pilot.moving
    clock.now_s = 0.075
    assert window.pilot.t_ms == pytest.approx(50.5)
    assert (shot(window) > quiet + 60).sum() > 100


@needs_gl
def test_run_works_in_a_thread_and_passes_on_what_it_returns_and_raises(window: Window) -> None:
    def work() -> str:
        window.closed.wait(5.0)
        return threading.current_thread().name

    window.close()
    assert window.run(work) not in (None, threading.main_thread().name)
    with pytest.raises(ZeroDivisionError):
        window.run(lambda: 1 / 0)


@needs_gl
def test_the_widget_of_frames_draws_and_takes_events() -> None:
    widget = frames_widget(source_of([0], [50.0]), state={"colour": "spikes", "t_ms": 50.5}, width=WIDTH, height=HEIGHT)
    assert widget.pilot.message == HELP
    first = widget.get_frame()
    assert first is not None and first.shape == (HEIGHT, WIDTH, 3) and first.dtype == np.uint8
    assert (first.max(axis=2) > 60).sum() > 500
    widget.handle_event({"type": "pointer_down", "x": 100, "y": 100, "buttons": (1,), "modifiers": ()})
    widget.handle_event({"type": "pointer_move", "x": 150, "y": 100, "buttons": (1,), "modifiers": ()})
    widget.handle_event({"type": "pointer_up", "x": 150, "y": 100, "buttons": (), "modifiers": ()})
    assert (widget.get_frame() != first).any()
    widget.handle_event({"type": "resize", "width": 200, "height": 100, "ratio": 2.0})
    assert widget.get_frame().shape == (100, 200, 3)
    widget.handle_event({"type": "key_down", "key": "ArrowLeft", "modifiers": ()})
    widget.handle_event({"type": "wheel", "dx": 0.0, "dy": -100.0, "modifiers": ()})
    widget.close()


def test_without_jupyter_rfb_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "jupyter_rfb", None)
    with pytest.raises(MissingExtraError, match=r"jupyter_rfb.*neurosim\[viewer\]"):
        frames_widget(source_of())
