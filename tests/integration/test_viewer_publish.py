"""A running simulation on the page: watched, acted on, paused, and left alone when nobody watches."""

from __future__ import annotations

import json
import threading

import neurosim as ns
from neurosim import viewer
from tests.viewer_server import PATIENCE_s, Visitor, end_of, eventually, hello


def firing() -> ns.Simulation:
    """Return one cell that fires again and again."""
    cell = ns.Cell.cylinder(length_um=20.0, diam_um=20.0).insert(ns.mechanisms.HH())
    sim = ns.Simulation(cell, dt_ms=0.025)
    sim.stimulate("soma(0.5)", ns.Step(start_ms=0.0, duration_ms=1e6, amplitude_nA=0.3))
    return sim


def test_a_run_is_watched_acted_on_and_its_address_goes_with_it() -> None:
    sim = firing()
    v = sim.record("soma(0.5)", "v_mV")
    with viewer.publish(sim) as show, Visitor(show) as visitor:
        assert visitor.get("/api/scene").json()["live"] is True
        with visitor.socket() as ws:
            assert hello(ws)["live"] is True
            act = {"type": "act", "kind": "inject", "rank": 0, "node": 0, "amplitude_nA": -5.0}
            ws.send(json.dumps(act))
            eventually(lambda: sim.broadcast()._asked, "the act is waiting")
            sim.run(until_ms=50.0)
            for _ in range(1000):
                message = ws.recv(timeout=PATIENCE_s)
                if isinstance(message, str) and json.loads(message)["type"] == "acted":
                    break
            assert json.loads(str(message))["kind"] == "inject"
    assert v.values[-1] < -80.0
    assert not show.running


def test_a_run_is_held_and_goes_on() -> None:
    sim = firing()
    with viewer.publish(sim) as show, Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        ws.send('{"type":"control","what":"pause"}')
        eventually(lambda: sim.broadcast().progress.paused, "the run is held")
        running = threading.Thread(target=lambda: sim.run(until_ms=5.0))
        running.start()
        ws.send('{"type":"control","what":"resume"}')
        running.join(PATIENCE_s)
        assert not running.is_alive()
        assert sim.broadcast().progress.t_ms == 5.0


def test_watching_changes_no_result() -> None:
    alone = firing()
    expected = alone.record("soma(0.5)", "v_mV")
    alone.run(until_ms=20.0)
    sim = firing()
    got = sim.record("soma(0.5)", "v_mV")
    with viewer.publish(sim) as show, Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        ws.send('{"type":"sub","tag":1,"spikes":true,"nodes":true,"voltage":[0]}')
        sim.run(until_ms=20.0)
    assert got.values.tolist() == expected.values.tolist()


def test_closing_the_page_does_not_end_the_run() -> None:
    sim = firing()
    show = viewer.publish(sim)
    with Visitor(show) as visitor, visitor.socket() as ws:
        hello(ws)
        show.close()
        end_of(ws)
    sim.run(until_ms=5.0)
    assert sim.t_ms == 5.0
