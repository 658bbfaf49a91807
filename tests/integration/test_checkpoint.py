"""Checkpoints: another number of processes goes on with the same bits; damage, kills, full disks and other models.

Processes are threads of this one (``neurosim.hpc.crowd``), but for those that are killed.

Kind of evidence: invariance (restart), faults.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurosim as ns
from neurosim.engine.bygid import Arrays, differences, digest, merged
from neurosim.engine.state import state_of
from neurosim.errors import OutputError, SimulationError
from neurosim.exchange import Exchange, SerialExchange
from neurosim.hpc import checkpoint, part_file
from neurosim.hpc.crowd import crowd, together
from neurosim.hpc.parallel import ParallelExchange
from tests.integration.test_events_invariance import DT, Net, random_net, trees

CUT, UNTIL = 203, 400
"""Step of the checkpoint, in the middle of a window, and of the end."""

Spikes = list[tuple[float, int]]
ROOT = Path(__file__).parents[2]


@cache
def net() -> Net:
    return random_net(0, chance=True)


def simulation(exchange: Exchange | None = None, threads: int = 1, **changed: Any) -> ns.Simulation:
    model = replace(net(), **{k: changed.pop(k) for k in ("cells", "connections") if k in changed})
    options = {"dt_ms": DT, "seed": 7, **changed}
    return ns.Simulation(
        model.cells,
        connections=model.connections,
        couplings=model.couplings,
        exchange=exchange,
        threads=threads,
        **options,
    )


def spikes(sim: ns.Simulation) -> Spikes:
    found = sim.spikes.sorted()
    return list(zip(found.times_ms.tolist(), found.gids.tolist(), strict=True))


@cache
def whole() -> tuple[Spikes, Spikes, str]:
    """Return the spikes until and after the cut of a run at once, and the digest of its final state."""
    sim = simulation()
    sim.run(until_ms=CUT * DT, progress=False)
    before = spikes(sim)
    sim.run(until_ms=UNTIL * DT, progress=False)
    return before, spikes(sim)[len(before) :], digest(sim.state())


def begun(folder: Path, exchange: Exchange | None = None, cut: int = CUT) -> Spikes:
    sim = simulation(exchange)
    sim.run(until_ms=cut * DT, progress=False)
    assert checkpoint.write(folder, sim, extra={"run": "a"}) == folder / f"ck-{cut}"
    return spikes(sim)


def ended(folder: Path, exchange: Exchange | None = None, threads: int = 1) -> tuple[Spikes, Arrays]:
    sim = simulation(exchange, threads)
    path = checkpoint.newest(folder, tell=pytest.fail)
    assert path is not None and checkpoint.load(path, sim) == {"run": "a"} and sim.step == CUT
    sim.run(until_ms=UNTIL * DT, progress=False)
    return spikes(sim), state_of(sim.build())


def exchanges(n: int, kind: str, overlap: bool) -> list[ParallelExchange] | list[SerialExchange]:
    return [SerialExchange()] if n == 1 else crowd(n, kind, overlap=overlap)


@pytest.mark.parametrize(
    ("writers", "readers", "kind", "overlap"),
    [
        (1, 1, "auto", False),
        (3, 2, "neighbour", False),
        (2, 3, "allgather", True),
        (4, 1, "two-level", True),
        (1, 5, "auto", True),
    ],
)
def test_any_number_of_processes_goes_on_the_same(
    writers: int, readers: int, kind: str, overlap: bool, tmp_path: Path
) -> None:
    first = together_or_alone(exchanges(writers, kind, overlap), lambda ex: begun(tmp_path, ex))
    manifest = checkpoint.read_manifest(tmp_path / f"ck-{CUT}")
    assert len(manifest["files"]) == writers and manifest["step"] == CUT
    threads = 2 if readers == 1 else 1
    second = together_or_alone(exchanges(readers, kind, overlap), lambda ex: ended(tmp_path, ex, threads))
    before, after, final = whole()
    assert sorted(s for part in first for s in part) == sorted(before)
    assert sorted(s for part, _ in second for s in part) == sorted(after)
    assert digest(merged([state for _, state in second])) == final


def test_coupled_cells_may_be_torn_apart_and_processes_may_be_idle(tmp_path: Path) -> None:
    n = len(net().cells)

    def first(exchange: Exchange) -> None:
        sim = simulation(exchange, owner=(np.arange(n) % 2).astype(np.int32))
        sim.run(until_ms=CUT * DT, progress=False)
        checkpoint.write(tmp_path, sim, extra={"run": "a"})

    def second(exchange: Exchange) -> tuple[Spikes, Arrays]:
        # Process 1 of 4 has no cell.
        owner = np.array([0, 2, 3], np.int32)[np.arange(n) % 3]
        sim = simulation(exchange, owner=owner)
        checkpoint.load(tmp_path / f"ck-{CUT}", sim)
        sim.run(until_ms=UNTIL * DT, progress=False)
        return spikes(sim), state_of(sim.build())

    together(crowd(2, "neighbour"), first)
    found = together(crowd(4, "allgather"), second)
    assert sorted(s for part, _ in found for s in part) == sorted(whole()[1])
    assert digest(merged([state for _, state in found])) == whole()[2]


def together_or_alone(members: list[Any], work: Any) -> list[Any]:
    return [work(members[0])] if len(members) == 1 else together(members, work)


def test_two_are_kept_and_those_of_another_run_are_removed(tmp_path: Path) -> None:
    for step in (300, 20, 40, 60):
        begun(tmp_path, cut=step)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ck-40", "ck-60"]
    assert checkpoint.newest(tmp_path) == tmp_path / "ck-60"
    assert checkpoint.newest(tmp_path / "ck-40") == tmp_path / "ck-40"
    assert checkpoint.newest(tmp_path / "nothing") is None
    begun(tmp_path, cut=60)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["ck-40", "ck-60"]


# --- damage -----------------------------------------------------------------------------------------------------------


def _shorter(path: Path) -> None:
    with (path / "part-0.h5").open("r+b") as stream:
        stream.truncate(1000)


def _other(path: Path) -> None:
    data = bytearray((path / "part-0.h5").read_bytes())
    data[len(data) // 2] ^= 1
    (path / "part-0.h5").write_bytes(data)


def _text(path: Path) -> None:
    (path / "manifest.json").write_text("{", encoding="utf-8")


def _older(path: Path) -> None:
    (path / "manifest.json").write_text('{"format": "neurosim checkpoint 0"}', encoding="utf-8")


def _gone(path: Path) -> None:
    (path / "part-0.h5").unlink()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (_shorter, "part-0.h5 has 1000 bytes in place of"),
        (_other, "part-0.h5 has another SHA-256"),
        (_text, "manifest.json: cannot be read"),
        (_older, "another version"),
        (_gone, "part-0.h5 is missing"),
    ],
)
def test_a_damaged_checkpoint_is_passed_over(damage: Any, said: str, tmp_path: Path) -> None:
    for step in (20, 40):
        begun(tmp_path, cut=step)
    damage(tmp_path / "ck-40")
    heard: list[str] = []
    assert checkpoint.newest(tmp_path, heard.append) == tmp_path / "ck-20"
    assert len(heard) == 1 and heard[0].startswith("checkpoint ck-40 is passed over") and said in heard[0]


PROGRAM = """
import os, signal, sys
from pathlib import Path
from neurosim.hpc import checkpoint, part_file
from tests.integration.test_checkpoint import simulation, DT
folder, place = Path(sys.argv[1]), sys.argv[2]
sim = simulation()
for step in (20, 30):
    sim.run(until_ms=step * DT, progress=False)
    checkpoint.write(folder, sim)
