"""Outputs of several processes: the same as of one, data set by data set; what is left when a process fails."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import InstabilityError, OutputError
from neurosim.hpc.crowd import crowd, together
from neurosim.sonata.agreement import ElsewhereError
from neurosim.sonata.circuit import read
from neurosim.sonata.merge import merge
from neurosim.sonata.outfile import open_output
from neurosim.sonata.rank_files import FOLDER, Leg, stretches
from neurosim.sonata.report import ElementReport
from neurosim.sonata.session import Session
from neurosim.sonata.writer import write
from tests.parallel_outputs import circuit, content, differing, run
from tests.sonata_circuit import change
from tests.written_network import coupled

RANKS = (2, 3, 5)
"""Of four cells: with five, one process has none."""


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return circuit(tmp_path_factory.mktemp("circuit"))


@pytest.fixture(scope="module")
def one(config: Path) -> Path:
    """Outputs of one process."""
    outcome = run(config, config.parent / "one")
    assert outcome.spikes_n > 3
    return config.parent / "one"


@pytest.mark.parametrize("ranks", RANKS)
def test_outputs_are_those_of_one_process_bit_for_bit(config: Path, one: Path, ranks: int) -> None:
    folder = config.parent / f"of{ranks}"
    outcomes = together(crowd(ranks), lambda exchange: run(config, folder, exchange))
    assert differing(one, folder) == []
    assert len(list(folder.rglob("*.h5"))) >= 10
    assert not (folder / FOLDER).exists()
    assert outcomes[0].files
    assert not any(outcome.files for outcome in outcomes[1:])


@pytest.mark.parametrize(("order", "more"), [("id", 3), ("none", 2)])
def test_spikes_come_in_the_order_asked_for(config: Path, order: str, more: int) -> None:
    other = circuit(config.parent / f"order_{order}", tstop_ms=12.0)
    change(other, "output.spikes_sort_order", order)
    change(other, "reports", {})
    run(other, other.parent / "one")
    together(crowd(more), lambda exchange: run(other, other.parent / "many", exchange))
    assert differing(other.parent / "one", other.parent / "many") == []


@pytest.mark.parametrize("mutual", [True, False])
def test_coupled_cells_of_different_processes_see_one_another(tmp_path: Path, mutual: bool) -> None:
    step = {"input_type": "current_clamp", "module": "IClamp", "node_set": [0], "amp": 0.3, "delay": 1.0, "duration": 5}
    write(
        coupled("soma(0.5)", mutual=mutual), tmp_path, run={"tstop_ms": 6.0, "dt_ms": 0.1}, inputs={"step": step},
        reports={"v": {"cells": "cells", "variable_name": "v", "sections": "all"}}, extensions=True,
    )  # fmt: skip
    config = tmp_path / "config.json"
    run(config, tmp_path / "one")

    def work(exchange: Any) -> None:
        exchange.owners = lambda costs, sets, places: (np.arange(len(costs)) % 2).astype(np.int32)
        run(config, tmp_path / "two", exchange)

    together(crowd(2), work)
    assert differing(tmp_path / "one", tmp_path / "two") == []
    with h5py.File(tmp_path / "one/v.h5") as file:
        values, first = file["report/cells/data"][()], file["report/cells/mapping/index_pointer"][1]
        assert (np.ptp(values[:, int(first) :], axis=0) > 1e-4).all()  # the step reaches the others


def test_files_of_ranks_are_sonata_files_of_their_cells(config: Path, one: Path) -> None:
    folder = config.parent / "kept"

    def stop(exchange: Any) -> list[int]:
        session = Session(read(config, output_dir=folder, exchange=exchange))
        session._finish = lambda: []  # type: ignore[method-assign]
        session.run(progress=False)
        session._abandon()
        return [int(g) for g in session.circuit.gids if session.circuit.owns(int(g))]

    own = together(crowd(2), stop)
    whole = content(one / "soma_v.h5")
    for rank in (0, 1):
        place = folder / FOLDER / f"leg-000-from-0/rank-0000{rank}"
        with open_output(place / "00-soma_v.h5") as file:
            nodes = file["report/cells/mapping/node_ids"][()]
            values = file["report/cells/data"][()]
        assert nodes.tolist() == [gid - 2 for gid in own[rank] if gid >= 2]
        expected = np.frombuffer(whole["report/cells/data"][1][2]).reshape(whole["report/cells/data"][1][1])
        assert np.array_equal(values, expected[:, nodes.astype(int)])
    made = merge(folder)
    assert made.t_ms == 20.0
    assert [name for name in differing(one, folder) if "config" not in name] == []


class Full:
    """A disk that is full for the files of one rank, from some call on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, rank: int, calls: int) -> None:
        self.left, self.lock = calls, threading.Lock()
        plain = os.posix_fallocate

        def reserve(handle: int, offset: int, size: int) -> None:
            where = os.readlink(f"/proc/self/fd/{handle}")
            if f"rank-0000{rank}" in where and where.endswith("spikes.h5.partial"):
                with self.lock:
                    self.left -= 1
                if self.left < 0:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            plain(handle, offset, size)

        monkeypatch.setattr(os, "posix_fallocate", reserve)


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="space is reserved with posix_fallocate")
def test_a_full_disk_in_one_process_ends_all_and_loses_nothing(
    config: Path, one: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, said = config.parent / "full", dict[int, BaseException]()
    Full(monkeypatch, rank=1, calls=2)

    def work(exchange: Any) -> None:
        try:
            run(config, folder, exchange)
        except (OutputError, ElsewhereError) as error:
            said[exchange.rank] = error

    together(crowd(3), work)
    assert [type(said[rank]) for rank in range(3)] == [ElsewhereError, OutputError, ElsewhereError]
    assert "rank-00001" in str(said[1])
    assert "MB are free" in str(said[1])
    assert "up to t=9 ms are safe" in str(said[1])
    monkeypatch.undo()
    assert merge(folder).t_ms == 9.0
    for name, data in (("soma_v", "report/cells/data"), ("potential", "ecp/data"), ("clamp", "data")):
        with h5py.File(folder / f"{name}.h5") as file, h5py.File(one / f"{name}.h5") as whole:
            assert file[data].shape[0] == 90
            assert np.array_equal(file[data][()], whole[data][:90])
    with h5py.File(folder / "spikes.h5") as file, h5py.File(one / "spikes.h5") as whole:
        times = whole["spikes/cells/timestamps"][()]
        assert file["spikes/cells/timestamps"][()].tolist() == times[times <= 9.0].tolist()


def test_a_rank_that_dies_within_a_block_leaves_the_blocks_before(
    config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class DiedError(Exception):
        """No word to anybody."""

    folder, plain = config.parent / "died", ElementReport.take

    def take(report: ElementReport, before: int, after: int) -> None:
        if before == 90 and "rank-00001" in str(report.path) and "late" in report.path.name:
            raise DiedError
        plain(report, before, after)

    monkeypatch.setattr(ElementReport, "take", take)
    with pytest.raises(DiedError):
        together(crowd(2), lambda exchange: run(config, folder, exchange))
    monkeypatch.undo()
    assert merge(folder, keep=True).t_ms == 9.0
    with h5py.File(folder / "all_v.h5") as file:
        assert np.isfinite(file["report/cells/data"][()]).all()
    next((folder / FOLDER).rglob("rank-00001/spikes.h5*")).unlink()
    with pytest.raises(OutputError, match=r"rank-00001/spikes.h5: is missing"):
        merge(folder, until_step=90)


def test_a_report_that_would_be_empty_is_refused_in_all(tmp_path: Path) -> None:
    config = circuit(tmp_path)
    change(config, "reports.g.syn_type", "StpSyn")
    said: list[str] = []

    def work(exchange: Any) -> None:
        try:
            read(config, exchange=exchange)
        except Exception as error:
            said.append(str(error))

    together(crowd(2), work)
    assert len(said) == 2
    assert all("no synapse of the chosen cells is a 'StpSyn'" in text for text in said)


def test_a_rank_that_becomes_unstable_says_so_and_leaves_what_led_there(tmp_path: Path) -> None:
    config = circuit(tmp_path)
    change(config, "inputs.step.node_set", [5])
    change(config, "inputs.step.amp", 1e9)
    with pytest.raises(InstabilityError, match="gid"):
        together(crowd(2), lambda exchange: run(config, tmp_path / "out", exchange))
    spikes = list((tmp_path / "out" / FOLDER).rglob("spikes.h5.partial"))
    assert len(spikes) == 2


def test_a_later_leg_cuts_the_earlier_ones_off() -> None:
    legs = [Leg(Path(str(k)), first, 1, k) for k, first in enumerate((0, 30, 60, 20))]
    found = [(leg.number, first, last) for leg, first, last in stretches(legs, 80)]
    assert found == [(0, 0, 20), (3, 20, 80)]
    assert [leg.number for leg, _, _ in stretches(legs[:3], 45)] == [0, 1]
