"""Showing a run in the browser while it goes on: what ``neurosim run --view`` and ``neurosim demo`` have in common."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from neurosim.simulation import Simulation
from neurosim.sonata.circuit import Circuit
from neurosim.sonata.session import Session


@contextmanager
def shown(session: Session, circuit: Circuit, *, port: int = 0, open_browser: bool = False) -> Iterator[Any]:
    """Serve the page of a run that is about to begin; print its address first, end it afterwards.

    Parameters
    ----------
    session, circuit : Session, Circuit
        The run and what it simulates.
    port : int
        Port on the loopback address; 0 takes a free one.
    open_browser : bool
        Open the address where there is a display.

    Yields
    ------
    Show
        ``url``, ``wait()``.
    """
    launch = import_module("neurosim.viewer.launch")
    shortage = _shortage(circuit)
    queue = session.sim.broadcast()
    queue.progress.until_ms = circuit.config.run.tstop_ms
    queue.progress.warnings += circuit.config.notices
    if shortage is None:
        scene = import_module("neurosim.viewer.scene.circuit").scene_of(circuit)
        source = import_module("neurosim.viewer.live").LiveSource(session.sim, scene, queue)
    else:
        print(f"no picture: {shortage}", flush=True)
        name = circuit.config.path.name
        source = import_module("neurosim.viewer.shortage_source").ShortageSource(shortage, name)
    with served(launch.serve(source, port=port), session.sim, open_browser=open_browser) as show:
        yield show


@contextmanager
def served(show: Any, sim: Simulation, *, open_browser: bool) -> Iterator[Any]:
    """Make a simulation ready, print the address of its page, open it; end the page and the broadcast afterwards."""
    try:
        # What is opened is to live at once. The page's own compiled parts are made at the same time.
        print("building  (a first run compiles its mechanisms, for about half a minute)", flush=True)
        sim.build().compile()
        print(f"watch     {show.url}", flush=True)
        if open_browser:
            show.open_browser()
        yield show
    finally:
        show.close()
        sim.broadcast().close()


def _shortage(circuit: Circuit) -> Any:
    """Return what keeps a run from being shown: its scene does not fit beside it; None when it does."""
    needs = import_module("neurosim.viewer.scene.convert").needs_of(len(circuit.cells))
    if needs.free_bytes is None or needs.memory_bytes <= needs.free_bytes:
        return None
    made = import_module("neurosim.viewer.scene.shortage")
    title = f"{circuit.config.path.name}: the run goes on, but there is no room for its picture."
    return made.Shortage(title, needs, made.steps_of(needs, str(circuit.config.path)))


def somebody() -> bool:
    """Return whether somebody sits at the terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def keep_showing(show: Any) -> None:
    """Wait for Ctrl-C when somebody sits at the terminal; return at once otherwise."""
    if somebody():
        show.wait("the run has ended; the page stays until Ctrl-C")