sim.run(until_ms=40 * DT, progress=False)

def killed(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if place == "part":  # in the middle of a file
    write, n = part_file._write_at, []
    def slower(*a):
        n.append(1)
        return killed() if len(n) > 9 else write(*a)
    part_file._write_at = slower
elif place == "manifest":
    checkpoint._sync = killed
elif place == "tidy":
    checkpoint.shutil.rmtree = killed
checkpoint.write(folder, sim)
"""


@pytest.mark.parametrize(("place", "left"), [("part", "ck-30"), ("manifest", "ck-30"), ("tidy", "ck-40")])
def test_a_kill_while_one_is_written_leaves_one_that_is_whole(place: str, left: str, tmp_path: Path) -> None:
    run(place, tmp_path, -9)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert len(names) == 3 and names[0].startswith(".ck-") and names[-1] == left
    path = checkpoint.newest(tmp_path, tell=pytest.fail)
    assert path == tmp_path / left
    sim = simulation()
    checkpoint.load(path, sim)
    sim.run(until_ms=60 * DT, progress=False)
    # What was left is removed with the next.
    checkpoint.write(tmp_path, sim)
    assert sorted(p.name for p in tmp_path.iterdir()) == [left, "ck-60"]


def run(place: str, folder: Path, code: int) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(folder), place],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done.stderr


# --- no room ----------------------------------------------------------------------------------------------------------


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path, cut=20)

    def full(descriptor: int, first: int, size: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    sim = simulation()
    sim.run(until_ms=40 * DT, progress=False)
    with pytest.raises(OutputError, match=r"part-0\.h5.*No space left on device; it needs [\d.]+ [kMG]B and .* free"):
        checkpoint.write(tmp_path, sim)
    assert [p.name for p in tmp_path.iterdir()] == ["ck-20"]
    assert checkpoint.newest(tmp_path, tell=pytest.fail) == tmp_path / "ck-20"
    monkeypatch.undo()
    checkpoint.write(tmp_path, sim)
    assert checkpoint.newest(tmp_path) == tmp_path / "ck-40"


def test_a_disk_that_fills_while_it_is_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    begun(tmp_path, cut=20)
    sim = simulation()
    sim.run(until_ms=40 * DT, progress=False)
    written = os.pwrite

    def full(descriptor: int, data: Any, at: int) -> int:
        if at > 20_000:
            raise OSError(errno.EDQUOT, os.strerror(errno.EDQUOT))
        return written(descriptor, data[:7], at)

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(OutputError, match=r"part-0\.h5.*cannot be written: Disk quota exceeded; it needs"):
        checkpoint.write(tmp_path, sim)
    assert [p.name for p in tmp_path.iterdir()] == ["ck-20"]


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own of 500 kB."""
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    command = [str(mount), "-t", "tmpfs", "-o", "size=500k", "tmpfs", str(place)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("only root makes a small disk here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_what_does_not_fit_on_a_small_disk_leaves_what_is_there(small: Path) -> None:
    begun(small, cut=20)
    (small / "other").write_bytes(bytes(shutil.disk_usage(small).free - 30_000))
    sim = simulation()
    sim.run(until_ms=40 * DT, progress=False)
    with pytest.raises(OutputError, match=r"No space left on device; it needs \d+ kB and \d+ kB are free"):
        checkpoint.write(small, sim)
    assert sorted(p.name for p in small.iterdir()) == ["ck-20", "other"]
    assert checkpoint.newest(small, tell=pytest.fail) == small / "ck-20"
    (small / "other").unlink()
    checkpoint.write(small, sim)
    assert checkpoint.newest(small, tell=pytest.fail) == small / "ck-40"


def test_one_process_without_room_stops_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reserve = checkpoint._reserve

    def full(part: Path, size: int) -> None:
        if part.name == "part-1.h5":
            raise OutputError(part, "no room")
        reserve(part, size)

    monkeypatch.setattr(checkpoint, "_reserve", full)

    def work(exchange: Exchange) -> str:
        with pytest.raises(SimulationError) as error:
            begun(tmp_path, exchange, cut=20)
        return str(error.value)

    said = together(crowd(3), work)
    assert "no room" in said[1] and all("another process" in said[k] for k in (0, 2))
    assert list(tmp_path.iterdir()) == []


# --- another model ----------------------------------------------------------------------------------------------------


def _heavier() -> dict[str, Any]:
    first, *rest = net().connections
    weight = first.weight.copy()
    weight[3] *= 1.5
    return {"connections": (replace(first, weight=weight), *rest)}


def _fewer() -> dict[str, Any]:
    first, *rest = net().connections
    return {"connections": (first.rows(np.arange(len(first) - 1)), *rest)}


def _stronger() -> dict[str, Any]:
    """Put other channels into one cell of the same tree."""
    weak, strong = trees()[:2]
    first = net().cells.index(weak)
    return {"cells": (*net().cells[:first], strong, *net().cells[first + 1 :])}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (lambda: {"seed": 8}, "seed is 7 there and 8 here"),
        (lambda: {"dt_ms": 2 * DT}, r"dt_ms is 0\.025 there and 0\.05 here"),
        (_heavier, "connections ExpSyn: other values or places"),
        (_fewer, "connections ExpSyn: 40 there and 39 here"),
        (_stronger, "cells: other values or places"),
    ],
)
def test_a_checkpoint_of_another_model_is_refused(changed: Any, said: str, tmp_path: Path) -> None:
    begun(tmp_path, cut=20)
    sim = simulation(**changed())
    with pytest.raises(SimulationError, match=said):
        checkpoint.load(tmp_path / "ck-20", sim)
    assert sim.step == 0


def test_rows_in_another_order_are_the_same_model() -> None:
    from neurosim.hpc.fingerprint import fingerprint

    first, *rest = net().connections
    turned = simulation(connections=(*rest, first.rows(np.arange(len(first))[::-1])))
    assert fingerprint(turned.build().request) == fingerprint(simulation().build().request)


def test_a_file_is_read_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part_file, "GAP_ROWS", 1)
    begun(tmp_path, cut=20)
    path = tmp_path / "ck-20" / "part-0.h5"
    every = part_file.read_part(path, lambda table: np.arange(len(net().cells)))
    sim = simulation()
    checkpoint.load(tmp_path / "ck-20", sim)
    assert differences(every, sim.state()) == []
    some = part_file.read_part(path, lambda table: np.array([1, 5, 6, 20]))
    assert set(some["cell/gid"].tolist()) < {1, 5, 6, 20} and len(some["cell/gid"]) > 1
    rest = np.setdiff1d(np.arange(len(net().cells)), [1, 5, 6, 20])
    assert differences(merged([some, part_file.read_part(path, lambda table: rest)]), every) == []


def test_the_manifest_tells_what_it_is(tmp_path: Path) -> None:
    together(crowd(2), lambda exchange: begun(tmp_path, exchange, cut=20))
    found = json.loads((tmp_path / "ck-20" / "manifest.json").read_text(encoding="utf-8"))
    assert found["seed"] == 7 and found["dt_ms"] == DT and found["cells"] == len(net().cells)
    assert sum(facts["cells"] for facts in found["files"].values()) == len(net().watched) + 8
    assert found["model"]["spike trains"][0] == 6 and found["model"]["connections STDP"][0] == 40
