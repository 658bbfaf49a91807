"""The page of a circuit that is too large for this machine: what it needs, what is there, what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from neurosim.viewer.launch import Show
from neurosim.viewer.scene.convert import Needs
from neurosim.viewer.scene.shortage import Shortage, steps_of
from neurosim.viewer.shortage_source import ShortageSource
from tests.browser.conftest import Visit


@pytest.mark.parametrize(
    ("needs", "facts", "step"),
    [
        (
            Needs(10_000_000, 900_000_000, 400_000_000, 6_000_000_000),
            ["10,000,000", "0.9 GB", "6 GB", "0.4 GB"],
            "Make its scene file once: neurosim scene big.json",
        ),
        (
            Needs(2_000_000_000, 96_000_000_000, 80_000_000_000, 6_000_000_000),
            ["2,000,000,000", "96 GB", "6 GB", "80 GB"],
            "Close other programs, or use a machine with 96.0 GB of free memory: neurosim scene big.json",
        ),
    ],
)
def test_the_page_says_what_is_needed_what_is_there_and_what_to_do(
    page_of: Callable[..., Visit], show_of: Callable[..., Show], needs: Needs, facts: list[str], step: str
) -> None:
    shortage = Shortage("This circuit is too large to be read at once.", needs, steps_of(needs, "big.json"))
    visit = page_of(show_of(ShortageSource(shortage, "big")), width=1000, height=640)
    card = visit.page.locator("#np-overlay .np-card[data-kind='large']")
    card.wait_for()
    assert card.locator("dd").all_text_contents() == facts
    assert card.locator("li").first.text_content() == step
    visit.until("app.state.connection === 'open'")
    assert card.is_visible()
    visit.quiet()
