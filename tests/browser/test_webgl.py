"""The 3-D view alone, in a real Chromium: what is drawn where, picked, hidden, lost and found again."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from neurosim.viewer import wire
from neurosim.viewer.memory_source import MemorySource, Voltages
from tests.browser.bare_page import BareServer
from tests.viewer_scenes import many_cells, three_cells

PATIENCE_ms = 60_000
FRONT = {"eye": [150.0, 400.0, 1300.0], "look": [0.0, 0.0, -1.0], "up": [0.0, 1.0, 0.0], "fov": 45}
"""A camera that has all three cells before it."""
NEAR = {**FRONT, "eye": [150.0, 400.0, 400.0]}
"""One that has the middle cell before it, with branches that are thicker than a pixel."""
LIT = 150
"""Brightest channel of what fires; what rests is darker."""

READ = """
async ([points]) => {
  const { readPicture } = await import("/gl_shot.mjs");
  const { width, height, bytes } = readPicture(viewer);
  return points.map((point) => {
    const [x, y] = viewer.project(point);
    const at = 4 * (width * (height - 1 - Math.floor(y)) + Math.floor(x));
    return [...bytes.slice(at, at + 3)];
  });
}
"""


class Bare:
    """The bare page in a browser.

    Parameters
    ----------
    page : playwright.sync_api.Page
    address : str
        Of the bare server.
    """

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _heard(self, message: Any) -> None:
        # Chromium remarks on every picture that is read back.
        if message.type in ("error", "warning") and "ReadPixels" not in message.text:
            self.complaints.append(message.text)

    def open(self, query: str = "budget=20000&colour=spikes") -> Bare:
        """Load the page and wait until all of its picture is there."""
        self.page.goto(f"{self.address}?{query}")
        self.settle()
        return self

    def js(self, code: str, *values: Any) -> Any:
        """Return what a function of the page returns."""
        return self.page.evaluate(code, list(values))

    def until(self, code: str) -> None:
        """Wait until a function of the page is true."""
        self.page.wait_for_function(code, timeout=PATIENCE_ms)

    def settle(self) -> None:
        """Wait until the answer to the newest view is drawn."""
        self.until("() => globalThis.viewer?.stats().complete && !viewer.stats().loading")
        self.js("() => transport.queue")

    def look(self, state: dict[str, Any]) -> None:
        """Look from elsewhere and wait for the picture."""
        asked = self.js("() => transport.sent.filter((m) => m.type === 'view').length")
        self.js("([state]) => viewer.restore(state)", state)
        self.page.wait_for_function(
            "([n]) => transport.sent.filter((m) => m.type === 'view').length > n", arg=[asked], timeout=PATIENCE_ms
        )
        self.js("() => transport.queue")
        self.settle()

    def feed(self, frame: bytes) -> None:
        """Let a frame come."""
        self.js("([bytes]) => feed(bytes)", base64.b64encode(frame).decode())

    def fire(self, t_ms: float, spikes: dict[int, float]) -> None:
        """Let it be ``t_ms``, with nothing having happened but these spikes: rank -> time."""
        ranks, times = np.array(list(spikes), int), np.array(list(spikes.values()), float)
        self.feed(wire.spikes_frame(t_ms, 1000.0, ranks, times, flags=wire.JUMPED))

    def colours(self, points: list[list[float]]) -> list[list[int]]:
        """Return the colours at places of the scene."""
        found: list[list[int]] = self.js(READ, points)
        return found

    def lit(self, points: list[list[float]]) -> list[bool]:
        """Return which places are lit."""
        return [max(colour) > LIT for colour in self.colours(points)]


def along(row: int, *x_um: float) -> list[list[float]]:
    """Return places on the branch of one of the three cells."""
    return [[x, 400.0 * row, 0.0] for x in x_um]


@pytest.fixture(scope="module")
def three() -> Iterator[BareServer]:
    """Serve the three cells."""
    steps = np.zeros((2, 31), np.float32) - 65.0
    known = Voltages(0.0, 50.0, {rank: steps for rank in range(3)})
    server = BareServer(MemorySource(three_cells(), [1], [50.0], stop_ms=100.0, voltage=known))
    yield server
    server.close()


@pytest.fixture(scope="module")
def thousand() -> Iterator[BareServer]:
    """Serve a thousand invented cells."""
    server = BareServer(MemorySource(many_cells(1000), [], [], stop_ms=100.0))
    yield server
    server.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """Return an empty page that is closed after the test."""
    context = browser.new_context(viewport={"width": 640, "height": 480}, reduced_motion="reduce")
    yield context.new_page()
    context.close()


@pytest.fixture(scope="module")
def shared(browser: Any, three: BareServer) -> Iterator[Bare]:
    """Return a page with the three cells that the tests share; each sets its own camera and colours."""
    context = browser.new_context(viewport={"width": 640, "height": 480}, reduced_motion="reduce")
    bare = Bare(context.new_page(), three.address).open()
    yield bare
    context.close()
    assert bare.complaints == []


@pytest.fixture
def front(shared: Bare) -> Bare:
    """Return the shared page with all three cells in view, coloured by spikes, nothing selected or cut."""
    shared.js("() => { viewer.colourBy('spikes'); viewer.select([]); viewer.restore({ clip: null, theme: 'dark' }) }")
    shared.look({**FRONT, "eye": [150.0, 400.0, 1300.0 + np.random.default_rng().uniform()]})
    shared.look(FRONT)
    shared.fire(10.0, {})
    return shared


# --- opening ----------------------------------------------------------------------------------------------------------


def test_opening_makes_one_context_and_no_complaint(tab: Any, three: BareServer, record_property: Any) -> None:
    tab.add_init_script(
        "const made = HTMLCanvasElement.prototype.getContext; globalThis.contexts = 0;"
        "HTMLCanvasElement.prototype.getContext = function (kind, ...more) {"
        "  if (kind.startsWith('webgl')) contexts += 1; return made.call(this, kind, ...more); };"
    )
    bare = Bare(tab, three.address).open()
    stats = bare.js("() => viewer.stats({ pixels: true })")
    record_property("renderer", stats["renderer"])
    print(stats["renderer"])
    assert bare.js("() => contexts") == 1
    assert stats["renderer"] != ""
    assert stats["drawn_n"] > 500
    assert bare.complaints == []


def test_without_webgl2_the_page_says_so_and_status_still_comes(tab: Any, three: BareServer) -> None:
    tab.add_init_script("HTMLCanvasElement.prototype.getContext = () => null;")
    bare = Bare(tab, three.address)
    tab.goto(three.address)
    bare.until("() => globalThis.heard?.error.length > 0")
    assert "no WebGL2" in tab.locator(".nv-message").inner_text()
    assert "no WebGL2" in bare.js("() => heard.error[0].message")
    heard = bare.js(
        """() => new Promise((done) => {
          viewer.addEventListener("status", (event) => done(event.detail.state));
          transport.turn();
        })"""
    )
    assert heard == "replay"
    assert bare.complaints == []


def test_nothing_is_drawn_while_nothing_changes(front: Bare) -> None:
    front.until("() => viewer._raf === 0")
    before = front.js("() => viewer.stats().drawings_n")
    front.page.wait_for_timeout(400)
    assert front.js("() => viewer.stats().drawings_n") == before


def test_the_budget_begins_small_on_a_software_renderer(tab: Any, three: BareServer) -> None:
    bare = Bare(tab, three.address).open("colour=spikes")
    stats = bare.js("() => viewer.stats()")
    first = bare.js("() => transport.sent.find((m) => m.type === 'view').budget")
    assert first == (50_000 if stats["software"] else 1_000_000)
    assert any("no graphics card" in r for r in bare.js("() => heard.reduced.at(-1).reasons")) == stats["software"]


# --- spikes -----------------------------------------------------------------------------------------------------------


def test_a_spike_lights_its_soma_first_and_no_other_place(front: Bare) -> None:
    front.fire(100.0, {1: 100.0})
    assert front.lit(along(1, 0.0)) == [True]
    elsewhere = along(1, 60.0, 150.0, 290.0) + [place for row in (0, 2) for place in along(row, 0.0, 60.0, 150.0)]
    assert front.lit(elsewhere) == [False] * len(elsewhere)


@pytest.mark.parametrize("front_um", [90.0, 150.0, 240.0])
def test_a_spike_runs_along_the_branch_at_its_velocity(front: Bare, front_um: float) -> None:
    front.fire(100.0 + front_um / 300.0, {1: 100.0})
    places = [x for x in np.arange(30.0, 296.0, 5.0).tolist() if abs(x - front_um) > 15.0]
    assert front.lit(along(1, *places)) == [x < front_um for x in places]
    assert not any(front.lit(along(0, *places) + along(2, *places)))


def test_a_spike_decays_with_its_time_constant_until_the_branch_is_as_before(front: Bare) -> None:
    rest = front.colours(along(1, 105.0))
    seen = []
    for later_ms in (1.0, 6.0, 14.0, 400.0):
        front.fire(100.0 + later_ms, {1: 100.0})
        seen.append(front.colours(along(1, 105.0))[0])
    red = [colour[0] for colour in seen]
    assert red[0] > red[1] > red[2] > red[3]
    assert seen[3] == rest[0]


def test_a_mask_lights_the_cells_of_its_bits(front: Bare) -> None:
    front.feed(wire.mask_frame(200.0, 0, 3, np.array([0, 2]), flags=wire.JUMPED))
    assert front.lit([along(row, 0.0)[0] for row in range(3)]) == [True, False, True]


def test_a_later_frame_adds_spikes_and_the_clock_never_runs_ahead(front: Bare) -> None:
    front.fire(300.0, {0: 300.0})
    front.js("() => { heard.time.length = 0; }")
    front.feed(wire.spikes_frame(302.0, 2.0, np.array([2]), np.array([301.5])))
    front.until("() => !viewer.stage.clock.running")
    assert front.js("() => viewer.stats().t_ms") == 302.0
    assert max(front.js("() => heard.time.map((t) => t.t_ms)")) == 302.0
    assert front.lit([along(row, 0.0)[0] for row in range(3)]) == [True, False, True]


def test_times_far_beyond_single_precision_light_the_same_places(front: Bare) -> None:
    front.fire(5.0e6 + 0.5, {1: 5.0e6})
    assert front.lit(along(1, 60.0, 120.0, 200.0, 280.0)) == [True, True, False, False]


def test_the_wave_is_called_schematic_on_the_picture(front: Bare) -> None:
    assert "schematic wave" in front.page.locator(".nv-schematic").inner_text()
    front.js("() => viewer.colourBy('population')")
    assert front.page.locator(".nv-schematic").inner_text() == ""


# --- other colours ----------------------------------------------------------------------------------------------------


def expected(bare: Bare, fraction: float, depth_um: float) -> list[int]:
    """Return the colour map's colour at a fraction of its range, behind the fog at a depth."""
    found: list[int] = bare.js(
        """async ([x, depth]) => {
          const { mapColour, THEMES } = await import("/colours.mjs");
          const [begin, end, most] = viewer._how().fog;
          const t = Math.min(1, Math.max(0, (depth - begin) / (end - begin)));
          const fog = most * t * t * (3 - 2 * t);
          return mapColour("magma", x).map((c, k) => Math.round(255 * (c + fog * (THEMES.dark.back[k] - c))));
        }""",
        fraction,
        depth_um,
    )
    return found


