"""A run of the worm and its files: what ``neurosim run worm`` leaves behind.

Kind of evidence: consistency with the loop itself, other programs' readers, a run that is interrupted.
"""

from __future__ import annotations

import json
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim import cli
from neurosim.models.worm import session, track
from neurosim.models.worm.environment.environment import ODOUR, Environment
from neurosim.models.worm.environment.field import Exponential
from neurosim.models.worm.loop import ClosedLoop

for package in ("c302", "cect", "wormneuroatlas"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")

T_MS = 200.0


def loop() -> ClosedLoop:
    return ClosedLoop(seed=2, detail="point", environment=Environment({ODOUR: Exponential(10.0, 1.5, (2.0, 0.5))}))


def test_a_run_leaves_its_track_its_voltages_and_what_it_was(tmp_path: Path) -> None:
    ran, alone = loop(), loop()
    outcome = session.run(ran, tmp_path / "out", T_MS)
    voltages = []
    alone.watchers.append(lambda now: voltages.append(now.cell_voltage_mV))
    alone.run(T_MS)
    assert (outcome.t_ms, outcome.interrupted) == (T_MS, False)
    assert all(path.is_file() for path in outcome.files)
    seen = track.read(tmp_path / "out" / "track.h5")
    assert np.array_equal(seen.time_ms, np.arange(0.0, T_MS + 1.0, 20.0))
    assert np.allclose(seen.points_mm[-1], alone.body.points_mm, rtol=0.0, atol=1e-6)
    assert seen.fields[ODOUR][-1] == alone.concentration[ODOUR]
    with h5py.File(tmp_path / "out" / "voltages.h5") as file:
        both = np.hstack([file[f"report/{name}/data"][:] for name in ("neurons", "muscles")])
        assert file["report/neurons/mapping/time"][:].tolist() == [0.0, T_MS, ran.control_ms]
    assert np.array_equal(both, np.array(voltages))
    facts = json.loads((tmp_path / "out" / "run.json").read_text())
    assert (facts["seed"], facts["medium"], facts["t_ms"], facts["ablated"]) == (2, "agar", T_MS, [])


def test_the_voltages_open_in_libsonata(tmp_path: Path) -> None:
    libsonata = pytest.importorskip("libsonata")
    session.run(loop(), tmp_path, T_MS)
    reader = libsonata.ElementReportReader(str(tmp_path / "libsonata" / "voltages.h5"))
    assert reader.get_population_names() == ["muscles", "neurons"]
    assert reader["neurons"].times == (0.0, T_MS, 5.0)
    assert reader["neurons"].get(node_ids=[7]).data.shape == (40, 1)


def test_after_ctrl_c_the_files_hold_what_was_reached(tmp_path: Path) -> None:
    stopped = loop()
    stopped.watchers.append(lambda now: signal.raise_signal(signal.SIGINT) if now.time_ms == 60.0 else None)
    outcome = session.run(stopped, tmp_path, T_MS)
    assert (outcome.t_ms, outcome.interrupted) == (60.0, True)
    with h5py.File(tmp_path / "voltages.h5") as file:
        assert len(file["report/muscles/data"]) == 12
        assert file["report/muscles/mapping/time"][:].tolist() == [0.0, 60.0, 5.0]
    assert track.read(tmp_path / "track.h5").time_ms[-1] == 60.0


def test_the_command_runs_the_worm_and_draws_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "worm", "--seconds", "0.2", "--detail", "point", "--medium", "0.5", "--ablate", "class:AVA"]
    assert cli.main([*words, "--output", str(tmp_path / "w"), "--quiet"]) == 0
    said = capsys.readouterr().out
    for name in ("track.h5", "voltages.h5", "run.json", "worm.scene.h5", "worm.png"):
        assert str(tmp_path / "w" / name) in said and (tmp_path / "w" / name).stat().st_size > 0
    assert json.loads((tmp_path / "w" / "run.json").read_text())["ablated"] == ["class:AVA"]


@pytest.mark.parametrize(
    ("words", "why"),
    [(["--ablate", "AVXL"], "no cell 'AVXL'"), (["--medium", "jelly"], "'jelly'"), (["--seconds", "0.0013"], "1.3")],
)
def test_what_cannot_be_run_is_refused(
    words: list[str], why: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["run", "worm", "--detail", "point", "--output", str(tmp_path / "w"), *words]) == 2
    assert why in capsys.readouterr().err
