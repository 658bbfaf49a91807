"""Runs that are cut off and gone on with by another number of processes: outputs without gap or repeat."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from neurosim.broadcast import Act, Place
from neurosim.cli import main
from neurosim.cli.ranks import CheckpointKeeper
from neurosim.errors import OutputError
from neurosim.exchange import SerialExchange
from neurosim.hpc.crowd import crowd, together
from neurosim.hpc.young import Pace
from neurosim.model.cell import Cell
from neurosim.simulation import Simulation
from neurosim.sonata.acts import ActsLog
from neurosim.sonata.rank_files import FOLDER, legs_of
from neurosim.sonata.session import Outcome
from tests.parallel_outputs import circuit, differing, run
from tests.sonata_circuit import change

EVERY_MS = 4.0


class KilledError(Exception):
    """The job is over."""


class Mortal(CheckpointKeeper):
    """A keeper whose run ends, with no word to anybody, when it is to write a checkpoint after the given number."""

    def __init__(self, folder: Path, exchange: Any, lives: int, source: Path | None = None) -> None:
        super().__init__(folder, exchange, EVERY_MS, source)
        self.lives = lives

    def write(self, sim: Any, extra: dict[str, Any]) -> Path:
        if self.lives == 0:
            raise KilledError
        self.lives -= 1
        return super().write(sim, extra)


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A circuit whose blocks (0.7 ms) do not end where checkpoints are."""
    return circuit(tmp_path_factory.mktemp("circuit"), tstop_ms=16.0, block=7)


@pytest.fixture(scope="module")
def straight(config: Path) -> Path:
    """Outputs of one process that was not interrupted."""
    run(config, config.parent / "straight")
    return config.parent / "straight"


def life(config: Path, folder: Path, ranks: int, lives: int, **options: Any) -> list[Outcome] | None:
    """Run until the end or the end of its lives."""

    def work(exchange: Any) -> Outcome:
        keeper = Mortal(folder / "checkpoints", exchange, lives)
        return run(config, folder, exchange, keeper, **options)

    try:
        return [work(SerialExchange())] if ranks == 1 else together(crowd(ranks), work)
    except KilledError:
        return None


def test_a_run_goes_on_with_other_numbers_of_processes_and_writes_what_an_undisturbed_one_does(
    config: Path, straight: Path
) -> None:
    folder = config.parent / "lives"
    assert life(config, folder, 2, lives=1) is None  # reaches 8 ms, keeps 4 ms
    assert life(config, folder, 3, lives=1, resume=True) is None  # from 4 to 12 ms, keeps 8 ms
    assert [leg.first for leg in legs_of(folder)] == [0, 40]
    done = life(config, folder, 1, lives=9, resume=True)
    assert done is not None
    assert done[0].t_ms == 16.0
    assert [text for text in differing(straight, folder) if not text.startswith("checkpoints")] == []
    assert not (folder / FOLDER).exists()
    with pytest.raises(OutputError, match="that run was finished"):
        life(config, folder, 1, lives=9, resume=True)


def test_a_finished_run_goes_on_to_a_later_end(config: Path, straight: Path, tmp_path: Path) -> None:
    words = [str(config), "--output", str(tmp_path), "--quiet"]
    assert main(["run", *words, "--tstop-ms", "9", "--checkpoint-at-end"]) == 0
    assert [leg.first for leg in legs_of(tmp_path)] == [0]
    assert main(["run", *words, "--tstop-ms", "16", "--resume", "--checkpoint-every", "auto"]) == 0
    names = ("checkpoints", "config.json")
    assert [text for text in differing(straight, tmp_path) if not text.startswith(names)] == []
    assert not (tmp_path / FOLDER).exists()


def test_by_the_clock_checkpoints_are_due_to_all_at_once() -> None:
    now_s = [0.0]

    def work(exchange: Any) -> list[bool]:
        pace = Pace(exchange, failure_s=200.0, clock=lambda: now_s[0] + 100.0 * exchange.rank)
        found = []
        for at_s in (59.0, 60.0, 61.0, 79.0, 81.0):
            exchange.smallest(0.0)
            now_s[0] = at_s
            exchange.smallest(0.0)
            found.append(pace.due())
            if found[-1]:
                pace.wrote(1.0)  # the next after sqrt(2 x 1 x 200) = 20 s
        return found

    assert together(crowd(2), work) == 2 * [[False, True, False, False, True]]


def test_ctrl_c_in_the_last_window_of_a_block_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    sim = Simulation(Cell.cylinder(length_um=10.0, diam_um=10.0))
    engine, plain = sim.build(), sim.build().advance

    def interrupted(steps: int) -> Any:
        signal.raise_signal(signal.SIGINT)
        return plain(steps)

    monkeypatch.setattr(engine, "advance", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sim.run(until_ms=0.25, progress=False)
    assert sim.step == 10


def test_acts_before_the_checkpoint_stay_in_the_log(tmp_path: Path) -> None:
    sim: Any = SimpleNamespace(
        t_ms=7.0, cells=[None, None], acts=[Act("silence", Place(1), t_ms=2.0), Act("release", Place(1), t_ms=9.0)]
    )
    ActsLog(tmp_path, sim, np.array([4, 6])).write()
    sim.acts = []
    log = ActsLog(tmp_path, sim, np.array([4, 6]))
    log.begin(goes_on=True)
    sim.acts.append(Act("silence", Place(0), t_ms=8.0))
    log.write()
    written = json.loads(log.path.read_text())
    assert [(act["t_ms"], act["kind"], act["gid"]) for act in written] == [(2.0, "silence", 6), (8.0, "silence", 4)]
    ActsLog(tmp_path, sim, np.array([4, 6])).begin(goes_on=False)
    assert not log.path.exists()


def test_resume_begins_anew_where_there_is_no_checkpoint(config: Path, straight: Path) -> None:
    folder = config.parent / "anew"
    assert life(config, folder, 1, lives=9, resume=True) is not None
    assert [text for text in differing(straight, folder) if not text.startswith("checkpoints")] == []


def test_files_of_another_run_and_other_outputs_are_refused(config: Path) -> None:
    folder = config.parent / "other"
    assert life(config, folder, 1, lives=1) is None
    other = circuit(config.parent / "changed", tstop_ms=16.0, block=7)
    change(other, "reports.late.dt", 1.0)
    with pytest.raises(OutputError, match="reports: differs from the run that wrote the checkpoint"):
        life(other, folder, 1, lives=9, resume=True)
    assert life(config, folder, 1, lives=0) is None  # begins anew and leaves files of its own
    with pytest.raises(OutputError, match="of another run than the checkpoint"):
        life(config, folder, 1, lives=9, resume=True)
