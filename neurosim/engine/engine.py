"""The CPU engine: arrays and kernels of a set of cells, and advancing them through windows of steps.

Strategy: everything that can be decided once is decided here in NumPy; ``neurosim.engine.driver`` then runs without
Python. Threads take fixed ranges of groups of blocks and meet once a window, when spikes become events.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurosim.engine import diagnosis, driver
from neurosim.engine.blocks import INSTANCE
from neurosim.engine.build import compiled
from neurosim.engine.channels import Channel, ion_names, role_of
from neurosim.engine.coupling import coupled_sets, places_of, see, transfers
from neurosim.engine.entry import Entry, Placed, Surroundings
from neurosim.engine.events import RangeState, trains
from neurosim.engine.ghosts import Ghosts
from neurosim.engine.ions import KNOWN, IonRows, IonUsers, build_ion
from neurosim.engine.layout import NodeLayout, is_leak
from neurosim.engine.memory import address
from neurosim.engine.observe import NOWHERE, Probe, addresses, by_block
from neurosim.engine.packing import packed_plan
from neurosim.engine.placing import Placing, Roster
from neurosim.engine.recent import NO_PAST, NOTHING, Past, Recent, Spikes
from neurosim.engine.request import Request, Window
from neurosim.engine.rows import Longs
from neurosim.engine.steering import Steering
from neurosim.engine.sweep import sweep_plan
from neurosim.engine.timing import Clock, Timing, timing_of
from neurosim.engine.whereabouts import Whereabouts
from neurosim.engine.wiring import Plug, Wiring
from neurosim.errors import ModelError, SimulationError
from neurosim.exchange import Exchange, SerialExchange
from neurosim.kernels import queue
from neurosim.kernels.simd import LANES
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.connections import Couplings
from neurosim.model.point import PointCell

Floats = NDArray[np.float64]

RANGES_A_THREAD, LONG_WINDOW = 8, 3e7
"""Ranges of groups a thread takes in turn when a window costs more than this (about 20 ms)."""


class Engine:
    """Compiled state of a simulation.

    Parameters
    ----------
    request : Request
        Model, step and what to observe.
    """

    def __init__(self, request: Request, exchange: Exchange | None = None) -> None:
        from neurosim.mechanisms import library

        self.request = request
        self.exchange: Exchange = SerialExchange() if exchange is None else exchange
        recorded = list(dict.fromkeys([*(p.variable for p in (*request.probes, *request.sensed)), *request.recorded]))
        self.leak = library.get("pas")
        self.timing: Timing = timing_of(request, self.exchange)
        self.ghosts = self._meet()
        linked = np.zeros(0, np.int64) if self.ghosts is None else self.ghosts.linked
        self.layout = NodeLayout(
            request.cells,
            dt_ms=request.dt_ms,
            v_init_mV=request.v_init_mV,
            leak=self.leak,
            coupled=coupled_sets(request.cells, request.couplings, linked),
            ghosts=self.ghosts,
        )
        roster = Placing(request, self.layout, self.leak).roster()
        placed = roster.placed
        see(roster.pointers, placed, self.layout, recorded)
        self.ions = self._build_ions(placed, recorded)
        around = Surroundings(
            self.layout.grid,
            self.layout.arrays,
            self.ions,
            request.celsius_degC,
            request.dt_ms,
            request.v_init_mV,
            request.seed,
        )
        needed = self._currents_needed(placed, recorded)
        self.channels = [
            Channel(p, around, keep=_kept(p.mechanism, recorded), unread=self._unread(p.mechanism, needed))
            for p in placed
        ]
        receives = any(c.lowered.receive is not None for c in self.channels)
        packed = any(block.packing is not None for block in self.layout.blocks)
        self.loop = compiled("neurosim.engine.driver", {"HAS_EVENTS": receives, "HAS_PACKED": packed})
        self._gather = compiled("neurosim.kernels.gather")
        self._tables()
        self._observe()
        self._wire(roster)
        self._sensed = self._found(request.sensed)
        self.step = 0
        self.t_ms = 0.0
        self._pool = ThreadPoolExecutor(request.threads) if len(self._ranges) > 1 else None
        self.initialise()

    # --- building ---------------------------------------------------------------------------------------------------

    def _meet(self) -> Ghosts | None:
        """Tell the other processes which spikes and voltages are needed here; return the voltages, if there are any."""
        if self.exchange.alone:
            return None
        owner, request = self.request.owner, self.request
        assert owner is not None
        sources = [t.source_gid for t in request.connections]
        needed = np.unique(np.concatenate([np.zeros(0, np.int64), *sources])).astype(np.int64)
        self.exchange.connect(owner, needed)
        most = self.exchange.smallest(-sum(len(t) for t in request.couplings))
        return Ghosts(request, self.exchange) if most < 0 else None

    def _unread(self, mechanism: Mechanism, needed: set[str]) -> set[str]:
        """Return the results of a mechanism that are not added up; the leak's are in the cable already."""
        if is_leak(mechanism, self.leak):
            return {"i", "g"}
        return {v for v, ion in ion_names(mechanism).items() if v == f"i{ion}" and v not in needed}

    def _currents_needed(self, placed: list[Placed], recorded: list[str]) -> set[str]:
        needed = {v for p in placed for use in p.mechanism.ions for v in use.reads if v == f"i{use.ion}"}
        return needed | {r for r in recorded if "." not in r}

    def _build_ions(self, placed: list[Placed], recorded: list[str]) -> dict[str, list[IonRows]]:
        users: dict[str, IonUsers] = {}
        for p in placed:
            for use in p.mechanism.ions:
                ion = users.setdefault(use.ion, IonUsers(use.ion, KNOWN.get(use.ion, (0, 0, 0, 0.0))[3]))
                if use.valence is not None and use.ion not in KNOWN:
                    ion.valence = use.valence
                ion.elements.append(p.elements)
                concentrations = {f"{use.ion}i", f"{use.ion}o"}
                if concentrations & {*use.reads, *use.writes}:
                    ion.concentration_used.append(p.elements)
                if concentrations & set(use.writes):
                    ion.concentration_written.append(p.elements)
                if f"e{use.ion}" in use.writes:
                    ion.reversal_written.append(p.elements)
        needed = self._currents_needed(placed, recorded)
        return {
            name: build_ion(
                ion,
                self.layout.grid,
                self._given(name),
                celsius_degC=self.request.celsius_degC,
                need_current=f"i{name}" in needed,
            )
            for name, ion in users.items()
        }

    def _given(self, ion: str) -> dict[str, Floats]:
        out: dict[str, Floats] = {}
        for group in self.layout.groups:
            for variable, values in group.record.ions.items():
                if variable in (f"e{ion}", f"{ion}i", f"{ion}o"):
                    into = out.setdefault(role_of(variable, ion), np.full(self.layout.grid.size, np.nan))
                    into[group.elements] = values
        return out

    def _entries(self) -> list[tuple[str, Entry]]:
        return [(c.mechanism.name, e) for c in self.channels for e in c.entries]

    def _tables(self) -> None:
        grid, blocks, points = self.layout.grid, self.layout.blocks, self.layout.points
        self.kernels = np.zeros((0, driver.KERNEL_WORDS), np.int64)
        rows = []
        self.kernel_names: list[str] = []
        refreshed = [part for parts in self.ions.values() for part in parts if part.context[0] or part.context[1]]
        ion_kernel = int(compiled("neurosim.kernels.ion").ion_kernel.address) if refreshed else 0
        for name, ion in self.ions.items():
            for part in ion:
                if part.context[0] or part.context[1]:
                    rows.append((ion_kernel, 0, address(part.context), address(part.first)))
                    self.kernel_names.append(f"ion {name}")
        for name, entry in self._entries():
            rows.append((entry.current, entry.advance, address(entry.context), address(entry.rows.first)))
            self.kernel_names.append(name)
        if rows:
            self.kernels = np.array(rows, np.int64)
        working = np.zeros(grid.size, np.bool_)
        for channel in self.channels:
            if channel.lowered.current.outputs and not is_leak(channel.mechanism, self.leak):
                working[channel.placed.elements] = True
        self._blocks = np.zeros((len(blocks) + len(points), driver.BLOCK_WORDS), np.int64)
        self._blocks[:, driver.BASE], self._blocks[:, driver.WIDTH] = grid.base, grid.width
        self._sweeps: dict[int, NDArray[np.int32]] = {}
        for number, block in enumerate(blocks):
            base, n = int(grid.base[number]), len(block.parent)
            mine = working[base : base + n * block.width].reshape(n, block.width)
            if block.packing is None:
                plan = sweep_plan(block.parent, np.logical_or.reduce(mine, axis=1))
            else:
                plan = packed_plan(block.packing, mine[:, 0])
                self._blocks[number, driver.WIDTH] = driver.PACKED
            self._sweeps[id(plan)] = plan
            self._blocks[number, driver.SWEEP] = address(plan)
            self._blocks[number, driver.IDLE] = grid.idle[number]
            self._blocks[number, driver.LEAKY] = int(self.layout.leaky[number])
        self._nodes = tuple(address(self.layout.arrays[name]) for name in driver.NODES)

    def _place_probes(self, probes: Sequence[Probe]) -> None:
        by = by_block([p.cell for p in probes], self.layout)
        self._probe_order = by.order
        self._probe_addresses = self._found(probes)[self._probe_order]
        self._probe_periods = np.array([probes[k].period for k in self._probe_order], np.int64)
        self._blocks[:, driver.PROBES_FIRST], self._blocks[:, driver.PROBES_LAST] = by.edges[:-1], by.edges[1:]

    def _found(self, probes: Sequence[Probe]) -> Longs:
        """Return the address of what each probe reads."""
        found = addresses(probes, self.layout, self.channels, self.ions)
        if (found == NOWHERE).any():
            lost = probes[int(np.flatnonzero(found == NOWHERE)[0])]
            raise ModelError(diagnosis.nothing_to_record(self, lost, self.layout.element(lost.cell, lost.node)))
        return found

    def watch(self, probes: Sequence[Probe]) -> None:
        """Sample these as well, from the next step on; their samples follow those of the request."""
        self._place_probes([*self.request.probes, *probes])
        self._plan[driver.PROBES] = address(self._probe_addresses)
        self._plan[driver.PERIODS] = address(self._probe_periods)

    def _observe(self) -> None:
        gates = self.request.gates
        self._place_probes(self.request.probes)
        by = by_block([g.cell for g in gates], self.layout)
        self._gate_order = by.order
        self._gate_elements = np.array(
            [self.layout.element(gates[k].cell, gates[k].node) for k in self._gate_order], np.int64
        )
        self._thresholds = np.array([gates[k].threshold_mV for k in self._gate_order], float)
        self._above = np.zeros(len(gates), np.int32)
        # The first detector of a cell fires for it, others only record.
        cells = np.array([g.cell for g in gates], np.int32)
        firing = np.zeros(len(gates), np.bool_)
        firing[np.unique(cells, return_index=True)[1]] = True
        self._sources = np.where(firing, cells, -1 - cells).astype(np.int32)[self._gate_order]
        self._blocks[:, driver.GATES_FIRST], self._blocks[:, driver.GATES_LAST] = by.edges[:-1], by.edges[1:]

    def point_value(self, index: int, parameter: str) -> tuple[Floats, int]:
        """Return the array and the place of a ``varying`` parameter of the ``index``-th point of the request."""
        name = self.request.points[index][1].mechanism.name
        channel = next(c for c in self.channels if c.mechanism.name == name)
        same = [k for k, (_, point) in enumerate(self.request.points) if point.mechanism.name == name]
        instance = len(channel.placed.elements) - len(same) + same.index(index)
        entry = next(e for e in channel.entries if instance in e.rows.chosen)
        return entry.fields[parameter], int(entry.rows.place[np.flatnonzero(entry.rows.chosen == instance)[0]])

    def set_coupled(self, table: Couplings, parameter: str, values: Floats) -> None:
        """Give a ``varying`` parameter of the rows of a table of couplings other values, float64 (n,)."""
        first = next(first for known, first in self._pointers if known is table)
        for array, places, rows in places_of(table, first, parameter, self.channels):
            array[places] = values[rows]

    def _wire(self, roster: Roster) -> None:
        """Make the tables of groups, receivers, connections and transfers."""
        edges = self.layout.block_groups
        if self.timing.immediate:
            edges = edges[[0, -1]]
        group_of_block = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        channels = {(c.mechanism.name, c.mechanism.digest): c for c in self.channels}
        numbers = {id(c): k for k, c in enumerate(self.channels)}
        firing = {}
        for key, gids in roster.point_gids.items():
            own = np.full(len(channels[key].placed.elements), -1, np.int64)
            own[roster.point_first[key] : roster.point_first[key] + len(gids)] = gids
            firing[numbers[id(channels[key])]] = own
        plugs = [Plug(channels[key], tables, instance) for key, tables, instance in roster.plugs]
        self.wiring = Wiring(self.channels, plugs, firing, self.timing.rings)
        self._groups = np.zeros((len(edges) - 1, driver.GROUP_WORDS), np.int64)
        self._groups[:, driver.FIRST_BLOCK], self._groups[:, driver.LAST_BLOCK] = edges[:-1], edges[1:]
        self._pointers = roster.pointers
        if self.ghosts is not None:
            ghosts = self.ghosts
            ghosts.attach(self.layout.arrays["V"], self.layout.elements_of(ghosts.sent_gids, ghosts.sent_nodes))
            self._groups[group_of_block[self.layout.block_of_cell[ghosts.linked]], driver.LINKED] = 1
        self._transfers = transfers(roster.pointers, self.channels, self.layout, group_of_block)
        bounds = np.searchsorted(self._transfers[:, driver.TRANSFER_GROUP], np.arange(len(self._groups) + 1))
        self._groups[:, driver.TRANSFERS_FIRST], self._groups[:, driver.TRANSFERS_LAST] = bounds[:-1], bounds[1:]
        timing = self.timing
        self._ring = np.zeros((2, timing.ring_halves, self.wiring.places))
        points = np.array([isinstance(c, PointCell) for c in self.request.cells], np.int32)
        at_once = points if timing.immediate else None
        self._ranges = [
            RangeState(r, self.wiring, self._ring, bins=timing.bins, dt_ms=timing.dt_ms, at_once=at_once)
            for r in self.wiring.ranges(self._shares(), group_of_block, len(self.request.cells))
        ]
        self._train_times, self._train_sources = trains(self.request.cells)
        self.recent = Recent((timing.longest + 1) * timing.dt_ms)
        self._make_plan()
        self.steering = Steering(self.layout, self._groups, self._plan, self._ranges)

    def _make_plan(self) -> None:
        """Write down where the driver finds everything that stays."""
        self._plan = np.zeros(driver.PLAN_WORDS, np.int64)
        fixed = {
            driver.BLOCKS: self._blocks, driver.GROUPS: self._groups,
            driver.V: self.layout.arrays["V"], driver.KERNELS: self.kernels, driver.GATE_ELEMENTS: self._gate_elements,
            driver.THRESHOLDS: self._thresholds, driver.ABOVE: self._above, driver.SOURCES: self._sources,
            driver.PROBES: self._probe_addresses, driver.PERIODS: self._probe_periods,
            driver.TRANSFERS: self._transfers, driver.TRAIN_TIMES: self._train_times,
            driver.TRAIN_SOURCES: self._train_sources,
        }  # fmt: skip
        for k, array in fixed.items():
            self._plan[k] = address(array)
        self._plan[driver.KERNELS_N], self._plan[driver.TRAINS_N] = len(self.kernels), len(self._train_times)
        self._plan[driver.RINGS], self._plan[driver.WATCHES] = self.wiring.places > 0, self.wiring.watches
        self._plan[driver.SWAP] = 0 if self.ghosts is None else self.ghosts.address

    def _shares(self) -> list[tuple[int, int]]:
        """Split the groups into ranges of equal cost: one a thread, or several when windows are long.

        Several, because a core that the machine takes away for a while would otherwise hold up the others.
        """
        if self.request.threads == 1 or len(self._groups) < 2:
            return [(0, len(self._groups))]
        block_cost = np.diff(np.append(self.layout.grid.base, self.layout.grid.size)).astype(float)
        for _, entry in self._entries():
            block_cost += INSTANCE * LANES * np.diff(entry.rows.first)
        cost = np.add.reduceat(block_cost, self._groups[:, driver.FIRST_BLOCK])
        several = cost.sum() * self.timing.window > LONG_WINDOW
        parts = self.request.threads * (RANGES_A_THREAD if several else 1)
        bounds = np.searchsorted(np.cumsum(cost), np.linspace(0.0, cost.sum(), parts + 1)[1:-1])
        edges = [0, *(int(b) + 1 for b in bounds), len(cost)]
        return [(a, b) for a, b in pairwise(edges) if a < b]

    # --- running ----------------------------------------------------------------------------------------------------

    def initialise(self) -> None:
        """Put everything to t = 0: voltages, INITIAL blocks, one evaluation of the currents."""
        self.layout.reset()
        self.step, self.t_ms = 0, 0.0
        self._failed = False
        for parts in self.ions.values():
            for part in parts:
                part.reset()
        for channel in self.channels:
            channel.initialise()
        n = len(self._blocks)
        self.loop.factor_blocks(self._blocks, 0, n, self._nodes)
        self.loop.current_blocks(self.kernels, 0, n, 0.0, self.request.dt_ms)
        self.layout.arrays["R"][:] = 0.0
        self.layout.arrays["D"][:] = self.layout.arrays["D0"]
        self._start_events()

    def _start_events(self) -> None:
        """Empty all queues, send what INITIAL sent, and fire the cells that begin above their threshold."""
        self.forget_events()
        for r in self._ranges:
            self.wiring.find_factors(r.range.entries)
        for number, channel in enumerate(self.channels):
            if not channel.sent:
                continue
            found = self.wiring.located(number, np.array([sent.instance for sent in channel.sent], np.int64))
            for sent, entry, place in zip(channel.sent, found[0].tolist(), found[1].tolist(), strict=True):
                group = self.wiring.group_of(entry, place)
                for r in self._ranges:
                    if r.range.first <= group < r.range.last:
                        self.loop.send(r.m, group - r.range.first, sent.time_ms, sent.flag, entry, place)
        v = self.layout.arrays["V"][self._gate_elements]
        above = v > self._thresholds
        self._above[:] = above
        first = np.sort(self._sources[above & (self._sources >= 0)]).astype(np.int64)
        self._came = (np.full(len(first), 1e-10), first)
        self.recent.restart(*self._came, len(first))
        if not self.exchange.alone:
            self._hand_over(self._came)
            self._came = self.exchange.finish()
        every = np.sort(np.where(self._sources >= 0, self._sources, -1 - self._sources)[above]).astype(np.int64)
        self._held = (np.full(len(every), 1e-10), every)
        self._train = 0

    def values_now(self) -> Floats:
        """Return the present value of every probe."""
        out = np.empty(len(self._probe_addresses))
        out[self._probe_order] = self._read(self._probe_addresses)
        return out

    def sensed_now(self) -> Floats:
        """Return the present value of everything in ``Request.sensed``."""
        return self._read(self._sensed)

    def _read(self, found: Longs) -> Floats:
        out = np.empty(len(found))
        if len(found):
            self._gather.read_all(found, out)
        return out

    def compile(self) -> None:
        """Compile what advances, which the first ``advance`` does otherwise; nothing moves."""
        alone, r = len(self._ranges) == 1 and self.exchange.alone, self._ranges[0]
        self.loop.advance_range(
            address(self._plan), r.m, self._nodes, r.range.first, r.range.last, self.step, self.step, 0,
            self.timing.window, self.request.dt_ms, alone, 0, 0, self._train,
        )  # fmt: skip

    @property
    def ranges(self) -> Sequence[RangeState]:
        """What threads advance."""
        return self._ranges

    @property
    def gate_cells(self) -> Longs:
        """The cell of each detector, int64 (detectors,), in the order of ``above``."""
        return np.where(self._sources >= 0, self._sources, -1 - self._sources).astype(np.int64)

    @property
    def above(self) -> NDArray[np.int32]:
        """Whether each detector's voltage is above its threshold, int32 (detectors,)."""
        return self._above

    def forget_events(self) -> None:
        """Empty all queues and put the connections' arguments back."""
        self._ring[:] = 0.0
        for r in self._ranges:
            r.reset()

    @property
    def ring_sums(self) -> Floats:
        """Sums that came for point cells: (trains and cells, half steps, places)."""
        return self._ring

    @property
    def held(self) -> tuple[Floats, Longs]:
        """Times and gids of own spikes that lie after the time reached and were not returned yet."""
        return self._held

    @cached_property
    def whereabouts(self) -> Whereabouts:
        """Where the cells' nodes, mechanisms and connections stand."""
        return Whereabouts(self.layout, self.channels, self.wiring, self._ranges)

    def go_to(self, step: int, t_ms: float, past: Past = NO_PAST, held: Spikes = NOTHING) -> None:
        """Say that the state is that of another time.

        Parameters
        ----------
        step, t_ms : int, float
            The time.
        past : Past
            The spikes before it that may still act here.
        held : (float64 (n,), int64 (n,))
            As the property.
        """
        self.step, self.t_ms, self._failed = step, t_ms, False
        self._came, self._held = NOTHING, held
        # What lies at t = 0 is played with the first step.
        self._train = int(np.searchsorted(self._train_times, t_ms, side="right")) if step else 0
        own = past.of(self.layout.block_of_cell[past.gids] >= 0)
        last = np.argsort(own.waiting, kind="stable")
        self.recent.restart(own.times_ms[last], own.gids[last], int(own.waiting.sum()))
        if self.loop.HAS_EVENTS:
            given = self._train_times[: self._train], self._train_sources[: self._train].astype(np.int64)
            if self.timing.immediate:
                # The state has the events themselves; only what branching cells fired last is to come.
                branching = self.layout.block_of_cell[past.gids] < len(self.layout.blocks)
                past, given = past.of(past.waiting & branching), NOTHING
            clock = self.timing.clock(step, t_ms, 0)
            for r in self._ranges:
                r.tell_time(clock)
                self.recent.refill(r, t_ms, past, given)
        if self.ghosts is not None:
            self.ghosts.refresh()

    def advance(self, steps: int) -> Window:
        """Advance by ``steps`` steps and return spikes and samples of that time.

        When a cell becomes unstable the window is shorter and holds the error; after that only ``initialise`` helps,
        because the other cells have gone on.
        """
        if self._failed:
            raise SimulationError(f"the run became unstable at t={self.t_ms:g} ms and cannot go on; call reset()")
        last = self.step + steps
        counts = last // self._probe_periods - self.step // self._probe_periods
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        out = np.empty(int(offsets[-1]))
        status = np.full(len(self._blocks), driver.FINE, np.int64)
        clock = self.timing.clock(self.step, self.t_ms, steps, events=self.loop.HAS_EVENTS)
        for r in self._ranges:
            r.tell_time(clock)
            r.words[queue.SPIKES_N] = 0
        for k, array in ((driver.OFFSETS, offsets), (driver.SAMPLES, out), (driver.STATUS, status)):
            self._plan[k] = address(array)
        found = self._windows(clock, status, last)
        if self.ghosts is not None:
            self.ghosts.check()
        self._failed = bool((status != driver.FINE).any())
        if self._failed:
            last = int(status[status != driver.FINE].min())
        self.t_ms = float(clock.time_ms[2 * (last - self.step)])
        window = self._collect(found, out, offsets, last)
        self.step = last
        if self._failed:
            window.error = diagnosis.instability(self, np.flatnonzero(status == last))
        return window

    def _windows(self, clock: Clock, status: Longs, last: int) -> tuple[Floats, Longs]:
        """Advance all ranges to step ``last``; return all spikes as (times, sources)."""
        first_step, step, window = self.step, self.step, self.timing.window
        alone = len(self._ranges) == 1 and self.exchange.alone
        found: list[tuple[Floats, Longs]] = []
        plan = address(self._plan)

        def work(r: RangeState) -> int:
            begun: int = self.loop.advance_range(
                plan, r.m, self._nodes, r.range.first, r.range.last, first_step, step, last - step, window,
                self.request.dt_ms, alone, came, len(self._came[0]), self._train,
            )  # fmt: skip
            return begun

        travelling, unheard = False, [0]
        while step < last:
            times, sources = self._came
            spikes = np.empty((len(times), 2), np.int64)
            spikes[:, 0], spikes[:, 1] = times.view(np.int64), sources
            came = address(spikes)
            begun = [work(self._ranges[0])] if self._pool is None else list(self._pool.map(work, self._ranges))
            parts = [r.spikes(first) for r, first in zip(self._ranges, begun, strict=True)]
            mine = parts[0] if alone else _in_order(parts)
            found.append(self._ranges[0].spikes() if alone else mine)
            unheard.append(int((mine[1] >= 0).sum()))
            step = last if alone else min(last, (step // window + 1) * window)
            reached = clock.time_ms[2 * (step - first_step)]
            self._train = int(np.searchsorted(self._train_times, reached, side="right"))
            if (status != driver.FINE).any():
                # The others may wait in vain: whoever runs this ends them.
                break
            if alone:
                self._came = mine
                continue
            self._came = self.exchange.finish() if travelling else NOTHING
            self._hand_over(mine)
            travelling = self.timing.late
            if not travelling:
                self._came = self.exchange.finish()
        else:
            if travelling:
                self._came = _in_order([self._came, self.exchange.finish()])
        self._unheard_n = sum(unheard[-2:] if self.timing.late else unheard[-1:])
        return np.concatenate([t for t, _ in found]), np.concatenate([s for _, s in found])

    def _hand_over(self, spikes: tuple[Floats, Longs]) -> None:
        """Give spikes to the other processes, without those that are only recorded."""
        times, sources = spikes
        fired = sources >= 0
        self.exchange.start(times[fired], sources[fired])

    def _collect(self, found: tuple[Floats, Longs], out: Floats, offsets: Longs, last: int) -> Window:
        """Sort what was observed up to step ``last``; spikes of the next step's beginning are held back."""
        times, sources = found
        self.recent.add(times, sources, self._unheard_n)
        gids = np.where(sources >= 0, sources, -1 - sources)
        times, gids = np.concatenate([self._held[0], times]), np.concatenate([self._held[1], gids])
        past = times <= self.t_ms
        self._held = (times[~past], gids[~past])
        order = np.lexsort((gids[past], times[past]))
        samples: list[Floats] = [np.empty(0)] * len(self._probe_order)
        rows = last // self._probe_periods - self.step // self._probe_periods
        for k, probe in enumerate(self._probe_order.tolist()):
            samples[probe] = out[offsets[k] : offsets[k] + rows[k]]
        return Window(gids[past][order], times[past][order], samples)


def _in_order(parts: list[tuple[Floats, Longs]]) -> tuple[Floats, Longs]:
    """Return spikes of several in order of time, then of source."""
    times, sources = np.concatenate([t for t, _ in parts]), np.concatenate([s for _, s in parts])
    order = np.lexsort((sources, times))
    return times[order], sources[order]


def _kept(mechanism: Mechanism, recorded: list[str]) -> set[str]:
    """Return the variables of a mechanism that are recorded and would not be stored otherwise."""
    head = f"{mechanism.name}."
    names = {a.name for a in mechanism.assigned} | {*mechanism.nonspecific, *mechanism.electrode}
    names |= {v for v, ion in ion_names(mechanism).items() if v == f"i{ion}"}
    # An element of an array, "ca[3]", keeps the array.
    return {r.removeprefix(head).partition("[")[0] for r in recorded if r.startswith(head)} & names
