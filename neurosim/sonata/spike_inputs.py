"""Inputs that are spikes.

    input_type     module                   what
    spikes         h5, sonata, csv, nwb     virtual nodes of ``node_set`` fire at the times of ``input_file``
    replay         replay                   spikes of ``spikes_file`` arrive through the edges of ``edges``, as further
                                            synapses
    syn_activity   syn_activity             recurrent synapses act at ``timestamps`` where ``precell_filter`` and
                                            ``postcell_filter`` fit; no other recurrent synapse acts

Edges of a virtual population are wired when the first input drives it; a node that several inputs name fires at all
their times. Rules: sonata-v1.md B6 and B8; BMTK 1.2 bionet for replay and syn_activity.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.exchange import Exchange
from neurosim.model.connections import Connections
from neurosim.model.point import SpikeTrain
from neurosim.sonata.agreement import largest
from neurosim.sonata.config import Config
from neurosim.sonata.edge_files import read_edges_file
from neurosim.sonata.edges import EdgePopulation
from neurosim.sonata.entry import Entry
from neurosim.sonata.inputs import SPIKES
from neurosim.sonata.node_sets import NodeSets
from neurosim.sonata.pairs import Floats, Mask, Pair, by_node, of_cells, of_virtual
from neurosim.sonata.roster import VIRTUAL, Member, Roster
from neurosim.sonata.spike_files import KEYS, MODULES, Spikes, read_spikes_of
from neurosim.sonata.wiring import Wiring

COMMON = {"module", "input_type", "node_set", "enabled"}
REPLAY = {"spikes_file", "edges", "source_node_set", "target_node_set"}
SYN_ACTIVITY = {"precell_filter", "postcell_filter", "timestamps"}
SILENT = SpikeTrain()


def is_spikes(entry: Entry) -> bool:
    """Return whether an input is one of spikes, not an electrode."""
    return bool({str(entry.get("module", "")), str(entry.get("input_type", ""))} & SPIKES)


@dataclass
class Sources:
    """Cells that are only sources: virtual nodes, and trains that no node stands for.

    Parameters
    ----------
    first : int
        Number of the first cell after the nodes.
    trains : dict
        Number of a virtual node -> pieces of its train, times in ms.
    extra : list of SpikeTrain
        Cells after the nodes.
    """

    first: int
    trains: dict[int, list[Floats]] = field(default_factory=dict)
    extra: list[SpikeTrain] = field(default_factory=list)

    def add(self, times_ms: Any) -> int:
        """Add a train that no node stands for; return its number."""
        self.extra.append(SpikeTrain(times_ms))
        return self.first + len(self.extra) - 1

    def keep(self, connections: Sequence[Connections], own: Mask) -> None:
        """Forget the spikes of sources that drive none of these connections and are not this process's.

        Parameters
        ----------
        connections : sequence of Connections
            Those of this process.
        own : bool (sources,)
            Its nodes and further sources, by number: each train is in one process at least.
        """
        heard = own.copy()
        for table in connections:
            heard[table.source_gid] = True
        self.trains = {number: pieces for number, pieces in self.trains.items() if heard[number]}
        self.extra = [train if heard[self.first + k] else SILENT for k, train in enumerate(self.extra)]

    def train(self, number: int) -> SpikeTrain:
        """Return the train of a virtual node."""
        pieces = self.trains.get(number)
        return SILENT if pieces is None else SpikeTrain(np.concatenate(pieces))


@dataclass
class SpikeInputs:
    """Wires the edges of a circuit in the order in which BMTK does.

    Parameters
    ----------
    config : Config
        Has ``inputs``.
    node_sets : NodeSets
        Node sets of the circuit.
    roster : Roster
        Numbers of cells.
    edges : list of EdgePopulation
        Populations of edges, in the order of the configuration.
    wiring : Wiring
        Gets the edges.
    """

    config: Config
    node_sets: NodeSets
    roster: Roster
    edges: list[EdgePopulation]
    wiring: Wiring

    def __post_init__(self) -> None:
        self.sources = Sources(self.roster.nodes_n)
        self.driven: dict[str, str] = {}
        self.numbers_by_gid = self.roster.gids
        self._replayed_n: list[tuple[Entry, int]] = []

    def wire(self) -> None:
        """Wire recurrent edges, then the edges that each input drives."""
        entries = [e for e in self.config.section("inputs").members() if e.flag("enabled", True) and is_spikes(e)]
        forced = [e for e in entries if "syn_activity" in (e.get("input_type", ""), e.get("module", ""))]
        if len(forced) > 1:
            forced[1].fail("", f"only one syn_activity can act, and {forced[0].key} is one; set enabled to false.")
        redirect = self._forced(forced[0]) if forced else by_node
        for edges in self.edges:
            if self.roster.members[edges.source].has(0, 1):
                self.wiring.wire(edges, redirect, keep=of_cells, cause=forced[0].key if forced else "")
        for entry in entries:
            if entry.get("module", "") == "replay" or str(entry.get("input_type", "")).startswith("replay"):
                self._replay(entry)
            elif entry not in forced:
                self._play(entry)
        self._silent()

    def _play(self, entry: Entry) -> None:
        """Give trains to virtual nodes and wire the edges of their populations."""
        entry.check_keys(COMMON | KEYS | {"input_file"})
        entry.choice("input_type", ("spikes",))
        if entry.get("module") == "function":
            entry.fail("module", "Python functions in a configuration are not run; write the spikes into a file.")
        module = MODULES[entry.choice("module", MODULES)]
        members = self._virtual(entry)
        for member, mask in members:
            name = member.population.name
            spikes = read_spikes_of(self.config, entry, "input_file", module, name)
            for row, times in self._trains(entry, "input_file", member, spikes, mask).items():
                self.sources.trains.setdefault(int(member.number[row]), []).append(times)
            if not mask[member.kind == VIRTUAL].all():
                count = int((member.kind == VIRTUAL).sum())
                self.config.notice(f"{entry.key}: {int(mask.sum())} of {count} virtual nodes of {name!r} are played")
            if name in self.driven:
                self.config.notice(f"{entry.key}: nodes of {name!r} fire at the times of {self.driven[name]}, too")
                continue
            self.driven[name] = entry.key
            for edges in self.edges:
                if edges.source == name:
                    self.wiring.wire(edges, by_node, keep=of_virtual, cause=entry.key)

    def _virtual(self, entry: Entry) -> list[tuple[Member, Mask]]:
        """Return the populations an input drives, with their chosen rows."""
        node_set = entry.get("node_set", "all")
        gids = self.node_sets.gids(node_set, entry, "node_set")
        found = []
        for member in self.roster.members.values():
            mask = np.isin(member.population.gids, gids)
            others = mask & (member.kind != VIRTUAL)
            if others.any() and node_set != "all":
                node = member.population.node_ids[np.flatnonzero(others)[0]]
                entry.fail(
                    "node_set",
                    f"names node {node} of {member.population.name!r}, which is simulated; spikes of a file drive "
                    "virtual nodes only. Use a current clamp or replay.",
                )
            mask &= member.kind == VIRTUAL
            if mask.any():
                found.append((member, mask))
        if not found:
            entry.fail("node_set", f"{node_set!r} names no virtual node; spikes of a file drive virtual nodes only.")
        return found

    def _trains(self, entry: Entry, name: str, member: Member, spikes: Spikes, mask: Mask) -> dict[int, Floats]:
        """Return row -> sorted times of the chosen rows of a population."""
        ids, times = spikes
        wrong = np.flatnonzero(~(np.isfinite(times) & (times >= 0.0)))
        if len(wrong):
            time, node = times[wrong[0]], ids[wrong[0]]
            entry.fail(name, f"node {node} fires at {time:g} ms; times must be finite and 0 or later.")
        rows = member.rows(ids)
        if (rows < 0).any():
            count = int((rows < 0).sum())
            self.config.notice(
                f"{entry.key}: {count} spikes of nodes that {member.population.name!r} lacks are not used"
            )
        keep = (rows >= 0) & mask[rows]
        rows, times = rows[keep], times[keep]
        order = np.lexsort((times, rows))
        rows, times = rows[order], times[order]
        first = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]])) if len(rows) else np.zeros(0, np.int64)
        return {int(rows[at]): part for at, part in zip(first, np.split(times, first[1:]), strict=len(rows) > 0)}

    def _replay(self, entry: Entry) -> None:
        """Add the synapses of an edges file, driven by recorded spikes."""
        entry.check_keys(COMMON | KEYS | REPLAY)
        file = Entry(entry.entry("edges", required=True).values, entry.path_of("edges"), entry.file)
        file.check_keys({"edges_file", "edge_types_file"})
        path = self.config.located(entry, "spikes_file")
        module = {".csv": "csv", ".nwb": "nwb"}.get(path.suffix.lower(), "h5")
        chosen = {
            side: self._flags(self.node_sets.gids(entry.get(f"{side}_node_set", "all"), entry, f"{side}_node_set"))
            for side in ("source", "target")
        }
        wired = 0
        for edges in read_edges_file(self.config, file, list(self.roster.members)):
            member = self.roster.members[edges.source]
            if not (
                chosen["source"][member.number].any()
                and chosen["target"][self.roster.members[edges.target].number].any()
            ):
                continue
            spikes = read_spikes_of(self.config, entry, "spikes_file", module, edges.source)
            number = np.full(len(member.population), -1, dtype=np.int32)
            for row, times in self._trains(
                entry, "spikes_file", member, spikes, chosen["source"][member.number]
            ).items():
                number[row] = self.sources.add(times)
            number[number < 0] = self.sources.add([])
            wired += self._replayed(edges, number, chosen, entry.key)
        self._replayed_n.append((entry, wired))

    def check_replay(self, exchange: Exchange) -> None:
        """Refuse replay that drives no edge of any process; collective."""
        for entry, edges_n in self._replayed_n:
            if largest(exchange, edges_n) == 0:
                entry.fail("edges", "no edge joins source_node_set and target_node_set; nothing would happen.")

    def _replayed(self, edges: EdgePopulation, number: npt.NDArray[np.int32], chosen: dict[str, Mask], key: str) -> int:
        def keep(pair: Pair) -> Mask:
            source = chosen["source"][pair.source.number[pair.source_rows]]
            wanted: Mask = source & chosen["target"][pair.number]
            return wanted

        def redirect(pair: Pair, weight: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
            return number[pair.source_rows], weight

        return self.wiring.wire(edges, redirect, keep=keep, cause=key).edges_n

    def _forced(self, entry: Entry) -> Any:
        """Return the redirection of recurrent edges that syn_activity means."""
        entry.check_keys(COMMON | SYN_ACTIVITY)
        times = entry.numbers("timestamps", unit="ms")
        if min(times) < 0:
            entry.fail("timestamps", f"must be 0 ms or later, got {min(times):g}.")
        fits = []
        for name in ("precell_filter", "postcell_filter"):
            rule = entry.get(name) if name == "precell_filter" else entry.get(name, {})
            if not isinstance(rule, dict):
                entry.fail(name, f"must be an object of columns and values, got {type(rule).__name__}.")
            fits.append(self._flags(self.node_sets.gids(rule or "all", entry, name)))
        if entry.get("node_set", None) is not None:
            fits[1] &= self._flags(self.node_sets.gids(entry.get("node_set"), entry, "node_set"))
        clock = self.sources.add(times)

        def redirect(pair: Pair, weight: Floats) -> tuple[npt.NDArray[np.int32], Floats]:
            source = pair.source.number[pair.source_rows]
            fit = fits[0][source] & fits[1][pair.number]
            return np.where(fit, np.int32(clock), source).astype(np.int32), np.where(fit, weight, 0.0)

        return redirect

    def _flags(self, gids: npt.NDArray[np.int64]) -> Mask:
        """Return which cells have these gids, bool (nodes,)."""
        flags: Mask = np.isin(self.numbers_by_gid, gids)
        return flags

    def _silent(self) -> None:
        """Say which edges no input drives."""
        for edges in self.edges:
            member = self.roster.members[edges.source]
            if edges.count and member.has(VIRTUAL) and edges.source not in self.driven:
                self.config.notice(
                    f"{edges.key}: no input drives {edges.source!r}; its {edges.count} edges are left out"
                )


def check_virtual_targets(edges: list[EdgePopulation], roster: Roster) -> None:
    """Refuse edges onto populations of virtual nodes."""
    for population in edges:
        if population.count and not roster.members[population.target].has(0, 1):
            message = (
                f"/edges/{population.name}: all targets ({population.target!r}) are virtual; nothing would happen."
            )
            raise SonataError(message, key=population.key, path=population.path)
