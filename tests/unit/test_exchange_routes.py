"""Every way of spikes between processes, played by threads: the same spikes for any number of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from neurosim.errors import NeurosimError, SimulationError
from neurosim.hpc import choose
from neurosim.hpc.crowd import crowd, crowd_comms, together
from neurosim.hpc.neighbour import Neighbour
from neurosim.hpc.parallel import KINDS, ParallelExchange
from neurosim.hpc.route import Terms
from neurosim.hpc.tally import Tally
from tests.invented_spikes import Storm


@pytest.fixture(scope="module")
def storm() -> Storm:
    return Storm()


@pytest.fixture(scope="module")
def heard(storm: Storm) -> dict[int, str]:
    return storm.heard_by_all()


def _hear(storm: Storm, members: list[ParallelExchange]) -> tuple[dict[int, str], list[dict[str, float]]]:
    """Return what all cells heard, and the counts of all ranks."""
    owner = storm.owners(len(members))
    found = together(members, lambda exchange: (storm.hear(exchange, owner), exchange.settle().facts()))
    everything: dict[int, str] = {}
    for part, _ in found:
        everything |= part
    return everything, [facts for _, facts in found]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ranks_n", [1, 2, 7, 41])
def test_cells_hear_the_same_spikes_in_the_same_order(
    kind: str, ranks_n: int, storm: Storm, heard: dict[int, str]
) -> None:
    members = crowd(ranks_n, kind, node_of=[rank // 3 for rank in range(ranks_n)])
    found, facts = _hear(storm, members)
    assert found == heard
    for what in ("spikes", "B"):
        assert sum(f[f"sent_{what}"] for f in facts) == sum(f[f"received_{what}"] for f in facts)


def test_machines_may_have_other_numbers_of_ranks_and_ranks_may_be_scattered(
    storm: Storm, heard: dict[int, str]
) -> None:
    assert _hear(storm, crowd(9, "two-level", node_of=[5, 1, 5, 5, 0, 1, 5, 0, 2]))[0] == heard


@pytest.mark.parametrize("kind", KINDS[1:])
def test_messages_longer_than_their_room_arrive(kind: str) -> None:
    storm = Storm(cells_n=900, windows_n=4, burst_every=2)
    facts = _hear(storm, crowd(4, kind, node_of=[0, 0, 1, 1]))[1]
    found, _ = _hear(storm, crowd(4, kind, node_of=[0, 0, 1, 1]))
    assert found == storm.heard_by_all()
    calls = _hear(Storm(cells_n=9, windows_n=4), crowd(4, kind, node_of=[0, 0, 1, 1]))[1][0]["calls"]
    assert facts[0]["calls"] > calls


def test_trials_change_the_way_and_not_the_spikes(
    storm: Storm, heard: dict[int, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    ways: list[list[str]] = []

    class Noted(choose.Chosen):
        def start(self, times_ms: Any, gids: Any) -> None:
            super().start(times_ms, gids)
            ways[self._comm.rank].append(self.name)

    monkeypatch.setattr("neurosim.hpc.parallel.Chosen", Noted)
    monkeypatch.setattr(choose, "_FIRST", 70)
    ways.extend([] for _ in range(4))
    assert _hear(storm, crowd(4, "auto", node_of=[0, 0, 1, 1]))[0] == heard
    assert ways.count(ways[0]) == 4
    tried = [f"auto: {name}" for name in KINDS[1:] for _ in range(choose.TRIAL)]
    assert ways[0][:48] == tried
    assert len(set(ways[0][48:70])) == 1
    assert ways[0][70:118] == tried


def test_the_cheapest_way_is_chosen_by_all(monkeypatch: pytest.MonkeyPatch) -> None:
    class Slow:
        meets = True

        def __init__(self, name: str) -> None:
            self.name = name

        def start(self, times_ms: Any, gids: Any) -> None:
            clock[0] += {"dear": 50, "cheap": 20, "middling": 30}[self.name]

        def finish(self) -> Any:
            return np.zeros(0), np.zeros(0, np.int64)

        def close(self) -> None:
            pass

    clock = [0]
    monkeypatch.setattr("time.perf_counter_ns", lambda: clock[0])
    chosen = choose.Chosen(crowd_comms(1)[0], [Slow("dear"), Slow("cheap"), Slow("middling")])
    for _ in range(3 * choose.TRIAL + 1):
        chosen.start(np.zeros(0), np.zeros(0, np.int64))
        chosen.finish()
    assert chosen.name == "auto: cheap"


def test_directories_are_transposes_and_name_who_asked(storm: Storm) -> None:
    ranks_n = 6
    owner = storm.owners(ranks_n)

    def directory(comm: Any) -> Neighbour:
        needed = storm.needed(owner, comm.rank)
        return Neighbour(Terms(comm, owner, needed[owner[needed] != comm.rank], Tally()))

    found = together(crowd_comms(ranks_n), directory)
    asked = np.array([route.asked for route in found])
    np.testing.assert_array_equal(asked, np.array([route.answered for route in found]).T)
    assert asked.sum() > 0
    for rank, route in enumerate(found):
        for place, gid in enumerate(np.flatnonzero(owner == rank).tolist()):
            who = [r for r in range(ranks_n) if r != rank and gid in storm.needed(owner, r)]
            assert route.targets(place).tolist() == who


def test_spikes_go_only_to_ranks_that_asked() -> None:
    owner = np.array([0, 1, 2], np.int32)

    def hear(exchange: ParallelExchange) -> tuple[list[int], float]:
        exchange.connect(owner, np.array([0] if exchange.rank == 1 else [], np.int64))
        exchange.start(np.array([0.5]), np.array([exchange.rank]))
        return exchange.finish()[1].tolist(), exchange.traffic.sent_spikes

    assert together(crowd(3, "neighbour"), hear) == [([0], 1), ([0, 1], 0), ([2], 0)]


@pytest.mark.parametrize("kind", ["neighbour", "two-level"])
def test_hundreds_of_ranks(kind: str) -> None:
    storm = Storm(cells_n=150, windows_n=3)
    found, _ = _hear(storm, crowd(257, kind, node_of=[rank // 20 for rank in range(257)]))
    assert found == storm.heard_by_all()


def test_connecting_again_starts_anew(storm: Storm, heard: dict[int, str]) -> None:
    members = crowd(3, "neighbour")
    _hear(Storm(cells_n=12, windows_n=3), members)
    assert _hear(storm, members)[0] == heard


def test_short_messages_between_windows() -> None:
    def talk(exchange: ParallelExchange) -> tuple[bytes, list[bytes], float]:
        exchange.barrier()
        word = b"x" * exchange.rank
        return exchange.tell(word + b"!"), exchange.gather(word), exchange.smallest(5.0 - exchange.rank)

    assert together(crowd(3), talk) == [(b"!", [b"", b"x", b"xx"], 3.0), (b"!", [], 3.0), (b"!", [], 3.0)]


def test_owners_are_those_of_the_partition() -> None:
    costs = np.array([3.0, 1.0, 1.0, 1.0])
    for owner in together(crowd(2), lambda exchange: exchange.owners(costs, [], None)):
        np.testing.assert_array_equal(owner == owner[0], [True, False, False, False])


def test_mistakes_are_told() -> None:
    with pytest.raises(NeurosimError, match=r"kind='carrier' is not allowed; it must be one of auto, allgather"):
        crowd(2, "carrier")
    with pytest.raises(SimulationError, match="0 to 3 given, ranks are 0 to 1"):
        together(crowd(2), lambda e: e.connect(np.array([0, 3], np.int32), np.zeros(0, np.int64)))
    with pytest.raises(SimulationError, match=r"before connect\(\)"):
        together(crowd(2), lambda e: e.start(np.zeros(0), np.zeros(0, np.int64)))


def test_one_who_fails_frees_the_others() -> None:
    def work(exchange: ParallelExchange) -> None:
        if exchange.rank == 2:
            raise ValueError("no")
        exchange.smallest(1.0)

    with pytest.raises(ValueError, match="no"):
        together(crowd(3), work)


def test_voltages_reach_who_wants_them() -> None:
    owner = np.array([1, 0, 2, 0, 1], np.int32)
    wanted = {0: [4, 0], 1: [3, 2, 1, 3], 2: []}

    def work(exchange: ParallelExchange) -> list[list[float]]:
        gids = np.array(wanted[exchange.rank], np.int64)
        link = exchange.link(owner, gids, np.arange(len(gids)))
        swaps = [link.swap(100.0 * link.sent_gids + link.sent_nodes + 0.25 * k) for k in range(2)]
        assert exchange.traffic.swaps == 2
        return [swap.tolist() for swap in swaps]

    found = together(crowd(3), work)
    for rank, gids in wanted.items():
        for k in range(2):
            assert found[rank][k] == [100.0 * gid + node + 0.25 * k for node, gid in enumerate(gids)]


def test_the_last_to_come_waits_for_nobody() -> None:
    spent = {0: [1.0, 5.0, 4.0], 1: [3.0, 2.0, 7.0], 2: [np.inf, 6.0, 9.0]}

    def work(comm: Any) -> tuple[float, float]:
        tally = Tally()
        for seconds in spent[comm.rank]:
            meets = bool(np.isfinite(seconds))
            tally.calling_s += seconds if meets else 0.0
            tally.end_window(comm, meets=meets)
        tally.settle(comm)
        return tally.exchanging_s, tally.waiting_s

    assert together(crowd_comms(3), work) == [(7.0, 3.0), (7.0, 5.0), (7.0, 8.0)]
