"""The page in a real browser: it opens, its parts speak to one another, and its state can be kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from neurosim.viewer.launch import Show
from neurosim.viewer.memory_source import MemorySource
from tests.browser.conftest import Visit
from tests.viewer_scenes import many_cells, three_cells
from tests.viewer_sources import invented_source

Opens = Callable[..., Visit]
Shows = Callable[..., Show]


@pytest.fixture(scope="module")
def source() -> MemorySource:
    """Return a replay of 300 cells, 200 ms."""
    return invented_source(many_cells(300))


@pytest.fixture
def visit(page_of: Opens, show_of: Shows, source: MemorySource) -> Visit:
    """Return the page of a replay that stands still, its panels filled."""
    opened = page_of(show_of(source))
    opened.until("app.state.status !== null && app.panels.panels.every((p) => p.mounted !== null)")
    return opened


def drag(visit: Visit, panel: str, from_frac: tuple[float, float], to_frac: tuple[float, float]) -> None:
    """Drag in a panel's plot from one place to another, as parts of its width and height."""
    box = visit.page.locator(f"#panel-{panel} .np-plot").bounding_box()
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (from_frac, to_frac)]
    visit.page.mouse.move(*places[0])
    visit.page.mouse.down()
    visit.page.mouse.move(*places[1], steps=4)
    visit.page.mouse.up()


def filled(visit: Visit) -> None:
    """Wait until the raster has been drawn."""
    visit.until("document.querySelector('#panel-raster .np-plot-empty').textContent === ''")


def test_the_page_opens_without_a_complaint_and_asks_no_other_host(visit: Visit) -> None:
    filled(visit)
    assert visit.page.title().startswith("300 invented cells")
    assert visit.page.locator("#neurosim-viewer canvas").first.is_visible()
    assert visit.page.locator("#np-title").inner_text() == "300 invented cells"
    visit.quiet()


def test_the_status_line_shows_time_and_spikes(visit: Visit, source: MemorySource) -> None:
    spikes = visit.page.locator("[data-figure=spikes] dd").inner_text()
    assert spikes == f"{source.status().spikes_n:,}"
    assert visit.page.locator(".np-state").inner_text() == "Replay"


def test_brushing_the_raster_selects_the_cells_that_fired_there(visit: Visit, source: MemorySource) -> None:
    filled(visit)
    drag(visit, "raster", (0.3, 0.1), (0.6, 0.5))
    visit.until("app.state.selection.length > 0")
    chosen = visit.js("Array.from(app.state.selection)")
    ranks, _, _ = source.spikes(0.0, 200.0)
    assert set(chosen) < set(ranks.tolist())
    assert visit.js("Array.from(app.viewer.selection)") == chosen


def test_brushing_the_whole_raster_selects_every_cell_that_fired(visit: Visit, source: MemorySource) -> None:
    filled(visit)
    drag(visit, "raster", (0.005, 0.005), (0.999, 0.999))
    visit.until("app.state.selection.length > 0")
    assert visit.js("Array.from(app.state.selection)") == sorted(set(source.spikes(0.0, 200.0)[0].tolist()))


def test_brushing_rates_selects_the_cells_that_fired_then(visit: Visit, source: MemorySource) -> None:
    visit.until("document.querySelector('#panel-rates .np-plot-empty').textContent === ''")
    drag(visit, "rates", (0.4, 0.2), (0.6, 0.6))
    visit.until("app.state.selection.length > 0")
    assert set(visit.js("Array.from(app.state.selection)")) <= set(source.spikes(0.0, 200.0)[0].tolist())


def test_brushing_the_histogram_selects_the_cells_of_the_bars(visit: Visit, source: MemorySource) -> None:
    visit.until("document.querySelector('#panel-histogram .np-plot-empty').textContent === ''")
    drag(visit, "histogram", (0.6, 0.3), (0.99, 0.6))
    visit.until("app.state.selection.length > 0")
    counts = np.bincount(source.spikes(0.0, 200.0)[0], minlength=300)
    chosen = np.zeros(300, bool)
    chosen[visit.js("Array.from(app.state.selection)")] = True
    assert counts[chosen].min() >= counts[~chosen].max()