def test_a_voltage_colours_its_own_compartment(front: Bare) -> None:
    front.look(NEAR)
    front.js("() => viewer.colourBy('voltage')")
    front.js("() => transport.queue")
    tag = front.js("() => transport.sent.findLast((m) => m.type === 'sub').tag")
    ranks = front.js("() => transport.sent.findLast((m) => m.type === 'sub').voltage")
    assert ranks == [0, 1, 2]
    fractions = {3: 0.2, 8: 0.9, 9: 0.35, 20: 0.6}
    voltage = np.full(93, -60.0)
    for node, fraction in fractions.items():
        voltage[31 + node] = -90.0 + 110.0 * fraction
    front.feed(wire.voltage_frame(10.0, voltage, -90.0, 40.0, tag=tag))
    for node, fraction in fractions.items():
        (seen,) = front.colours(along(1, 10.0 * node - 5.0))
        want = expected(front, fraction, 400.0)
        assert np.abs(np.subtract(seen, want)).max() <= 8, f"node {node}: {seen}, not {want}"
    assert front.js("() => viewer.stage.voltages.at(1, 8)") == pytest.approx(-90.0 + 110.0 * 0.9, abs=0.3)


def test_voltages_of_an_older_subscription_are_not_drawn(front: Bare) -> None:
    front.js("() => viewer.colourBy('voltage')")
    front.js("() => transport.queue")
    tag = front.js("() => transport.sent.findLast((m) => m.type === 'sub').tag")
    front.feed(wire.voltage_frame(10.0, np.full(93, -60.0), -90.0, 40.0, tag=tag))
    front.feed(wire.voltage_frame(10.0, np.full(93, 10.0), -90.0, 40.0, tag=tag - 1))
    assert front.js("() => viewer.stage.voltages.at(2, 3)") == pytest.approx(-60.0, abs=0.3)


