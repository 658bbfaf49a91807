"""The page of a live run: what people do reaches the run, and what the run says reaches people."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from neurosim.viewer.launch import Show
from neurosim.viewer.memory_source import MemorySource
from neurosim.viewer.source import Status
from tests.browser.conftest import Visit
from tests.viewer_scenes import three_cells
from tests.viewer_sources import invented_source

Opens = Callable[..., Visit]
Shows = Callable[..., Show]


class StagedRun(MemorySource):
    """A replay that says it is a run, and keeps what it is asked to do."""

    def begin(self) -> StagedRun:
        """Become live."""
        self.live, self.traces_from = True, "any"
        self.asked: list[tuple[Any, ...]] = []
        self.traced: list[tuple[int, int]] = []
        self.said: Status = Status("running", 20.0, 0.0, 200.0, 0.031, 42, 75.0, 812.0, ("v is far from rest",))
        return self

    def stage(self, **changes: Any) -> None:
        """Say something else in the status from now on."""
        self.said = replace(self.said, **changes)

    def status(self) -> Status:
        """Return what was staged."""
        return self.said

    def act(self, kind: str, rank: int, node: int, amplitude_nA: float) -> None:
        """Keep an act."""
        self.asked.append((kind, rank, node, amplitude_nA))

    def control(self, what: str) -> None:
        """Keep a wish, and pause or go on."""
        self.asked.append((what,))
        self.stage(state="paused" if what == "pause" else "running")

    def want_trace(self, owner: object, places: Any) -> None:
        """Keep what is to be traced."""
        self.traced = [tuple(place) for place in places]


@pytest.fixture
def run() -> StagedRun:
    """Return a run of three cells."""
    replay = invented_source(three_cells())
    staged = StagedRun(replay.scene, replay._ranks, replay._times, stop_ms=replay.stop_ms, voltage=replay._voltage)
    return staged.begin()


@pytest.fixture
def visit(page_of: Opens, show_of: Shows, run: StagedRun) -> Visit:
    """Return the page of the run."""
    opened = page_of(show_of(run))
    opened.until("app.state.status !== null")
    return opened


def eventually(test: Callable[[], bool], patience_s: float = 60.0) -> None:
    """Wait until something is so."""
    end = time.monotonic() + patience_s
    while not test():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_pause_and_resume_reach_the_run(visit: Visit, run: StagedRun) -> None:
    visit.page.click("#np-go")
    eventually(lambda: run.asked == [("pause",)])
    visit.page.wait_for_selector("#np-go[aria-label='Resume the run']")
    assert visit.page.locator(".np-state").inner_text() == "Paused"
    visit.page.locator("#neurosim-viewer").focus()
    visit.page.keyboard.press("Space")
    eventually(lambda: run.asked == [("pause",), ("resume",)])
    visit.quiet()


def test_acts_on_the_picked_compartment_reach_the_run(visit: Visit, run: StagedRun) -> None:
    visit.js("app.inspector.pick({ rank: 2, node: 5 })")
    visit.page.fill("#np-current", "-0.35")
    visit.page.click("#np-inject")
    visit.page.click("#np-silence")
    visit.page.click("#np-release")
    eventually(lambda: len(run.asked) == 3)
    assert run.asked == [("inject", 2, 5, -0.35), ("silence", 2, 5, 0.0), ("release", 2, 5, 0.0)]


def test_a_current_that_is_no_number_is_not_sent(visit: Visit, run: StagedRun) -> None:
    visit.js("app.inspector.pick({ rank: 0, node: 0 })")
    visit.page.fill("#np-current", "")
    visit.page.click("#np-inject")
    assert visit.page.locator("#np-current").get_attribute("aria-invalid") == "true"
    visit.page.click("#np-silence")
    eventually(lambda: len(run.asked) == 1)
    assert run.asked == [("silence", 0, 0, 0.0)]


def test_a_picked_compartment_is_traced_and_dropped_again(visit: Visit, run: StagedRun) -> None:
    visit.js("app.inspector.pick({ rank: 1, node: 7 })")
    eventually(lambda: run.traced == [(1, 7)])
    visit.page.locator("#panel-traces .np-chip button").click()
    eventually(lambda: run.traced == [])


def test_the_status_of_the_run_is_shown(visit: Visit, run: StagedRun) -> None:
    figures = dict(
        visit.js("[...document.querySelectorAll('[data-figure]')].map((e) => [e.dataset.figure, e.innerText])")
    )
    assert "0.031" in figures["speed"]
    assert "75 s" in figures["left"]
    assert "812 MB" in figures["memory"]
    visit.page.get_by_role("button", name="1 warning").click()
    assert "far from rest" in visit.page.locator(".np-popover").inner_text()
    visit.page.keyboard.press("Escape")
    assert visit.page.locator(".np-popover").count() == 0


def test_the_end_of_the_run_is_announced(visit: Visit, run: StagedRun) -> None:
    run.stage(state="finished", t_ms=200.0)
    visit.page.wait_for_function("() => document.querySelector('#np-live').textContent.includes('finished')")
    assert visit.page.locator("#np-go").is_disabled()


def test_names_of_a_model_are_text_and_never_markup(page_of: Opens, show_of: Shows, run: StagedRun) -> None:
    run.stage(warnings=("<img src=x onerror='document.title=1'>",))
    run.scene.title = "<b>bold</b> & <script>1</script>"
    visit = page_of(show_of(run))
    visit.page.get_by_role("button", name="1 warning").click()
    assert "<img" in visit.page.locator(".np-popover").inner_text()
    assert visit.page.locator("#np-title").inner_text() == "<b>bold</b> & <script>1</script>"
    assert visit.page.locator(".np-popover img").count() == 0
    visit.quiet()