INK = """(() => {
  const canvas = document.querySelector("#panel-raster canvas");
  const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  let sum = 0;
  for (let i = 3; i < data.length; i += 4) sum += data[i];
  return sum;
})()"""
AT_REST = """(() => {{
  const value = {}, now = performance.now();
  if (globalThis.watched?.value !== value) globalThis.watched = {{ value, since: now }};
  return value > 0 && now - globalThis.watched.since > 1000;
}})()"""
"""A value has stayed the same through three updates of the panels."""


def test_a_selection_in_the_view_stands_out_in_the_raster(visit: Visit) -> None:
    filled(visit)
    visit.until(AT_REST.format(INK))
    before = visit.js(INK)
    visit.js("app.viewer.select([5, 6], 'replace')")
    visit.until("app.state.selection.length === 2")
    visit.until(f"{INK} < argument", 0.8 * before)
    assert "2 of 300 cells" in visit.page.locator("#np-selected").inner_text()


def test_dragging_along_the_time_axis_zooms_all_panels_and_a_double_click_undoes_it(visit: Visit) -> None:
    filled(visit)
    drag(visit, "raster", (0.4, 0.92), (0.6, 0.92))
    visit.until("app.state.window !== null")
    shown = visit.js("app.state.shown")
    assert 40.0 < shown["start_ms"] < shown["stop_ms"] < 160.0
    visit.page.locator("#panel-rates .np-plot").dblclick()
    visit.until("app.state.window === null")


def test_a_query_selects_and_a_wrong_one_says_what_is_wrong(visit: Visit, source: MemorySource) -> None:
    visit.page.fill("#np-query", "population = I and not layer in (1, 2)")
    visit.page.press("#np-query", "Enter")
    visit.until("app.state.selection.length > 0")
    scene = source.scene
    wanted = np.intersect1d(scene.select({"population": "I"}), scene.select({"layer": ["3", "4"]}))
    assert visit.js("Array.from(app.state.selection)") == wanted.tolist()
    visit.page.fill("#np-query", "population = I layer = 4")
    visit.page.click("#np-query-go")
    visit.page.wait_for_function("() => document.querySelector('#np-query-problem').textContent.includes('and')")
    assert visit.page.locator("#np-query").get_attribute("aria-invalid") == "true"


def test_a_node_set_is_selected(visit: Visit, source: MemorySource) -> None:
    visit.page.select_option("#np-node-set", "middle")
    visit.until("app.state.selection.length > 0")
    assert visit.js("Array.from(app.state.selection)") == source.scene.members("middle").tolist()


def test_a_picked_cell_is_described_and_its_voltage_drawn(visit: Visit, source: MemorySource) -> None:
    visit.js("app.inspector.pick({ rank: 1, node: 0 })")
    visit.page.wait_for_selector("#np-inspector .np-facts")
    cell = source.scene.cells(np.array([1], np.uint32))
    assert visit.page.locator("#np-inspector h2").inner_text() == f"Cell {int(cell.gid[0])}"
    visit.until("document.querySelector('#panel-traces .np-plot-empty').textContent === ''")
    visit.js("app.seek(50)")
    shown = "document.querySelector('#np-inspector .np-big').textContent"
    visit.until(f"Math.abs(Number({shown}) - argument) < 0.06", float(source.trace(1, 0, 50.0, 50.1).values_mV[0]))


def test_a_click_on_a_cell_in_the_view_picks_it(page_of: Opens, show_of: Shows) -> None:
    visit = page_of(show_of(invented_source(three_cells())))
    visit.until("app.viewer.stats().complete && app.viewer.stats().detailed_n === 3")
    x, y = visit.js("app.viewer.project([150, 400, 0])")
    box = visit.page.locator("#neurosim-viewer").bounding_box()
    visit.page.mouse.click(box["x"] + x, box["y"] + y)
    visit.page.wait_for_selector("#np-inspector .np-facts")
    assert visit.page.locator("#np-inspector h2").inner_text() == "Cell 1"
    assert visit.js("app.state.picked[0].node") in (14, 15, 16)
    assert visit.js("Array.from(app.state.selection)") == [1]
    visit.quiet()