def test_categories_have_the_colours_of_the_legend(front: Bare) -> None:
    front.look({**NEAR, "eye": [0.0, 400.0, 120.0]})
    front.js("() => viewer.colourBy('fact:row')")
    names = front.page.locator(".nv-legend .nv-key").all_inner_texts()
    shown = front.page.locator(".nv-legend circle").nth(1).get_attribute("fill")
    assert names == ["0", "1", "2"]
    (seen,) = front.colours([[0.0, 400.0, 0.0]])
    want = [int(shown[at : at + 2], 16) for at in (1, 3, 5)]
    assert np.argmax(seen) == np.argmax(want)
    assert np.corrcoef(seen, want)[0, 1] > 0.95


def test_the_light_theme_has_a_light_background_and_dark_words(front: Bare) -> None:
    front.js("() => viewer.setTheme('light')")
    (corner,) = front.colours([[-300.0, 0.0, 0.0]])
    assert min(corner) > 230
    ink = front.page.locator(".nv-clock").evaluate("(e) => getComputedStyle(e).color")
    assert max(int(part) for part in ink[4:-1].split(",")) < 80


# --- picking and selecting --------------------------------------------------------------------------------------------


def css(bare: Bare, point: list[float]) -> tuple[float, float]:
    """Return where a place of the scene is on the page."""
    x, y = bare.js("([point]) => viewer.project(point)", point)
    return float(x), float(y)


