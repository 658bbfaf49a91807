"""Watching a run changes nothing; what is done to it from outside does what it says."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.broadcast import Act, Frame, Place
from neurosim.errors import ModelError
from neurosim.models.demo import write_circuit
from neurosim.sonata.circuit import read
from neurosim.sonata.session import Session


def _cell() -> ns.Cell:
    sections = [
        ns.Section.cylinder("soma", 20.0, 20.0),
        ns.Section.cylinder("dend[0]", 200.0, 2.0, parent=0),
        ns.Section.cylinder("dend[1]", 100.0, 1.0, parent=1),
    ]
    cell = ns.Cell(sections).set(nseg=5)
    cell.insert(ns.mechanisms.HH(), "soma").insert(ns.mechanisms.pas, "dend", g=1e-4, e=-65.0)
    return cell


def _network(threads: int = 1) -> ns.Simulation:
    net = ns.Network(seed=3)
    cells = net.add("cells", 20, _cell())
    drive = net.add_spikes("drive", ns.random.Poisson(rate_Hz=60.0, stop_ms=100.0), n=20)
    synapse = ns.mechanisms.ExpSyn(tau=2.0)
    net.connect(drive, cells, synapse, rule=ns.rules.OneToOne(), weight=0.03, at="soma(0.5)")
    net.connect(cells, cells, synapse, rule=ns.rules.FixedInDegree(3), weight=0.004, at="dend[1](0.5)", delay_ms=2.0)
    return ns.Simulation(net, dt_ms=0.05, threads=threads)


def _spikes(sim: ns.Simulation) -> list[tuple[float, int]]:
    return list(zip(sim.spikes.times_ms.tolist(), sim.spikes.gids.tolist(), strict=True))


def test_watching_changes_no_bit() -> None:
    plain, watched = _network(), _network()
    traces = [sim.record("soma(0.5)", "v_mV", gid=4) for sim in (plain, watched)]
    plain.run(until_ms=60.0)
    queue = watched.broadcast()
    queue.want(voltage_cells=(0, 4, 7), traces=(Place(4, 0), Place(2, 3)))
    watched.run(until_ms=20.0)
    queue.want(voltage_cells=(1,), traces=(Place(5, 1),))
    watched.run(until_ms=35.0)
    queue.close()
    watched.run(until_ms=60.0)
    assert len(plain.spikes) > 20
    assert _spikes(plain) == _spikes(watched)
    np.testing.assert_array_equal(traces[0].values, traces[1].values)


def test_frames_hold_every_spike_and_the_traced_voltage() -> None:
    sim = _network()
    recorded = sim.record("dend[1](0.5)", "v_mV", gid=4)
    cell = _cell()
    node = cell.node("dend[1](0.5)")
    queue = sim.broadcast()
    queue.want(voltage_cells=(4,), traces=(Place(4, node),))
    sim.run(until_ms=30.0)
    frames = queue.take()
    found = [(t, int(c)) for f in frames for t, c in zip(f.times_ms.tolist(), f.cells.tolist(), strict=True)]
    assert found == _spikes(sim)
    assert [f.start_ms for f in frames[1:]] == [f.t_ms for f in frames[:-1]]
    traced = np.concatenate([s.values_mV[:, 0] for f in frames for s in f.samples])
    np.testing.assert_array_equal(traced, recorded.values[1:].astype(np.float32))
    last = frames[-1]
    assert last.voltage_cells == (4,)
    assert last.voltage_mV is not None
    assert len(last.voltage_mV) == len(cell.tree)
    assert last.voltage_mV[node] == np.float32(recorded.values[-1])


def test_what_nobody_takes_is_merged_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = _network()
    queue = sim.broadcast()
    put, puts = queue.put, []

    def counted(frame: Frame) -> None:
        puts.append(frame.t_ms)
        put(frame)

    monkeypatch.setattr(queue, "put", counted)
    for until in np.arange(0.1, 100.05, 0.1):
        sim.run(until_ms=round(float(until), 1))
    frames = queue.take()
    assert len(frames) <= 64
    assert sum(f.spikes_n for f in frames) == len(sim.spikes)
    assert sum(f.merged for f in frames) == len(puts) >= 1000


def test_an_injected_current_is_a_clamp() -> None:
    clamped, injected = (ns.Simulation(_cell(), dt_ms=0.025) for _ in range(2))
    clamped.stimulate("dend[0](0.5)", ns.Step(start_ms=5.0, duration_ms=10.0, amplitude_nA=0.4))
    traces = [sim.record("soma(0.5)", "v_mV") for sim in (clamped, injected)]
    clamped.run(until_ms=30.0)
    injected.run(until_ms=5.0)
    injected.inject("dend[0](0.5)", 0.4)
    injected.run(until_ms=15.0)
    injected.inject("dend[0](0.5)", 0.0)
    injected.run(until_ms=30.0)
    assert traces[0].values.max() > 0.0
    np.testing.assert_allclose(traces[1].values, traces[0].values, rtol=1e-9)
    assert [(a.kind, a.amplitude_nA, a.t_ms) for a in injected.acts] == [("inject", 0.4, 5.0), ("inject", 0.0, 15.0)]


@pytest.mark.parametrize("threads", [1, 2])
def test_acts_in_a_network_do_not_depend_on_threads(threads: int) -> None:
    sims = [_network(1), _network(threads)]
    for sim in sims:
        sim.run(until_ms=10.0)
        sim.inject("soma(0.5)", 0.3, gid=6)
        sim.inject("dend[1](1)", 0.1, gid=2)
        sim.silence(3)
        sim.run(until_ms=50.0)
    assert _spikes(sims[0]) == _spikes(sims[1])
    assert _spikes(sims[0]) != _spikes(_ran(50.0))


def _ran(until_ms: float) -> ns.Simulation:
    sim = _network()
    sim.run(until_ms=until_ms)
    return sim


def test_a_silenced_cell_fires_no_spike_until_released() -> None:
    sim = _network()
    sim.run(until_ms=20.0)
    sim.silence(5)
    sim.run(until_ms=60.0)
    sim.silence(5, False)
    sim.run(until_ms=100.0)
    mine = sim.spikes.times_ms[sim.spikes.gids == 5]
    assert ((mine > 0) & (mine <= 20)).any()
    assert not ((mine > 20.0) & (mine <= 60.0)).any()
    assert (mine > 60.0).any()


def test_a_silenced_point_cell_sends_nothing() -> None:
    net = ns.Network(seed=1)
    drive = net.add_spikes("drive", ns.random.Poisson(rate_Hz=500.0, stop_ms=100.0), n=10)
    cells = net.add("cells", 5, ns.PointCell(ns.mechanisms.LIF()))
    net.connect(drive, cells, rule=ns.rules.FixedInDegree(10), weight=4.0)
    sim = ns.Simulation(net, dt_ms=0.1)
    sim.run(until_ms=50.0)
    before = int((sim.spikes.gids == 12).sum())
    sim.silence(12)
    sim.run(until_ms=100.0)
    assert before > 0
    assert int((sim.spikes.gids == 12).sum()) == before


def test_wrong_acts_are_refused() -> None:
    sim = _network()
    with pytest.raises(ModelError, match="gid=99"):
        sim.inject("soma(0.5)", 1.0, gid=99)
    with pytest.raises(ModelError, match="finite"):
        sim.inject("soma(0.5)", float("nan"), gid=0)
    with pytest.raises(ModelError, match="SpikeTrain"):
        sim.silence(25)
    queue = sim.broadcast()
    queue.ask(Act("explode", Place(0)))
    sim.run(until_ms=1.0)
    assert queue.progress.warnings == ["act 'explode' is not known; allowed: inject, silence, release"]
    assert not sim.acts


def test_asked_acts_come_back_in_a_frame_and_are_noted() -> None:
    sim = _network()
    queue = sim.broadcast()
    sim.run(until_ms=5.0)
    queue.take()
    queue.ask(Act("inject", Place(3, 0), 0.5))
    sim.run(until_ms=10.0)
    first = queue.take()[0]
    assert [(a.kind, a.place, a.t_ms) for a in first.acts] == [("inject", Place(3, 0), 5.0)]
    assert sim.acts == list(first.acts)


def test_a_paused_run_waits_and_goes_on() -> None:
    sim = _network()
    queue = sim.broadcast()
    queue.pause()
    runner = threading.Thread(target=sim.run, kwargs={"until_ms": 20.0}, daemon=True)
    runner.start()
    time.sleep(0.3)
    assert sim.t_ms == 0.0
    queue.resume()
    runner.join(60.0)
    assert sim.t_ms == 20.0
    assert queue.progress.finished


def test_a_run_that_was_acted_on_says_so_in_its_output(tmp_path: Path) -> None:
    circuit = read(write_circuit(tmp_path, cells_n=3, tstop_ms=20.0).config)
    session = Session(circuit)
    queue = session.sim.broadcast()
    queue.ask(Act("inject", Place(1, 0), 0.25))
    queue.ask(Act("silence", Place(0)))
    outcome = session.run(progress=False)
    log = circuit.output_dir / "acts.json"
    assert log in outcome.files
    assert json.loads(log.read_text("utf-8")) == [
        {"t_ms": 0.0, "kind": "inject", "gid": 1, "place": "soma[0](0.5)", "amplitude_nA": 0.25},
        {"t_ms": 0.0, "kind": "silence", "gid": 0},
    ]
    Session(read(tmp_path / "config.json")).run(progress=False)
    assert not log.exists()


def test_results_that_still_grow_have_their_configuration_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    circuit = read(write_circuit(tmp_path, cells_n=3, tstop_ms=20.0).config)

    def killed(*_: object, **__: object) -> None:
        raise RuntimeError("killed")

    session = Session(circuit)
    monkeypatch.setattr(session.sim, "run", killed)
    with pytest.raises(RuntimeError, match="killed"):
        session.run(progress=False)
    assert json.loads((circuit.output_dir / "config.json").read_text("utf-8"))["run"]["tstop"] == 20.0