def test_a_lasso_in_the_view_selects_and_escape_puts_it_away(page_of: Opens, show_of: Shows) -> None:
    visit = page_of(show_of(invented_source(three_cells())))
    visit.until("app.viewer.stats().complete && app.viewer.stats().detailed_n === 3")
    visit.page.locator("#neurosim-viewer").focus()
    visit.page.keyboard.press("l")
    box = visit.page.locator("#neurosim-viewer").bounding_box()
    corners = [
        visit.js("app.viewer.project(argument)", [x, y, 0.0]) for x, y in ((-60, -12), (60, -12), (60, 500), (-60, 500))
    ]
    mouse = visit.page.mouse
    mouse.move(box["x"] + corners[0][0], box["y"] + corners[0][1])
    mouse.down()
    for x, y in (*corners[1:], corners[0]):
        mouse.move(box["x"] + x, box["y"] + y, steps=4)
    mouse.up()
    visit.until("app.state.selection.length === 2")
    assert visit.js("Array.from(app.state.selection)") == [0, 1]
    visit.page.keyboard.press("Escape")
    visit.until("!app.lassoOn")
    assert visit.page.locator("#np-lasso").get_attribute("aria-pressed") == "false"


def test_every_panel_has_a_table_for_those_who_read(visit: Visit) -> None:
    filled(visit)
    for name in ("raster", "rates", "histogram"):
        visit.page.locator(f"#panel-{name} button[aria-label$='as a table']").click()
        visit.page.wait_for_selector(f"#panel-{name} tbody tr")
        assert visit.page.locator(f"#panel-{name} .np-plot").get_attribute("aria-label").count(" ") > 5


def test_the_page_can_be_used_by_keys_alone(visit: Visit) -> None:
    keyboard = visit.page.keyboard
    keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to the 3-D view"
    keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "neurosim-viewer"
    before = visit.js("app.viewer.state().eye")
    keyboard.press("ArrowLeft")
    visit.until("JSON.stringify(app.viewer.state().eye) !== argument", json.dumps(before, separators=(",", ":")))
    keyboard.press("]")
    visit.until("app.state.t_ms > 0")
    keyboard.press("Space")
    visit.until("app.timeBar.playing")
    keyboard.press("Space")
    visit.until("!app.timeBar.playing")
    keyboard.press("3")
    visit.until("app.viewer.state().colour === 'population'")
    keyboard.press("t")
    visit.until("document.documentElement.dataset.theme === 'light'")
    keyboard.press("l")
    visit.until("app.lassoOn")
    keyboard.press("Escape")
    visit.until("!app.lassoOn")
    keyboard.press("?")
    visit.page.wait_for_selector("#np-keys")
    keyboard.press("Escape")
    visit.page.wait_for_selector("#np-keys", state="detached")
    visit.quiet()


def test_keys_move_through_time_in_a_panel(visit: Visit, source: MemorySource) -> None:
    filled(visit)
    visit.js("app.seek(100)")
    visit.page.locator("#panel-raster .np-plot").focus()
    visit.page.keyboard.press("+")
    visit.until("app.state.window !== null && app.state.window.start_ms === 50 && app.state.window.stop_ms === 150")
    visit.page.keyboard.press("ArrowRight")
    visit.until("Math.abs(app.state.t_ms - 101) < 0.01")
    visit.until("document.querySelector('#panel-raster .np-plot').ariaLabel.includes('between 50')")
    visit.page.keyboard.press("Enter")
    visit.until("app.state.selection.length > 0")
    assert visit.js("Array.from(app.state.selection)") == sorted(set(source.spikes(50.0, 150.0)[0].tolist()))
    visit.page.keyboard.press("0")
    visit.until("app.state.window === null")


def test_a_picture_of_the_view_is_saved(visit: Visit) -> None:
    with visit.page.expect_download(timeout=60_000) as download:
        visit.page.click("#np-shot")
    assert download.value.suggested_filename.endswith(".png")
    assert download.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"