def test_picking_gives_the_cell_and_its_compartment(front: Bare) -> None:
    for row, x_um, node in ((1, 155.0, 16), (0, 25.0, 3), (2, 295.0, 30)):
        place = front.js("([x, y]) => viewer.pick(x, y)", *css(front, [x_um, 400.0 * row, 0.0]))
        assert (place["rank"], place["node"], place["soma"]) == (row, node, False)
        assert place["depth_um"] == pytest.approx(1300.0, rel=1e-3)
    place = front.js("([x, y]) => viewer.pick(x, y)", *css(front, [0.0, 800.0, 0.0]))
    assert (place["rank"], place["node"], place["soma"]) == (2, 0, True)
    assert front.js("([x, y]) => viewer.pick(x, y)", *css(front, [150.0, 600.0, 0.0])) is None


def test_a_click_selects_and_with_shift_adds(front: Bare) -> None:
    front.page.mouse.click(*css(front, [155.0, 400.0, 0.0]))
    assert front.js("() => heard.select.at(-1).place") == {"rank": 1, "node": 16}
    assert front.js("() => [...viewer.selection]") == [1]
    front.page.keyboard.down("Shift")
    front.page.mouse.click(*css(front, [0.0, 0.0, 0.0]))
    front.page.keyboard.up("Shift")
    assert front.js("() => [...viewer.selection]") == [0, 1]
    front.page.mouse.click(*css(front, [150.0, 600.0, 0.0]))
    assert front.js("() => [...viewer.selection]") == []


def test_a_selected_cell_looks_different(front: Bare) -> None:
    places = along(1, 0.0, 100.0) + along(0, 0.0, 100.0)
    before = front.colours(places)
    front.js("() => viewer.select([1])")
    after = front.colours(places)
    assert after[1] != before[1]
    assert after[2:] == before[2:]


def test_a_selected_cell_is_seen_through_what_hides_it(front: Bare) -> None:
    # From above the cells stand one behind the other.
    front.look({"eye": [0.0, 2000.0, 0.0], "look": [0.0, -1.0, 0.0], "up": [0.0, 0.0, 1.0], "fov": 45})
    places = [[50.0, 800.0, 0.0], [150.0, 800.0, 0.0]]
    before = front.colours(places)
    front.js("() => viewer.select([0])")
    after = front.colours(places)
    assert all(sum(now) > sum(then) + 20 for now, then in zip(after, before, strict=True)), (before, after)


def test_a_lasso_selects_the_somata_in_it(front: Bare) -> None:
    corners = [css(front, [x, y, 0.0]) for x, y in ((-60, -60), (60, -60), (60, 560), (-60, 560))]
    front.page.keyboard.down("Alt")
    front.page.mouse.move(*corners[0])
    front.page.mouse.down()
    for corner in corners[1:]:
        front.page.mouse.move(*corner, steps=4)
    front.page.mouse.up()
    front.page.keyboard.up("Alt")
    assert front.js("() => [...viewer.selection]") == [0, 1]
    assert front.js("() => heard.select.at(-1).from") == "lasso"


