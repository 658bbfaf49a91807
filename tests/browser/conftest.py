"""A real Chromium for the tests of the page: ``browser`` for the session, ``page_of(show)`` for a page of a test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest

from neurosim.viewer.launch import Show, serve

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--disable-quic",
    "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
"""WebGL2 without a graphics card, and a browser that talks to nobody else."""
PATIENCE_ms = 60_000
READY = "() => globalThis.neurosim?.app?.viewer !== undefined && globalThis.neurosim.app.state.scene !== null"


@dataclass
class Visit:
    """A page that is open.

    Parameters
    ----------
    page : playwright.sync_api.Page
    errors : list of str
        What the console and uncaught exceptions said.
    foreign : list of str
        Addresses of other hosts that were asked for.
    """

    page: Any
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def js(self, expression: str, argument: Any = None) -> Any:
        """Return the value of an expression; ``app`` is the page's ``PageApp``."""
        return self.page.evaluate(f"(argument) => {{ const {{ app }} = neurosim; return ({expression}); }}", argument)

    def until(self, expression: str, argument: Any = None, patience_ms: float = PATIENCE_ms) -> None:
        """Wait until an expression is true."""
        code = f"(argument) => {{ const app = globalThis.neurosim?.app; return app && ({expression}); }}"
        self.page.wait_for_function(code, arg=argument, timeout=patience_ms)

    def quiet(self) -> None:
        """Fail when the page complained or asked another host."""
        assert self.errors == []
        assert self.foreign == []


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Return a Chromium; skip when there is none."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("no program named chromium")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, headless=True, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page_of(browser: Any) -> Iterator[Callable[..., Visit]]:
    """Return a function that opens the page of a show: ``page_of(show, width=..., scheme="light", hash=...)``."""
    contexts = []

    def opened(
        show: Show | str,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: str = "dark",
        motion: str = "reduce",
        hash: str = "",
        ready: bool = True,
        **options: Any,
    ) -> Visit:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme, reduced_motion=motion, **options
        )
        contexts.append(context)
        context.set_default_timeout(PATIENCE_ms)
        visit = Visit(context.new_page())
        url = show if isinstance(show, str) else show.url
        own = urlsplit(url).netloc
        visit.page.on("console", lambda m: visit.errors.append(m.text) if m.type == "error" else None)
        visit.page.on("pageerror", lambda error: visit.errors.append(str(error)))
        visit.page.on(
            "request",
            lambda r: visit.foreign.append(r.url) if urlsplit(r.url).netloc not in (own, "") else None,
        )
        visit.page.goto(url + hash)
        if ready:
            visit.page.wait_for_function(READY, timeout=PATIENCE_ms)
        return visit

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture
def show_of() -> Iterator[Callable[..., Show]]:
    """Return a function that serves a source at a free port of this machine until the test ends."""
    shows: list[Show] = []

    def served(source: Any, **options: Any) -> Show:
        shows.append(serve(source, **options))
        return shows[-1]

    yield served
    for show in shows:
        show.close()