def test_a_picture_is_saved_from_the_screen_when_the_server_cannot_draw(visit: Visit) -> None:
    visit.page.route("**/api/still", lambda route: route.fulfill(status=503, json={"error": "no graphics here"}))
    with visit.page.expect_download() as download:
        visit.page.click("#np-shot")
    assert download.value.path().read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "no graphics here" in visit.page.locator("#np-notes").inner_text()


def test_a_movie_is_asked_for_followed_and_saved(visit: Visit) -> None:
    asked: list[Any] = []

    def made(route: Any) -> None:
        asked.append(route.request.post_data_json)
        route.fulfill(status=202, json={"job": "one"})

    answers = [{"state": "waiting", "done": 0.0}, {"state": "running", "done": 0.5}, None]

    def followed(route: Any) -> None:
        said = answers.pop(0)
        body = b"\x00\x00\x00\x18ftypmp42" if said is None else json.dumps(said).encode()
        route.fulfill(body=body, content_type="application/octet-stream")

    visit.page.route("**/api/movie", made)
    visit.page.route("**/api/movie/one", followed)
    visit.page.click("#np-movie-button")
    with visit.page.expect_download() as download:
        visit.page.click("#np-movie-go")
    assert download.value.path().read_bytes()[4:8] == b"ftyp"
    assert asked[0]["start_ms"] == 0.0
    assert asked[0]["stop_ms"] == pytest.approx(200.0, abs=0.01)
    assert asked[0]["width"] == 1280
    assert "eye" in asked[0]["state"]


def test_the_camera_flies_when_it_is_set_to(visit: Visit) -> None:
    visit.page.select_option("#np-moves", "fly")
    assert visit.page.evaluate("document.activeElement.id") == "neurosim-viewer"
    before = visit.js("app.viewer.state().eye[2]")
    visit.page.keyboard.down("w")
    visit.until("app.viewer.state().eye[2] < argument - 1", before)
    visit.page.keyboard.up("w")
    visit.quiet()


def test_what_is_selected_is_announced(visit: Visit) -> None:
    visit.js("app.select([1, 2, 3], 'test')")
    visit.page.wait_for_function("() => document.querySelector('#np-live').textContent === '3 cells selected.'")


def test_the_address_keeps_the_view_without_the_token(visit: Visit, page_of: Opens, show_of: Shows) -> None:
    visit.js(
        "app.apply({ colour: 'voltage', range: [-80, 10], map: 'viridis', clip: { axis: 'y', at: 300, flip: true } })"
    )
    visit.js("app.select([7, 9], 'test')")
    visit.js("app.seek(77)")
    visit.page.wait_for_function("() => decodeURIComponent(location.hash).includes('77')")
    address = visit.page.url
    assert "token" not in address
    before = visit.js("app.viewer.state()")
    visit.page.goto("about:blank")
    visit.page.goto(address)
    visit.until("app.viewer && app.state.scene && app.state.selection.length === 2")
    after = visit.js("app.viewer.state()")
    for name in ("colour", "range", "map", "clip"):
        assert after[name] == before[name]
    assert after["eye"] == pytest.approx(before["eye"], rel=1e-4, abs=1e-2)
    visit.until("Math.abs(app.state.t_ms - 77) < 1e-6 && app.state.selection[0] === 7")
    visit.quiet()


def test_an_address_made_up_by_somebody_harms_nothing(page_of: Opens, show_of: Shows) -> None:
    bad = json.dumps(
        {"eye": ["x", 1, 2], "map": "<b>", "colour": "fact:__proto__", "selection": [-1, 1e9, "a"], "fov": -3}
    )
    visit = page_of(show_of(invented_source(three_cells())), hash=f"#v={bad}")
    filled(visit)
    assert visit.js("app.state.selection.length") == 0
    assert visit.js("app.viewer.state().fov") > 1
    visit.quiet()


