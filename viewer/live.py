"""``LiveSource``: a run that is going on, for any number of watchers.

One thread takes the frames and worlds of the ``Broadcast``, turns numbers of cells into ranks and gives each
``LivePlayer`` its share. The run never waits for it, and it never waits for a client: what a client has not taken is
merged (``Pending``). Wishes of all clients are put together. Cells that the scene does not show are counted and not
drawn.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.broadcast import NOWHERE, Act, Broadcast, Frame, Place
from neurosim.errors import ModelError
from neurosim.model.point import SpikeTrain
from neurosim.units import MS_PER_S
from neurosim.viewer.frame_voltages import FrameVoltages
from neurosim.viewer.history import SpikeHistory
from neurosim.viewer.live_player import LivePlayer
from neurosim.viewer.memory_use import memory_MB
from neurosim.viewer.node_counts import NodeCounts
from neurosim.viewer.playback import GLOW_ms
from neurosim.viewer.population_rates import PopulationRates
from neurosim.viewer.scene.scene import Scene
from neurosim.viewer.source import Acted, Batch, Floats, Ranks, Source, Status, TraceBlock
from neurosim.viewer.traces import Traces
from neurosim.viewer.world_history import WorldHistory, WorldRows
from neurosim.world import World

if TYPE_CHECKING:
    from neurosim.simulation import Simulation

WAIT_S = 0.1
MOVING_S = 2.0
"""Wall time after a frame in which a run is called running although it did not say so."""
MOST_PLACES = 256
"""Compartments that are traced for all clients together."""
MOST_ACTS = 1000
STEP_ms = 0.025
"""Step that is assumed where there is no simulation."""


class LiveSource(Source):
    """A run that is going on.

    Parameters
    ----------
    simulation : Simulation or None
        What runs; None where only its broadcast is at hand.
    scene : Scene, optional
        What is shown; made from the simulation when omitted.
    broadcast : Broadcast, optional
        Where frames come from; the simulation's when omitted, and then closed with this source.
    """

    live = True
    traces_from = "any"

    def __init__(
        self, simulation: Simulation | None, scene: Scene | None = None, broadcast: Broadcast | None = None
    ) -> None:
        if simulation is None and (scene is None or broadcast is None):
            raise ModelError("LiveSource: no simulation; give one, or a scene and a broadcast")
        if scene is None:
            from neurosim.viewer.scene.memory import scene_of

            assert simulation is not None
            scene = scene_of(simulation)
        self._owns = broadcast is None
        if broadcast is None:
            assert simulation is not None
            broadcast = simulation.broadcast()
        self.scene, self.broadcast = scene, broadcast
        self._lock = threading.RLock()
        self._players: list[LivePlayer] = []
        self._populations = PopulationRates(scene)
        self._traces = Traces(STEP_ms if simulation is None else simulation.dt_ms)
        self._begin(broadcast.progress.t_ms)
        self._places: dict[int, tuple[object, list[tuple[int, int]]]] = {}
        self._nodes = NodeCounts(scene)
        self._voltages = FrameVoltages(scene, self._nodes)
        self._has_voltage = _with_voltage(simulation, scene)
        self._acts: list[Acted] = []
        self._told_end = False
        self._seen_s = -math.inf
        self._worlds = WorldHistory()
        self.hidden_n = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._pump, name="neurosim-live", daemon=True)
        self._thread.start()

    def _begin(self, start_ms: float) -> None:
        """Begin with nothing known."""
        self._start_ms = self._t_ms = start_ms
        self._history = SpikeHistory(self._populations, start_ms=start_ms)

    # --- from the run to the players --------------------------------------------------------------------------------

    def _pump(self) -> None:
        while not self._stop.is_set():
            frames = self.broadcast.take(WAIT_S)
            worlds = self.broadcast.take_worlds()
            with self._lock:
                for world in worlds:
                    self._worlds.add(world)
            for frame in frames:
                try:
                    self._pass_on(frame)
                except Exception:
                    # Watchers miss a frame; the run and the next frames do not.
                    logging.getLogger(__name__).exception("a frame could not be shown")
            if not frames and not worlds:
                self._tell_end()
                if self.broadcast.closed:
                    self._stop.wait(WAIT_S)

    def _tell_end(self) -> None:
        """Say once to every player that the run is finished; forget it when it goes on."""
        with self._lock:
            finished = self.broadcast.progress.finished
            if finished and not self._told_end:
                for player in self._players:
                    player.finish(self._t_ms)
            self._told_end = finished

    def _pass_on(self, frame: Frame) -> None:
        rank_of = self.scene.rank_of_index
        ranks = rank_of[frame.cells]
        shown = ranks >= 0
        listed, times = ranks[shown].astype(np.uint32), frame.times_ms[shown]
        of, counts = np.empty(0, np.uint32), np.empty(0, np.uint32)
        hidden = len(ranks) - len(listed)
        if frame.counts is not None:
            fired = np.flatnonzero(frame.counts)
            rows = rank_of[fired]
            hidden += int(frame.counts[fired[rows < 0]].sum())
            order = np.argsort(rows[rows >= 0])
            of = rows[rows >= 0][order].astype(np.uint32)
            counts = frame.counts[fired[rows >= 0]][order].astype(np.uint32)
        order = np.argsort(listed, kind="stable")
        batch = Batch(frame.start_ms, frame.t_ms, listed[order], times[order], of, counts, merged=frame.merged)
        with self._lock:
            if frame.start_ms < self._t_ms - 1e-6:
                # The simulation was put back: what is known belongs to another run.
                batch = replace(batch, jumped=True)
                self._begin(frame.start_ms)
            self.hidden_n += hidden
            self._t_ms, self._seen_s = frame.t_ms, time.monotonic()
            if len(listed) or not len(of):
                self._history.add(frame.t_ms, listed, times)
            if len(of):
                self._history.add_numbers(frame.start_ms, frame.t_ms, of, counts)
            for sample in frame.samples:
                keys = [(int(rank_of[p.cell]), p.node) for p in sample.places]
                self._traces.add(keys, sample.time_ms, sample.values_mV)
            self._acts += [self._acted(act) for act in frame.acts]
            del self._acts[: -2 * MOST_ACTS]
            self._voltages.take(frame)
            for player in self._players:
                player.add(batch, self._voltages)
            self._told_end = False

    def _acted(self, act: Act) -> Acted:
        rank = -1 if act.place == NOWHERE else int(self.scene.rank_of_index[act.place.cell])
        return Acted(act.kind, rank, act.place.node, act.amplitude_nA, act.t_ms, act.name)

    # --- clients ----------------------------------------------------------------------------------------------------

    def player(self) -> LivePlayer:
        """Return a player that begins now; what still glows is in its first batch."""
        with self._lock:
            start = max(self._start_ms, self._t_ms - GLOW_ms)
            ranks, times, _ = self._history.spikes(
                math.nextafter(start, math.inf), math.nextafter(self._t_ms, math.inf)
            )
            order = np.argsort(ranks, kind="stable")
            player = LivePlayer(self.scene.n, self._wish_voltage, self._forget)
            player.add(Batch(start, self._t_ms, ranks[order], times[order], jumped=True), None)
            if self._told_end:
                player.finish(self._t_ms)
            self._players.append(player)
            return player

    def _forget(self, player: LivePlayer) -> None:
        with self._lock:
            self._players = [p for p in self._players if p is not player]
        self._wish_voltage()

    def _wish_voltage(self) -> None:
        with self._lock:
            ranks = {rank for player in self._players for rank in player.voltage_ranks if self._has_voltage[rank]}
            index = self.scene.index_of_rank
            self.broadcast.want(voltage_cells=sorted(int(index[rank]) for rank in ranks))

    def want_trace(self, owner: object, places: Sequence[tuple[int, int]]) -> None:
        """Say which (rank, node) a client traces; they are recorded from the next window on."""
        with self._lock:
            self._places.pop(id(owner), None)
            if places:
                self._places[id(owner)] = (owner, [p for p in places if self._has_voltage[p[0]]])
            wanted = list(dict.fromkeys(p for _, mine in self._places.values() for p in mine))[:MOST_PLACES]
            self._traces.keep(wanted)
            index = self.scene.index_of_rank
            self.broadcast.want(traces=[Place(int(index[rank]), node) for rank, node in wanted])

    def act(self, kind: str, rank: int, node: int, amplitude_nA: float) -> None:
        """Ask the run for an act; it takes effect at the next window."""
        self.broadcast.ask(Act(kind, Place(int(self.scene.index_of_rank[rank]), node), amplitude_nA))

    def offers(self) -> Mapping[str, tuple[str, ...]]:
        """Return what the run has handlers for."""
        return {kind: handler.names for kind, handler in self.broadcast.handlers.items()}

    def do(self, kind: str, name: str) -> None:
        """Ask the run for an act that has a name; it takes effect at the next window."""
        self.broadcast.ask(Act(kind, NOWHERE, name=name))

    def world(self, t_ms: float) -> World | None:
        """Return what surrounds the cells now."""
        return self._worlds.last

    def world_rows(self, start_ms: float, stop_ms: float, most: int) -> WorldRows | None:
        """Return curves and tracks of a stretch, as far as they are kept."""
        with self._lock:
            if self._worlds.last is None:
                return None
            return self._worlds.between(start_ms, stop_ms, most)

    def world_then(self, t_ms: float) -> World | None:
        """Return what surrounded the cells at a time, as far as it is kept."""
        with self._lock:
            return self._worlds.at(t_ms)

    def acts(self) -> Sequence[Acted]:
        """Return what was done to the run."""
        with self._lock:
            return self._acts[-MOST_ACTS:]

    def control(self, what: str) -> None:
        """Pause or resume the run."""
        if what == "pause":
            self.broadcast.pause()
        else:
            self.broadcast.resume()

    # --- what is known ----------------------------------------------------------------------------------------------

    def status(self) -> Status:
        """Return where the run stands."""
        p = self.broadcast.progress
        # A loop that advances a simulation in short steps announces no run; its frames tell of it.
        running = p.running or time.monotonic() - self._seen_s < MOVING_S
        if p.finished:
            state = "finished"
        elif self.broadcast.closed:
            state = "lost"
        elif p.paused:
            state = "paused"
        else:
            state = "running" if running else "waiting"
        left_ms = p.until_ms - p.t_ms
        going = state == "running" and p.times_real_time > 0.0
        eta = left_ms / MS_PER_S / p.times_real_time if going and left_ms >= 0.0 else math.nan
        until = p.until_ms if math.isfinite(p.until_ms) else p.t_ms
        return Status(
            state=state,
            t_ms=p.t_ms,
            start_ms=self._start_ms,
            stop_ms=until,
            times_real_time=p.times_real_time if running else math.nan,
            spikes_n=p.spikes_n,
            eta_s=eta,
            memory_MB=memory_MB(),
            warnings=tuple(p.warnings[-20:]),
        )

    def spikes(self, start_ms: float, stop_ms: float, *, every: int = 1) -> tuple[Ranks, Floats, int]:
        """Return the spikes with start <= t < stop that are still known, and the number of all."""
        with self._lock:
            return self._history.spikes(start_ms, stop_ms, every=every)

    def rates(self, start_ms: float, stop_ms: float, bin_ms: float) -> tuple[Floats, dict[str, Floats]]:
        """Return middles of bins and the mean rate of each population."""
        with self._lock:
            return self._history.rates(start_ms, stop_ms, bin_ms)

    def trace(self, rank: int, node: int, start_ms: float, stop_ms: float) -> TraceBlock:
        """Return what was recorded since a client began to trace the place."""
        with self._lock:
            return self._traces.between((rank, node), start_ms, stop_ms)

    def close(self) -> None:
        """End the thread; the run goes on alone."""
        self._stop.set()
        self._thread.join(timeout=10.0)
        self.broadcast.want(voltage_cells=(), traces=())
        if self._owns:
            self.broadcast.close()
        elif self.broadcast.progress.paused:
            self.broadcast.resume()


def _with_voltage(simulation: Simulation | None, scene: Scene) -> NDArray[np.bool_]:
    """Return which cells have a voltage, bool (n,): not those whose spikes are given."""
    if simulation is None:
        return np.ones(scene.n, np.bool_)
    trains = np.fromiter((isinstance(c, SpikeTrain) for c in simulation.cells), np.bool_, len(simulation.cells))
    return ~trains[scene.index_of_rank]
