"""Fixtures of the viewer's server: who asks it. A module that uses them has a fixture ``show``, the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from neurosim.viewer.launch import Show
    from tests.viewer_server import Visitor


@pytest.fixture
def visitor(show: Show) -> Iterator[Visitor]:
    """Somebody with the token."""
    from tests.viewer_server import Visitor

    with Visitor(show) as somebody:
        yield somebody


@pytest.fixture
def stranger(show: Show) -> Iterator[Visitor]:
    """Somebody without."""
    from tests.viewer_server import Visitor

    with Visitor(show, login=False) as somebody:
        yield somebody
