"""What a user who is wrong is told, what a run that fails leaves behind, and the cache of compiled kernels."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine import build
from neurosim.errors import InstabilityError, LocationError, MechanismError, ModelError, SimulationError
from tests.engine_cells import Subject, assert_same, blast, branched, observed, patch


def ball_and_stick() -> ns.Cell:
    sections = [ns.Section.cylinder("soma[0]", 20.0, 20.0), ns.Section.cylinder("dend[0]", 100.0, 2.0, 0, 1.0)]
    return ns.Cell(sections, name="stick").set("dend", nseg=3).insert("hh", "soma").insert("pas", "dend")


@pytest.fixture
def sim() -> ns.Simulation:
    return ns.Simulation([ball_and_stick(), ball_and_stick()], dt_ms=0.025)


# --- description ------------------------------------------------------------------------------------------------

Act = Callable[[ns.Simulation], object]
STEP = ns.Step(1.0, 1.0, 0.1)
MISTAKES: dict[str, tuple[Act, type[Exception], str]] = {
    "until no multiple": (lambda s: s.run(until_ms=1.01), SimulationError, r"until_ms=1.01 .*dt_ms=0.025 \(ratio 40.4"),
    "until not a number": (lambda s: s.run(until_ms=math.nan), SimulationError, "until_ms=nan"),
    "until infinite": (lambda s: s.run(until_ms=math.inf), SimulationError, "until_ms=inf"),
    "until negative": (lambda s: s.run(until_ms=-1.0), SimulationError, "until_ms=-1"),
    "every no multiple": (lambda s: s.record("soma", "v_mV", every_ms=0.03), SimulationError, "every_ms=0.03"),
    "every zero": (lambda s: s.record("soma", "v_mV", every_ms=0.0), ModelError, "every_ms=0.0 .*at least dt_ms"),
    "no section": (lambda s: s.record("dentrite(0.5)", "v_mV"), LocationError, "dentrite.*regions here.*dend"),
    "no region": (lambda s: s.record("apic", "v_mV"), LocationError, "apic"),
    "no position": (lambda s: s.stimulate("soma", STEP), LocationError, r"soma\(0.5\)"),
    "beyond the end": (lambda s: s.stimulate("dend[0](1.5)", STEP), LocationError, "1.5"),
    "no gid": (lambda s: s.stimulate("soma(0.5)", STEP, gid=2), ModelError, "gid=2 .*0 to 1"),
    "negative gid": (lambda s: s.record("soma(0.5)", "v_mV", gid=-1), ModelError, "gid=-1 .*0 to 1"),
    "gid of a detector": (lambda s: s.detect(gid=7), ModelError, "gid=7"),
    "threshold not a number": (lambda s: s.detect(threshold_mV=math.nan), ModelError, "threshold_mV=nan"),
    "no unit": (lambda s: s.record("soma(0.5)", "v"), ModelError, "v_mV"),
    "density as stimulus": (lambda s: s.stimulate("soma(0.5)", ns.mechanisms.HH), MechanismError, "hh .*insert"),
    "number as stimulus": (lambda s: s.stimulate("soma(0.5)", 0.3), ModelError, "0.3 .*Step"),  # type: ignore[arg-type]
    "amplitude not a number": (lambda s: s.stimulate("soma(0.5)", ns.Step(1, 1, math.nan)), ModelError, "amp=nan"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_simulation_is_refused_with_its_value(mistake: str, sim: ns.Simulation) -> None:
    act, kind, message = MISTAKES[mistake]
    with pytest.raises(kind, match=message):
        act(sim)
    # Nothing of it stays.
    sim.run(until_ms=0.025)


CELL_MISTAKES: dict[str, tuple[Callable[[ns.Cell], object], type[Exception], str]] = {
    "point inserted": (lambda c: c.insert("IClamp"), MechanismError, r"IClamp .*cell.place"),
    "density placed": (lambda c: c.place("hh", "soma(0.5)"), MechanismError, r"hh .*cell.insert"),
    "no parameter": (lambda c: c.insert("hh", gnabbar=0.1), MechanismError, "gnabbar.*gnabar"),
    "no parameter of a point": (lambda c: c.place("IClamp", "soma(0.5)", ampl=1.0), MechanismError, "ampl.*amp"),
    "no mechanism": (lambda c: c.insert("nats"), MechanismError, "NaTs"),
    "value not a number": (lambda c: c.insert("hh", gnabar=math.nan).record, ModelError, "hh.gnabar=nan"),
    "value of a point": (lambda c: c.place("IClamp", "soma(0.5)", amp=math.nan), ModelError, "IClamp.amp=nan"),
    "function gives nan": (lambda c: c.insert("hh", gnabar=lambda d: math.nan).record, ModelError, "hh.gnabar"),
    "values too few": (lambda c: c.insert("pas", "dend", g=[1e-4, 1e-4]).record, ModelError, r"\(2,\).*3 compartments"),
    "ion not a number": (lambda c: c.set(ena_mV=math.nan).record, ModelError, "ena"),
    "no such setting": (lambda c: c.set(temperature=3.0), ModelError, "temperature.*ena_mV"),
    "negative cm": (lambda c: c.set(cm_uF_per_cm2=-1.0), ModelError, "cm_uF_per_cm2=-1"),
    "ra zero": (lambda c: c.set(ra_ohm_cm=0.0), ModelError, "ra_ohm_cm=0"),
    "no region": (lambda c: c.insert("hh", "apic"), LocationError, "apic"),
}


@pytest.mark.parametrize("mistake", CELL_MISTAKES)
def test_a_mistake_in_a_cell_is_refused_with_its_value(mistake: str) -> None:
    act, kind, message = CELL_MISTAKES[mistake]
    with pytest.raises(kind, match=message):
        act(ball_and_stick())


@pytest.mark.parametrize(
    "wrong",
    [
        {"dt_ms": -0.1}, {"dt_ms": 0.0}, {"dt_ms": math.nan}, {"threads": 0}, {"threads": 1.5},
        {"celsius_degC": math.inf}, {"v_init_mV": math.nan},
    ],
    ids=str,
)  # fmt: skip
def test_a_simulation_refuses_impossible_settings(wrong: dict[str, float]) -> None:
    with pytest.raises(ModelError, match=next(iter(wrong))):
        ns.Simulation(ball_and_stick(), **wrong)  # type: ignore[arg-type]


def test_a_simulation_needs_a_cell() -> None:
    with pytest.raises(ModelError, match="at least one cell"):
        ns.Simulation([])


@pytest.mark.parametrize(
    ("times", "amplitudes"), [([0.0, 1.0], [1.0]), ([], []), ([1.0, 0.0], [1.0, 2.0]), ([0.0], [math.nan])]
)
def test_a_waveform_refuses_lists_that_do_not_fit(times: list[float], amplitudes: list[float]) -> None:
    with pytest.raises(ModelError, match="waveform"):
        ns.Waveform(times, amplitudes)


@pytest.mark.parametrize(
    "late",
    [
        lambda s: s.record("soma(0.5)", "v_mV"), lambda s: s.stimulate("soma(0.5)", STEP), lambda s: s.detect(),
    ],
    ids=["record", "stimulate", "detect"],
)  # fmt: skip
def test_after_the_start_the_description_is_closed_until_reset(late: Act, sim: ns.Simulation) -> None:
    sim.run(until_ms=0.1)
    with pytest.raises(SimulationError, match=r"after the run has begun \(t=0.1 ms\).*reset"):
        late(sim)
    sim.reset()
    late(sim)
    sim.run(until_ms=0.1)


def test_compartments_that_change_after_a_place_was_used_are_noticed() -> None:
    cell = ball_and_stick()
    sim = ns.Simulation([ball_and_stick(), cell])
    sim.record("dend[0](0.5)", "v_mV", gid=1)
    cell.insert("leak").set(cm_uF_per_cm2=2.0)
    sim.run(until_ms=0.1)
    sim.reset()
    cell.set("dend", nseg=5)
    with pytest.raises(ModelError, match=r"gid 1: the compartments of 'stick' changed.*before"):
        sim.run(until_ms=0.1)


def test_time_does_not_go_back(sim: ns.Simulation) -> None:
    sim.run(until_ms=0.1)
    with pytest.raises(SimulationError, match=r"before the time reached, 0\.1 ms"):
        sim.run(until_ms=0.05)


@pytest.mark.parametrize(
    ("place", "variable", "message"),
    [
        ("dend[0](0.5)", "hh.m", r"gid 1, dend\[0\]\(0.5\).*'hh.m'.*there: none"),
        ("soma(0.5)", "pas.g", r"soma\[0\]\(0.5\).*'pas.g'"),
        ("dend[0](0.5)", "ena_mV", "ena.*ions: none"),
    ],
)
def test_recording_what_is_not_there_names_gid_place_and_what_is(
    place: str, variable: str, message: str, sim: ns.Simulation
) -> None:
    sim.record(place, variable, gid=1)
    with pytest.raises(ModelError, match=message):
        sim.run(until_ms=0.1)


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("hh.gnabarr", r"gid 1, soma\(0.5\).*hh.gnabarr.*did you mean gnabar"),
        ("hhh.m", "hhh.*did you mean hh"),
        ("cai_mM", "'cai'.*ions: na, k"),
        ("m_mV", "'m'"),
        ("IClamp.i", "IClamp.i.*has hh, pas"),
    ],
)
def test_recording_what_no_mechanism_of_the_cell_has_is_refused_at_once(
    variable: str, message: str, sim: ns.Simulation
) -> None:
    with pytest.raises(ModelError, match=message):
        sim.record("soma(0.5)", variable, gid=1)


# --- instability ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("gid", [0, 4, 9])
@pytest.mark.parametrize("threads", [1, 2])
def test_instability_names_gid_place_time_and_mechanism_and_leaves_the_others_alone(gid: int, threads: int) -> None:
    subjects = [branched() for _ in range(10)]
    subjects[gid].cell.insert(blast(1.0), "dend[1]")
    for s in subjects:
        s.records = [("all", "v_mV")]
    sim = ns.Simulation([s.cell for s in subjects], threads=threads, celsius_degC=20.0)
    for k, s in enumerate(subjects):
        for place, stimulus in s.stimuli:
            sim.stimulate(place, stimulus, gid=k)
    traces = [sim.record("all", "v_mV", gid=k) for k in range(10)]
    sim.detect(threshold_mV=-20.0)
    with pytest.raises(InstabilityError) as caught:
        sim.run(until_ms=3.0)

    error = caught.value
    # The current counts from the middle of the step on, 1.0125 ms, whose end is 1.025 ms.
    assert (error.gid, error.location, error.mechanism) == (gid, "dend[1](0.1667)", "blast")
    assert error.t_ms == pytest.approx(1.025, abs=1e-12)
    assert f"gid {gid}" in str(error)
    assert "dt_ms=0.0125" in str(error)

    # What was recorded before it is there, of all cells, and right.
    assert sim.t_ms == 1.0
    whole = observed([branched() for _ in range(10)], until_ms=(1.0,))
    for trace, values in zip(traces, whole.values, strict=True):
        assert trace.values.tobytes() == values[0].tobytes()
    spikes = [sim.spikes.times_ms[sim.spikes.gids == k].tolist() for k in range(10)]
    assert spikes == [s.tolist() for s in whole.spikes]
    assert sum(map(len, spikes)) > 0


@pytest.mark.parametrize("alone", [True, False])
def test_instability_in_a_block_of_one_cell_and_after_windows(alone: bool) -> None:
    bad = Subject(patch().cell.insert(blast(2.0)))
    subjects = [bad] if alone else [branched(), bad]
    with pytest.raises(InstabilityError) as caught:
        observed(subjects, until_ms=(0.5, 1.5, 3.0))
    assert (caught.value.gid, caught.value.mechanism) == (0 if alone else 1, "blast")
    assert caught.value.t_ms == pytest.approx(2.025, abs=1e-12)


def test_the_first_of_two_unstable_cells_is_named() -> None:
    early, late = patch(), patch()
    early.cell.insert(blast(0.5))
    late.cell.insert(blast(0.6))
    with pytest.raises(InstabilityError) as caught:
        observed([branched(), late, branched(), early])
    assert caught.value.gid == 3


def test_a_current_that_grows_without_bound_is_found_and_blamed() -> None:
    cell = ball_and_stick().insert("leak", "dend", gbar=[1e-4, 1e-4, 1e-4], eleak=[-65.0, -65.0, 1e200])
    with pytest.raises(InstabilityError) as caught:
        observed([patch(), Subject(cell)])
    assert (caught.value.gid, caught.value.location, caught.value.mechanism) == (1, "dend[0](0.8333)", "leak")
    assert caught.value.t_ms == pytest.approx(0.025)


def test_a_stimulus_beyond_all_bounds_is_blamed() -> None:
    bad = Subject(ball_and_stick(), [("dend[0](0.5)", ns.Step(0.5, 1.0, math.inf))])
    with pytest.raises(InstabilityError) as caught:
        observed([bad])
    assert (caught.value.location, caught.value.mechanism) == ("dend[0](0.5)", "IClamp")
    assert caught.value.t_ms == pytest.approx(0.525)


def test_an_unstable_run_cannot_go_on_but_can_be_reset() -> None:
    sim = ns.Simulation([patch().cell.insert(blast(1.0)), patch().cell])
    v = sim.record("soma(0.5)", "v_mV", gid=1)
    with pytest.raises(InstabilityError):
        sim.run(until_ms=2.0)
    with pytest.raises(SimulationError, match=r"unstable at t=1 ms.*reset"):
        sim.run(until_ms=2.0)
    sim.reset()
    sim.run(until_ms=0.5)
    assert len(v.values) == 21


# --- interruption -----------------------------------------------------------------------------------------------


def test_ctrl_c_keeps_what_was_recorded_and_the_run_goes_on() -> None:
    def make() -> tuple[ns.Simulation, ns.Trace]:
        subject = branched()
        sim = ns.Simulation([subject.cell] * 9, celsius_degC=20.0)
        for gid in range(9):
            for place, stimulus in subject.stimuli:
                sim.stimulate(place, stimulus, gid=gid)
        return sim, sim.record("all", "v_mV", gid=4, every_ms=0.5)

    whole, expected = make()
    sim, v = make()
    sim.build()
    stop = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    before = signal.getsignal(signal.SIGINT)
    stop.start()
    with pytest.raises(KeyboardInterrupt):
        sim.run(until_ms=100_000.0)
    stop.join()
    assert signal.getsignal(signal.SIGINT) is before
    reached = sim.t_ms
    assert 0.0 < reached < 100_000.0
    assert len(v.values) == int(reached / 0.5 + 1e-9) + 1

    until = math.ceil(reached) + 5.0
    sim.run(until_ms=until)
    whole.run(until_ms=until)
    assert v.values.tobytes() == expected.values.tobytes()
    assert v.time_ms.tobytes() == expected.time_ms.tobytes()
    assert sim.spikes.times_ms.tobytes() == whole.spikes.times_ms.tobytes()


def test_a_run_in_another_thread_works_without_signals() -> None:
    here, there = observed([patch()]), []
    worker = threading.Thread(target=lambda: there.append(observed([patch()])))
    worker.start()
    worker.join()
    assert_same(there[0], here)


# --- cache ------------------------------------------------------------------------------------------------------

MODEL = """
import json, sys
import neurosim as ns
cell = ns.Cell.cylinder(20.0, 20.0, nseg=2).insert("leak", gbar=1e-4, eleak=-60.0)
sim = ns.Simulation(cell)
v = sim.record("soma", "v_mV")
sim.run(until_ms=1.0)
print(json.dumps(v.values.tolist()))
"""


def start(folder: Path | str) -> subprocess.Popen[str]:
    environment = {**os.environ, "NEUROSIM_CACHE_DIR": str(folder)}
    return subprocess.Popen(
        [sys.executable, "-c", MODEL], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def result(process: subprocess.Popen[str]) -> list[list[float]]:
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    values: list[list[float]] = json.loads(out)
    return values


def files(folder: Path) -> dict[str, tuple[int, int]]:
    found = (p for p in folder.rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): (p.stat().st_mtime_ns, p.stat().st_size) for p in found}


@pytest.mark.slow
def test_four_processes_fill_one_empty_cache_and_the_next_one_compiles_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "when needed"
    values = [result(p) for p in [start(folder) for _ in range(4)]]
    assert all(v == values[0] for v in values)
    assert np.isfinite(values[0]).all()
    full = files(folder)
    assert {Path(name).suffix for name in full} >= {".py", ".nbi", ".nbc"}
    assert not [name for name in full if name.endswith(".tmp")]

    assert result(start(folder)) == values[0]
    compiled = {n: f for n, f in files(folder).items() if not n.endswith(".pyc")}
    assert compiled == {n: f for n, f in full.items() if not n.endswith(".pyc")}


def test_a_cache_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    process = start(tmp_path / "file")
    err = process.communicate(timeout=120)[1]
    assert process.returncode == 1
    assert "SimulationError" in err.splitlines()[-1]
    assert "NEUROSIM_CACHE_DIR" in err.splitlines()[-1]


def test_a_cache_folder_that_cannot_be_written_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**_: object) -> tuple[int, str]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("NEUROSIM_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    with pytest.raises(SimulationError, match=r"cannot write generated code .*Permission denied.*NEUROSIM_CACHE_DIR"):
        build.load_module("never", f"x = {time.time_ns()}")
