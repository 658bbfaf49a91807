"""The worm's mechanisms: units, and those that the reference network does not show.

Kind of evidence: analytic; NEURON's own unit checker.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import MechanismError
from neurosim.models.worm import channels, parameters

FARADAY = 96485.33212331


def test_there_are_sixteen_channels_a_plateau_two_kinds_of_calcium_and_a_force() -> None:
    assert {*channels.names()} == {*channels.CHANNELS, "plateau", "WormCa", "MuscleCa", "MuscleForce"}
    assert len(channels.CHANNELS) == 16
    assert all("gbar" in channels.mechanism(n).defaults for n in channels.CHANNELS)


def test_an_unknown_name_is_refused_with_a_near_one() -> None:
    with pytest.raises(MechanismError, match="did you mean egl19"):
        channels.mechanism("egl-19")


def test_the_units_of_every_file_agree() -> None:
    checker = shutil.which("modlunit", path=str(Path(sys.executable).parent))
    if checker is None:
        pytest.skip("NEURON's modlunit is not installed")
    folder = Path(str(files("neurosim.models.worm.mechanisms")))
    running = {
        name: subprocess.Popen([checker, f"{name}.mod"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for name in channels.names()
    }
    for name, process in running.items():
        said = process.communicate()[0].decode()
        assert "Checking units of" in said, name
        assert "<<ERROR>>" not in said, said


def test_the_constants_in_the_files_are_those_of_the_table() -> None:
    table = parameters.load("channels")
    for name in channels.CHANNELS:
        kind = "ca" if name in channels.CALCIUM else name if name in ("kqt3", "nca") else "k"
        assert channels.mechanism(name).defaults["erev"] == table[f"reversal.{kind}"]
    assert channels.mechanism("WormCa").defaults["rest"] == table["calcium.rest"]
    assert channels.mechanism("WormCa").defaults["tau"] == table["calcium.tau"]
    assert channels.mechanism("WormCa").defaults["share"] == table["calcium.share"]
    assert channels.mechanism("kcnl").defaults["half"] == table["calcium.kcnl_half"]
    text = files("neurosim.models.worm.mechanisms").joinpath("slo1_unc2.mod").read_text()
    current, distance, diffusion, binding, buffer = (
        f"{table[f'domain.{key}']:g}" for key in ("current", "distance", "diffusion", "binding", "buffer")
    )
    assert f"nano = {current}*(erevca - u)" in text
    assert f"*{distance}*{diffusion}*96485)*exp(-{distance}/sqrt({diffusion}/({binding}*{buffer})))" in text


def clamped(name: str, v_mV: float, **values: float) -> tuple[ns.Cell, ns.Simulation]:
    """Return a cell that is held at ``v_mV`` from -65 mV on."""
    cell = ns.Cell.cylinder(10.0, 10.0).insert(channels.mechanism(name), "all", **values)
    sim = ns.Simulation(cell, dt_ms=1.0)
    sim.stimulate("soma(0.5)", ns.mechanisms.SEClamp(rs=1e-4, dur1=1e9, amp1=v_mV))
    return cell, sim


@pytest.mark.parametrize("v_mV", [-130.0, 20.0])
def test_egl2_goes_to_its_steady_state_with_its_time_constant(v_mV: float) -> None:
    _, sim = clamped("egl2", v_mV)
    m = sim.record("soma(0.5)", "egl2.m")
    sim.run(until_ms=500.0, progress=False)
    inf = [1.0 / (1.0 + np.exp(-(v + 6.9) / 14.9)) for v in (-65.0, v_mV)]
    tau = 1845.8 / (1.0 + np.exp((v_mV + 122.6) / 13.8)) + 1517.74
    wanted = inf[1] + (inf[0] - inf[1]) * np.exp(-np.arange(501) / tau)
    np.testing.assert_allclose(m.values.reshape(-1), wanted, rtol=1e-4)


def test_calcium_fills_the_volume_that_is_given() -> None:
    """Implicit Euler with the current of the step before, from the charge that enters and the volume."""
    cell, sim = clamped("egl19", 10.0, gbar=1e-2)
    cell.insert(channels.mechanism("WormCa"), vcell=250.0, acell=314.0)
    c, i = sim.record("soma(0.5)", "cai_mM"), sim.record("soma(0.5)", "ica_mA_per_cm2")
    sim.run(until_ms=200.0, progress=False)
    found, current = c.values.reshape(-1), i.values.reshape(-1)
    mol_per_ms = -current * 314e-8 * 1e-6 / (2.0 * FARADAY)
    influx_mM = 0.001 * 1e3 * mol_per_ms / 250e-15
    wanted = [5e-5]
    for n in range(1, len(found)):
        wanted.append((wanted[-1] + influx_mM[n] + 5e-5 / 50.0) / (1.0 + 1.0 / 50.0))
    assert found.max() > 2e-4
    np.testing.assert_allclose(found, wanted, rtol=1e-9)


def test_a_muscle_is_switched_on_by_calcium_above_its_rest() -> None:
    cell, sim = clamped("egl19", 0.0, gbar=1e-3)
    cell.insert(channels.mechanism("MuscleCa")).insert(channels.mechanism("MuscleForce"), half=2e-4, tau=30.0)
    a, c = sim.record("soma(0.5)", "MuscleForce.a"), sim.record("soma(0.5)", "cai_mM")
    sim.run(until_ms=2000.0, progress=False)
    ratio = ((c.values[-1] - 5e-5) / 2e-4) ** 2
    assert a.values[0] == 0.0
    assert 0.1 < float(a.values[-1].item()) < 1.0
    np.testing.assert_allclose(a.values[-1], ratio / (1.0 + ratio), rtol=1e-6)
