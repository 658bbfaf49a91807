"""A circuit that is too large is refused with figures, in the terminal and on the page; a run goes on without it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from neurosim import cli
from neurosim.cli.showing import shown
from neurosim.sonata.circuit import read
from neurosim.sonata.session import Session
from neurosim.viewer.launch import Show
from neurosim.viewer.opening import source_of
from neurosim.viewer.scene.convert import BASE_BYTES, CELL_BYTES
from neurosim.viewer.scene.shortage import TooLargeError
from tests.sonata_circuit import write_circuit

CELLS = 6
NEEDED = BASE_BYTES + CELLS * CELL_BYTES


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_circuit(tmp_path)


def said(show: Show) -> Any:
    """What the page is told."""
    return json.loads(show.hub.answer("/api/scene", {}).body)["too_large"]


def free(monkeypatch: pytest.MonkeyPatch, bytes_n: int | None) -> None:
    monkeypatch.setattr("neurosim.viewer.scene.convert.free_memory_bytes", lambda: bytes_n)


@pytest.mark.parametrize(
    ("room", "told"),
    [
        (NEEDED, "Make its scene file once: neurosim scene"),
        (NEEDED - 1, "use a machine with 0.4 GB of free memory"),
        (None, "Make its scene file once: neurosim scene"),
    ],
)
def test_a_circuit_that_is_not_read_at_once_is_refused_with_figures_and_advice(
    config: Path, monkeypatch: pytest.MonkeyPatch, room: int | None, told: str
) -> None:
    monkeypatch.setattr("neurosim.viewer.result_scene.MOST_NODES", CELLS - 1)
    free(monkeypatch, room)
    with pytest.raises(TooLargeError) as refused:
        source_of(config)
    needs = refused.value.shortage.needs
    assert (needs.nodes_n, needs.memory_bytes, needs.free_bytes) == (CELLS, NEEDED, room)
    assert told in str(refused.value)
    assert str(config) in str(refused.value)


def test_view_says_it_in_the_terminal_and_on_the_page_and_ends_with_1(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("neurosim.viewer.result_scene.MOST_NODES", CELLS - 1)
    pages: list[Any] = []
    monkeypatch.setattr(Show, "wait", lambda show: pages.append(said(show)))
    assert cli.main(["view", str(config), "--no-browser"]) == 1
    (facts,) = pages
    assert (facts["cells_n"], facts["memory_GB"]) == (CELLS, NEEDED / 1e9)
    error = capsys.readouterr().err
    assert facts["title"] in error
    assert all(step in error for step in facts["steps"])


def test_a_run_whose_picture_does_not_fit_goes_on_and_its_page_says_so(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    circuit = read(config, tstop_ms=1.0)
    free(monkeypatch, 1000)
    session = Session(circuit, threads=1)
    with shown(session, circuit) as show:
        outcome = session.run(progress=False)
        assert said(show)["title"].endswith("the run goes on, but there is no room for its picture.")
    assert (outcome.t_ms, outcome.interrupted) == (1.0, False)
    assert "no picture:" in capsys.readouterr().out
