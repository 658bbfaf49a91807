"""``neurosim report worm``: runs are kept and not repeated, processes do not matter, the report says what failed.

The loop is that of ``tests.worm_loop``, which crawls by the imposed wave: what is tested is what stands around it.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.cli import report
from neurosim.errors import SimulationError
from neurosim.models.worm import track
from neurosim.models.worm.report import cases, document, figures, protocols, runs
from neurosim.models.worm.report.comparison import Comparison
from neurosim.models.worm.report.protocols import Pulse, Run, Size
from tests.worm_loop import WaveLoop

TINY = Size(
    crawl_seeds=1, crawl_ms=14_000.0, gait_media=(0.5, 1.0), gait_seeds=1, gait_ms=12_000.0, exam_seeds=1,
    ablation_seeds=1, starts=2, taxis_ms=3000.0, sensor_starts=1,
)  # fmt: skip


def _command(*words: str) -> int:
    """Run the command with these arguments, as ``neurosim report`` does."""
    parser = argparse.ArgumentParser()
    report.add(parser.add_subparsers())
    return report.run(parser.parse_args(["report", *words]))


def _everything() -> list[Run]:
    made = [*protocols.crawl(TINY), *protocols.gait(TINY), *protocols.taxis(TINY), *protocols.exam(TINY)]
    return [*made, *cases.ablations(TINY), *protocols.sensors(TINY)]


class Breaking(WaveLoop):
    """Fails without AVB."""

    def step(self, stimuli_nA: Any = None) -> Any:
        if "class:AVB" in self.ablated:
            raise SimulationError("the voltage left the earth")
        return super().step(stimuli_nA)


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> runs.Outcome:
    return runs.make_all(_everything(), tmp_path_factory.mktemp("runs"), processes=1, make_loop=Breaking)


def test_runs_that_are_kept_are_not_made_again(tmp_path: Path) -> None:
    wanted = protocols.crawl(replace(TINY, crawl_ms=500.0))
    first = runs.make_all(wanted, tmp_path, processes=1, make_loop=WaveLoop)

    def never(**_: Any) -> Any:
        raise AssertionError("a kept run was made again")

    again = runs.make_all(wanted, tmp_path, processes=1, make_loop=never)
    assert np.array_equal(first.tracks["crawl/seed-00"].points_mm, again.tracks["crawl/seed-00"].points_mm)


def test_a_run_that_was_cut_off_is_made_again(tmp_path: Path) -> None:
    wanted = protocols.crawl(replace(TINY, crawl_ms=500.0))

    class Stopped(WaveLoop):
        def step(self, stimuli_nA: Any = None) -> Any:
            if self.time_ms >= 300.0:
                raise KeyboardInterrupt
            return super().step(stimuli_nA)

    with pytest.raises(KeyboardInterrupt):
        runs.make_all(wanted, tmp_path, processes=1, make_loop=Stopped)
    done = runs.make_all(wanted, tmp_path, processes=1, make_loop=WaveLoop)
    assert done.tracks["crawl/seed-00"].time_ms[-1] == 500.0


def test_two_processes_give_the_same_tracks_as_one(tmp_path: Path) -> None:
    wanted = [*protocols.crawl(replace(TINY, crawl_seeds=2, crawl_ms=500.0)), *protocols.gait(TINY)[:1]]
    one = runs.make_all(wanted, tmp_path / "one", processes=1, make_loop=WaveLoop)
    two = runs.make_all(wanted, tmp_path / "two", processes=2, make_loop=WaveLoop)
    for key, found in one.tracks.items():
        assert np.array_equal(found.points_mm, two.tracks[key].points_mm)


def test_currents_and_touches_come_at_their_times(tmp_path: Path) -> None:
    seen: list[tuple[float, float]] = []

    class Watched(WaveLoop):
        def stimulate(self, name: str, amplitude_nA: float) -> None:
            seen.append((self.time_ms, amplitude_nA))

    run = Run("exam", "x", 0, 2000.0, pulses=(Pulse(("AVAL",), 500.0, 900.0, 0.02),))
    runs.make_all([run], tmp_path, processes=1, make_loop=Watched)
    assert seen == [(500.0, 0.02), (900.0, 0.0)]


def test_a_run_that_fails_is_named_and_the_others_go_on(outcome: runs.Outcome) -> None:
    assert list(outcome.failed) == ["exam/AVB--PVC-seed-00"]
    assert "the voltage left the earth" in outcome.failed["exam/AVB--PVC-seed-00"]
    assert len(outcome.tracks) == len(_everything()) - 1


def test_the_report_shows_rows_that_are_reached_and_rows_that_are_not(outcome: runs.Outcome, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="figures")
    compared = Comparison(
        490, 0.31, 0.35, (0.2, 0.4), 0.18, (0.1, 0.05), 0.22, 0.33, (0.2, 0.4), 0.28, (0.2, 0.21), 0.6, 0.55
    )
    found = document.Findings(TINY, outcome.tracks, outcome.failed, compared)
    pictures = figures.all_of(outcome.tracks, TINY, compared, tmp_path / "img")
    path = document.write(found, pictures, tmp_path / "report.md")
    text = path.read_text(encoding="utf-8")
    rows = {row.what: row.reached for row in found.rows()}
    # The imposed wave crawls at its own pace in every medium and smells nothing.
    assert rows["crawl: speed"] and rows["touch of the head"] and rows["functional atlas: rank correlation"]
    assert rows["gait: frequency"] is False and rows["chemotaxis: index"] is False
    assert "| reached |" in text and "**not reached**" in text and "the voltage left the earth" in text
    assert "not the full size" in text
    assert len(pictures) == 6 and all(f"(img/{picture.name})" in text for picture in pictures)
    assert all(picture.stat().st_size > 5000 for picture in pictures)


def test_tracks_of_runs_carry_what_was_smelled(outcome: runs.Outcome) -> None:
    found = outcome.tracks["taxis/gradient-start-00"]
    assert set(found.fields) == {"salt", "odour"} and (found.fields["salt"] > 0.0).all()


def test_the_command_lists_runs_without_making_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "runs"
    assert _command("worm", "--quick", "--parts", "crawl", "--runs", str(kept), "--list") == 0
    out = capsys.readouterr().out
    assert "2, 2 to simulate (30 s of the worm's time)" in out and "missing   crawl/seed-01" in out
    run = protocols.crawl(protocols.QUICK)[1]
    runs.make(run, runs.path_of(run, kept), WaveLoop)
    _command("worm", "--quick", "--parts", "crawl", "--runs", str(kept), "--list")
    assert "there     crawl/seed-01" in capsys.readouterr().out
    assert track.read(runs.path_of(run, kept)).time_ms[-1] == run.duration_ms


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        _command("worm", "--parts", "crawl,flying")
    assert "allowed are crawl, gait" in capsys.readouterr().err
