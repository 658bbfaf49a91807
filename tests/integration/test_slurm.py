"""Real jobs on a private Slurm with eight emulated nodes: cut off, requeued, gone on with, collected; twenty seeds.

A job that has begun is stopped (SIGSTOP) until Slurm's signal before the limit is due, so that it takes no time from
the other jobs and is cut off at the same place of the run on a fast machine and on a slow one.
"""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

import neurosim as ns
from neurosim import sonata
from neurosim.cli import main
from neurosim.hpc import journal
from neurosim.hpc.collect import Row, collect, spikes_in
from tests.slurm_cluster import Cluster, finished, give_time, said, scancel, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SEEDS = range(20)
BEFORE_S = 55
"""Signal before the limit of a minute: due five seconds after the beginning."""
DUE_S = 37.0
"""When it has come for certain: Slurm looks at the limits of jobs every thirty seconds."""


@pytest.fixture(scope="module")
def cluster(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    found = Cluster(shared / "hpc/slurm-local.sh", tmp_path_factory.mktemp("slurm"), nodes=8, cpus=4)
    found.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(found.conf))
        patch.setenv("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")  # more processes than cores
        yield found
    found.stop()


def network(folder: Path, tstop_ms: float, block_steps: int) -> Path:
    """Write a circuit of Poisson sources and cells that they drive; the sources draw random numbers while it runs."""
    net = ns.Network(seed=1)
    sources = net.add("sources", 8, ns.PointCell(ns.mechanisms.PoissonSource()))
    cells = net.add("cells", 16, ns.PointCell(ns.mechanisms.LIF()))
    net.connect(sources, cells, rule=ns.rules.FixedInDegree(4), weight=9.0, delay_ms=12.5)
    net.connect(cells, cells, rule=ns.rules.FixedInDegree(4), weight=2.0, delay_ms=10.0)
    path = sonata.write(net, folder, run={"tstop_ms": tstop_ms, "dt_ms": 0.1}).config
    simulation = folder / "simulation_config.json"
    values = json.loads(simulation.read_text())
    values["run"] |= {"nsteps_block": block_steps, "random_seed": 3}
    simulation.write_text(json.dumps(values))
    return path


@dataclass(frozen=True)
class Jobs:
    """Folders of the jobs on two and eight nodes, cut off by their limit, of one that MPI's own starter begins and a
    signal cuts off, of the one that is ended by hand, of the array, of a plain run; configuration of the array."""

    two: Path
    eight: Path
    mpiexec: Path
    ended: Path
    seeds: Path
    alone: Path
    short: Path


@pytest.fixture(scope="module")
def jobs(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Jobs:
    """Hand everything in, let it end."""
    root = tmp_path_factory.mktemp("jobs")
    long = network(root / "long", 3_000.0, 100)
    short = network(root / "short", 200.0, 1000)
    names = ("two", "eight", "mpiexec", "ended", "seeds", "alone")
    found = Jobs(**{name: root / name for name in names}, short=short)
    cut = ["submit", str(long), "--signal-before", str(BEFORE_S), "--checkpoint-every", "200", "--time"]
    assert main([*cut, "1", "--nodes", "2", "--output", str(found.two)]) == 0
    assert main([*cut, "1", "--nodes", "8", "--output", str(found.eight)]) == 0
    assert main([*cut, "5", "--nodes", "2", "--launcher", "mpiexec", "--output", str(found.mpiexec)]) == 0
    when_begun(
        {found.two: ["--signal=STOP"], found.eight: ["--signal=STOP"], found.mpiexec: ["--batch", "--signal=USR1"]}
    )
    sweep = ["submit", str(short), "--time", "5", "--seeds", f"{SEEDS[0]}-{SEEDS[-1]}", "--output", str(found.seeds)]
    assert main([*sweep, "--at-once", "2"]) == 0
    assert main(["run", str(long), "--output", str(found.alone), "--quiet"]) == 0
    for folder in (found.two, found.eight):
        time.sleep(max(0.0, journal.read(folder)[0].begin_s + DUE_S - time.time()))
        give_time(folder)
        scancel(folder, ["--signal=CONT"])
    assert main([*cut, "5", "--output", str(found.ended)]) == 0
    when_begun({found.ended: []})
    for folder in (found.two, found.eight, found.mpiexec, found.ended, found.seeds):
        wait_for(folder, "finished", partial(finished, folder), seconds=240, step_s=0.5)
    return found


def when_begun(words: dict[Path, list[str]]) -> None:
    """Call scancel for jobs in the middle of the run: once they have written their first checkpoint."""
    waiting = list(words)

    def told() -> bool:
        for folder in [each for each in waiting if list((each / "checkpoints").glob("ck-*"))]:
            scancel(folder, words[folder])
            waiting.remove(folder)
        return not waiting

    wait_for(waiting[0], "begun, or another", told, seconds=120, step_s=0.02)


def only(folder: Path) -> Row:
    [row] = collect(folder)
    return row


@pytest.mark.parametrize("nodes", ["two", "eight", "mpiexec"])
def test_a_job_that_is_cut_off_gives_the_spikes_of_a_plain_run(jobs: Jobs, nodes: str) -> None:
    folder: Path = getattr(jobs, nodes)
    row = only(folder)
    assert row.state == "done", said(folder)
    *before, last = [each.status for each in journal.read(folder)]
    assert set(before) == {85}, said(folder)
    assert last == 0
    alone = spikes_in(jobs.alone / "spikes.h5")
    assert alone is not None
    assert alone.spikes_n > 500
    assert row.spikes == alone


def test_a_job_that_is_ended_by_hand_stays_ended(jobs: Jobs) -> None:
    assert only(jobs.ended).state == "cut off", said(jobs.ended)
    assert len(journal.read(jobs.ended)) == 1


def test_an_array_of_seeds_is_collected_into_one_table(jobs: Jobs, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    assert main(["collect", str(jobs.seeds), "--table", str(table)]) == 0, said(jobs.seeds)
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    assert [(row["seed"], row["state"], row["t_ms"]) for row in rows] == [(str(s), "done", "200") for s in SEEDS]
    assert len({row["spikes_sha256"] for row in rows}) == len(SEEDS)
    assert main(["run", str(jobs.seeds / "configs/0007.json"), "--output", str(tmp_path / "seven"), "--quiet"]) == 0
    alone = spikes_in(tmp_path / "seven/spikes.h5")
    assert alone is not None
    assert alone.sha256 == rows[7]["spikes_sha256"]


def test_slurm_is_asked_without_handing_anything_in(
    cluster: Cluster, jobs: Jobs, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["submit", str(jobs.short), "--time", "5", "--output", str(tmp_path / "job"), "--test"]
    assert main([*words, "--nodes", "8", "--tasks-per-node", "4", "--mem", "100M", "--seeds", "0-3"]) == 0
    assert "to start at" in capsys.readouterr().out
    assert main([*words, "--nodes", "9"]) == 2
    assert "sbatch would not take" in capsys.readouterr().err
    assert not (tmp_path / "job").exists()