def test_bookmarks_are_kept_and_exported(visit: Visit) -> None:
    visit.page.locator("summary", has_text="Bookmarks").click()
    visit.js("app.apply({ colour: 'population' })")
    visit.page.fill("#np-bookmark-name", "by kind")
    visit.page.click("#np-bookmark-add")
    with visit.page.expect_download() as download:
        visit.page.click("#np-bookmark-export")
    kept = json.loads(download.value.path().read_text())["bookmarks"]
    assert [mark["name"] for mark in kept] == ["by kind"]
    visit.js("app.apply({ colour: 'spikes' })")
    visit.page.reload()
    visit.until("app.viewer && app.state.scene")
    visit.page.locator("summary", has_text="Bookmarks").click()
    visit.page.get_by_role("button", name="by kind", exact=True).click()
    visit.until("app.viewer.state().colour === 'population'")


def test_a_replay_plays_is_sought_and_stops(visit: Visit) -> None:
    visit.page.click("#np-go")
    visit.until("app.state.t_ms > 5")
    visit.page.click("#np-go")
    visit.page.locator("#np-scrub").fill("1000")
    visit.until("Math.abs(app.state.t_ms - 100) < 0.2")
    visit.until("Math.abs(app.viewer.state().t_ms - 100) < 0.2")
    visit.page.wait_for_selector(".nv-clock >> text=/^100/")


def test_a_folded_panel_asks_for_nothing(visit: Visit) -> None:
    filled(visit)
    asked: list[str] = []
    for name in ("raster", "rates", "histogram"):
        visit.page.get_by_role("button", name=f"Fold {visit.page.locator(f'#panel-{name} h2').inner_text()}").click()
    visit.until("app.panels.panels.every((panel) => panel.name === 'traces' || !panel.busy)")
    visit.page.on("request", lambda request: asked.append(request.url))
    visit.js("app.state.setWindow({ start_ms: 10, stop_ms: 20 })")
    visit.page.wait_for_timeout(900)
    assert [url for url in asked if "/api/spikes" in url or "/api/rates" in url] == []


def test_the_page_comes_back_after_the_server_was_started_again(page_of: Opens, show_of: Shows) -> None:
    first = show_of(invented_source(three_cells()))
    visit = page_of(first)
    visit.until("app.state.connection === 'open'")
    visit.js("app.select([1], 'test')")
    port = first.server.port
    first.close()
    visit.page.wait_for_selector(".np-banner")
    assert "does not answer" in visit.page.locator(".np-banner").inner_text()
    second = show_of(invented_source(three_cells()), port=port)
    # The new server has another token: the page says so and takes it.
    visit.page.wait_for_selector("#np-token")
    visit.page.fill("#np-token", second.url)
    visit.page.click("#np-token-go")
    visit.until("app.state.connection === 'open' && app.state.selection.length === 1")
    assert visit.page.locator(".np-banner").count() == 0
    assert "token" not in visit.page.url


@pytest.mark.parametrize(("width", "height"), [(360, 740), (640, 400), (1000, 700)])
def test_nothing_needs_scrolling_sideways(page_of: Opens, show_of: Shows, width: int, height: int) -> None:
    # 640 by 400 is a window of 1280 by 800 at 200 % zoom.
    visit = page_of(show_of(invented_source(three_cells())), width=width, height=height)
    visit.js("app.inspector.pick({ rank: 0, node: 3 })")
    visit.page.wait_for_selector("#np-inspector .np-facts")
    assert visit.page.evaluate("document.documentElement.scrollWidth") <= width
    visit.page.click("#np-drawer-button")
    visit.page.wait_for_function("() => document.querySelector('#np-controls').dataset.open === 'true'")
    assert visit.page.locator("#np-colour").is_visible()
    visit.page.keyboard.press("Escape")
    assert visit.page.evaluate("document.activeElement.id") == "np-drawer-button"
    visit.quiet()


def test_without_cells_the_page_says_so(page_of: Opens, show_of: Shows) -> None:
    visit = page_of(show_of(invented_source(many_cells(0))))
    assert "no cells" in visit.page.locator("#np-overlay").inner_text()
    visit.quiet()


def test_without_the_token_the_page_does_not_open(browser: Any, show_of: Shows) -> None:
    show = show_of(invented_source(three_cells()))
    context = browser.new_context()
    response = context.new_page().goto(show.address)
    assert response.status in (401, 403)
    context.close()