def test_hovering_names_the_cell_and_the_compartment(front: Bare) -> None:
    front.page.mouse.move(*css(front, [150.0, 600.0, 0.0]))
    front.page.mouse.move(*css(front, [205.0, 800.0, 0.0]))
    front.until("() => heard.hover.at(-1)?.place !== null && heard.hover.length > 0")
    words = front.page.locator(".nv-tip").inner_text()
    assert "cells 2" in words
    assert "205 µm from the soma" in words
    front.page.mouse.move(5, 5)


def test_enter_inspects_what_is_in_the_middle(front: Bare) -> None:
    front.page.locator("#view").focus()
    front.page.keyboard.press("Enter")
    assert front.js("() => heard.select.at(-1).place.rank") == 1
    assert front.js("() => heard.select.at(-1).from") == "key"


# --- looking ----------------------------------------------------------------------------------------------------------


def test_a_clip_plane_hides_one_side_and_flipped_the_other(front: Bare) -> None:
    somata = [along(row, 0.0)[0] for row in range(3)]
    back = front.colours([[150.0, 600.0, 0.0]])[0]
    front.js("() => viewer.restore({ clip: { axis: 'y', at: 600, flip: false } })")
    assert [colour != back for colour in front.colours(somata)] == [True, True, False]
    front.js("() => viewer.restore({ clip: { axis: 'y', at: 600, flip: true } })")
    assert [colour != back for colour in front.colours(somata)] == [False, False, True]
    front.js("() => viewer.restore({ clip: { axis: 'x', at: 100, flip: false } })")
    assert [colour != back for colour in front.colours(along(1, 85.0, 115.0))] == [True, False]
    assert front.js("([x, y]) => viewer.pick(x, y)", *css(front, [200.0, 400.0, 0.0])) is None


def test_the_view_survives_a_lost_context(front: Bare) -> None:
    front.fire(100.5, {1: 100.0})
    places = [along(row, x)[0] for row in range(3) for x in (0.0, 100.0, 250.0)]
    before = front.colours(places)
    front.js("() => viewer.loseContext(200)")
    front.until("() => !viewer.overlay.message.hidden")
    front.until("() => !viewer.renderer.gl.isContextLost() && viewer.overlay.message.hidden")
    assert front.colours(places) == before


def test_a_state_put_back_gives_the_same_view(front: Bare) -> None:
    given = {
        "eye": [120.5, 300.25, 900.0], "look": [0.0, 0.6, -0.8], "up": [0.0, 1.0, 0.0], "fov": 40, "colour": "rate",
        "range": [-80, 10], "map": "viridis", "clip": {"axis": "z", "at": 5, "flip": True}, "selection": [0, 2],
        "theme": "light", "tau_ms": 4, "velocity_um_per_ms": 150,
    }  # fmt: skip
    front.js("([state]) => viewer.restore(state)", given)
    state = front.js("() => viewer.state()")
    assert {name: state[name] for name in given} == given
    front.js(
        "([state]) => viewer.restore(state)",
        {"tau_ms": 10, "velocity_um_per_ms": 300, "map": "magma", "range": [-90, 20]},
    )
    assert front.js("() => viewer.state().eye") == given["eye"]


def test_the_scale_bar_is_as_long_as_it_says(front: Bare) -> None:
    front.js("() => viewer.drawNow()")
    length = front.page.locator(".nv-scale i").bounding_box()["width"]
    words = front.page.locator(".nv-scale").inner_text().strip()
    shown_um = float(words.split()[0])
    assert words.endswith("µm")
    # At the depth of the cells, which is where the camera's target is only when it looks at their middle.
    distance = front.js("() => viewer.camera.distance")
    per_um = (css(front, [100.0, 400.0, 0.0])[0] - css(front, [0.0, 400.0, 0.0])[0]) / 100.0 * 1300.0 / distance
    assert length == pytest.approx(shown_um * per_um, abs=1.5)


def test_arrows_and_the_wheel_move_the_camera(front: Bare) -> None:
    front.page.locator("#view").focus()
    eye = front.js("() => viewer.state().eye")
    front.page.keyboard.press("ArrowLeft")
    turned = front.js("() => viewer.state().eye")
    front.page.mouse.move(320, 240)
    distance = front.js("() => viewer.camera.distance")
    front.page.mouse.wheel(0, -200)
    front.until(f"() => viewer.camera.distance < {distance}")
    assert turned != eye


def test_two_fingers_apart_come_nearer(front: Bare) -> None:
    distance = front.js("() => viewer.camera.distance")
    front.js(
        """() => {
          const view = document.querySelector("#view");
          const finger = (type, pointerId, clientX) => view.dispatchEvent(new PointerEvent(type, {
            pointerId, clientX, clientY: 240, pointerType: "touch", button: 0, bubbles: true, cancelable: true }));
          finger("pointerdown", 11, 300);
          finger("pointerdown", 12, 340);
          finger("pointermove", 11, 260);
          finger("pointermove", 12, 380);
          finger("pointerup", 11, 260);
          finger("pointerup", 12, 380);
        }"""
    )
    assert front.js("() => viewer.camera.distance") == pytest.approx(distance / 3.0, rel=1e-3)
    assert front.js("() => viewer.steering.moving") is False


def test_one_finger_turns_about_the_middle(front: Bare) -> None:
    before = front.js("() => [viewer.state().eye, viewer.camera.target, viewer.camera.distance]")
    front.page.mouse.move(320, 240)
    front.page.mouse.down()
    front.page.mouse.move(360, 260, steps=3)
    front.page.mouse.up()
    after = front.js("() => [viewer.state().eye, viewer.camera.target, viewer.camera.distance]")
    assert after[0] != before[0]
    assert after[1] == before[1]
    assert after[2] == pytest.approx(before[2], rel=1e-6)
    # What is dragged follows the mouse: to the right and down means that the camera goes left and up.
    assert after[0][0] < before[0][0]
    assert after[0][1] > before[0][1]


def test_in_fly_mode_w_flies_ahead_and_a_drag_looks_around(front: Bare) -> None:
    front.js("() => viewer.setMode('fly')")
    front.page.locator("#view").focus()
    front.page.keyboard.down("w")
    front.until("() => viewer.state().eye[2] < 1299")
    front.page.keyboard.up("w")
    eye, look = front.js("() => [viewer.state().eye, viewer.state().look]")
    front.page.mouse.move(320, 240)
    front.page.mouse.down()
    front.page.mouse.move(380, 240, steps=3)
    front.page.mouse.up()
    assert front.js("() => viewer.state().eye") == eye
    assert front.js("() => viewer.state().look") != look
    front.js("() => viewer.setMode('orbit')")


def test_a_double_click_goes_to_the_cell(front: Bare) -> None:
    front.page.mouse.dblclick(*css(front, [0.0, 800.0, 0.0]))
    front.until("() => viewer.camera.distance < 700")
    assert front.js("() => viewer.camera.target") == pytest.approx([0.0, 800.0, 0.0], abs=0.1)


def test_a_screenshot_is_a_png_of_the_picture(front: Bare) -> None:
    data = front.js("async () => [...new Uint8Array(await (await viewer.screenshot()).arrayBuffer())]")
    image = pytest.importorskip("PIL.Image").open(io.BytesIO(bytes(data))).convert("RGB")
    assert image.size == (640, 480)
    x, y = css(front, [100.0, 400.0, 0.0])
    assert list(image.getpixel((int(x), int(y)))) == front.colours([[100.0, 400.0, 0.0]])[0]


# --- more cells -------------------------------------------------------------------------------------------------------


def test_a_thousand_cells_are_drawn_within_the_budget_from_everywhere(tab: Any, thousand: BareServer) -> None:
    budget = 8_000
    bare = Bare(tab, thousand.address).open(f"budget={budget}&colour=population")
    assert bare.js("() => viewer.stats({ pixels: true }).drawn_n") > 10_000
    rng = np.random.default_rng(3)
    for _ in range(3):
        look = rng.standard_normal(3)
        look /= np.linalg.norm(look)
        eye = np.array([100.0, 300.0, 100.0]) - look * rng.uniform(50.0, 1500.0)
        bare.look({"eye": eye.tolist(), "look": look.tolist(), "up": [0.0, 1.0, 0.0]})
        drawn = bare.js("() => { viewer.drawNow(); return viewer.renderer.drawn }")
        assert 0 < drawn["points"] + drawn["segments"] <= budget
    assert bare.complaints == []


def test_a_frame_that_cannot_be_read_is_an_error_and_ends_the_stream(tab: Any, three: BareServer) -> None:
    bare = Bare(tab, three.address).open()
    bare.feed(b"NVF1" + bytes([99]) + bytes(19))
    assert "unknown kind 99" in bare.js("() => heard.error.at(-1).message")
    assert bare.js("() => transport.state") == "closed"
