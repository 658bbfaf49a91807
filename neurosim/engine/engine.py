"""The CPU engine: arrays and kernels of a set of cells, and advancing them through windows of steps.

Strategy: everything that can be decided once is decided here in NumPy; ``neurosim.engine.driver`` then runs without
Python. Threads take fixed ranges of blocks and meet once a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from neurosim.engine import diagnosis, driver
from neurosim.engine.blocks import INSTANCE, runs
from neurosim.engine.build import compiled
from neurosim.engine.channels import Channel, Entry, Placed, Surroundings, ion_names, role_of
from neurosim.engine.ions import KNOWN, IonRows, IonUsers, build_ion
from neurosim.engine.layout import NodeLayout, is_leak
from neurosim.engine.memory import address
from neurosim.engine.observe import NOWHERE, Gate, Probe, addresses, by_block
from neurosim.engine.order import acting_order
from neurosim.engine.rows import Longs, occurrence
from neurosim.errors import InstabilityError, ModelError, SimulationError
from neurosim.kernels.simd import LANES
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import CellRecord, Point

Floats = NDArray[np.float64]

INSTANCES_PER_CELL = 2**24
"""Random streams of one mechanism are numbered gid * this + instance within the cell."""

RANGES_A_THREAD, LONG_WINDOW = 8, 3e7
"""Ranges of blocks a thread takes in turn in windows of more than this cost (about 20 ms)."""


@dataclass
class Request:
    """What the engine is to simulate.

    ``points`` are point processes attached by the simulation: (cell, point). ``varying`` are (mechanism, parameter)
    that will be changed during the run.
    """

    cells: Sequence[CellRecord]
    points: Sequence[tuple[int, Point]]
    gates: Sequence[Gate]
    probes: Sequence[Probe]
    dt_ms: float
    celsius_degC: float
    v_init_mV: float
    threads: int = 1
    seed: int = 0
    varying: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class _Part:
    """Instances of one mechanism that were described together: elements, values, and the cell of each."""

    elements: Longs
    values: dict[str, float | Floats]
    cells: Longs


@dataclass
class Window:
    """Results of one window: spikes (gate, time) and samples, one float64 array a probe.

    With ``error`` the window ends before the first step in which a cell became unstable.
    """

    gates: Longs
    times_ms: Floats
    samples: list[Floats] = field(default_factory=list)
    error: InstabilityError | None = None


class Engine:
    """Compiled state of a simulation.

    Parameters
    ----------
    request : Request
        Model, step and what to observe.
    """

    def __init__(self, request: Request) -> None:
        from neurosim.mechanisms import library

        self.request = request
        recorded = [p.variable for p in request.probes]
        self.loop = compiled("neurosim.engine.driver")
        self.leak = library.get("pas")
        self.layout = NodeLayout(request.cells, dt_ms=request.dt_ms, v_init_mV=request.v_init_mV, leak=self.leak)
        placed = self._placed()
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
            Channel(p, around, keep=_kept(p.mechanism, recorded), unread=_unread(p.mechanism, needed)) for p in placed
        ]
        self._tables()
        self._observe()
        self.step = 0
        self.t_ms = 0.0
        self._pool = ThreadPoolExecutor(request.threads) if request.threads > 1 else None
        self.initialise()

    # --- building ---------------------------------------------------------------------------------------------------

    def _placed(self) -> list[Placed]:
        """Collect all instances of each mechanism, in acting order."""
        parts: dict[Mechanism, list[_Part]] = {}
        canon: dict[tuple[str, str], Mechanism] = {}
        # pas is part of the cable. Who records it gets an instance that only looks.
        watched = {p.cell for p in self.request.probes if p.variable.startswith(f"{self.leak.name}.")}
        watcher = replace(self.leak, nonspecific=())

        def add(mechanism: Mechanism, elements: Longs, values: dict[str, float | Floats], cells: Longs) -> None:
            mech = canon.setdefault((mechanism.name, mechanism.digest), mechanism)
            parts.setdefault(mech, []).append(_Part(elements, values, cells))

        for group in self.layout.groups:
            for density in group.record.densities:
                mechanism, members = density.mechanism, np.arange(len(group.cells))
                if is_leak(mechanism, self.leak):
                    mechanism = watcher
                    members = np.array([k for k, cell in enumerate(group.cells.tolist()) if cell in watched], np.int64)
                if len(members) and len(density.nodes):
                    add(
                        mechanism,
                        group.elements[members][:, density.nodes].reshape(-1),
                        {k: v if np.ndim(v) == 0 else np.tile(v, len(members)) for k, v in density.values.items()},
                        np.repeat(group.cells[members], len(density.nodes)),
                    )
            for point in group.record.points:
                add(point.mechanism, group.elements[:, point.node], dict(point.values), group.cells)
        for mech, found in _by_mechanism(self.request.points).items():
            elements = np.array([self.layout.element(cell, p.node) for cell, p in found], np.int64)
            values: dict[str, float | Floats] = {k: np.array([p.values[k] for _, p in found]) for k in mech.defaults}
            add(mech, elements, values, np.array([cell for cell, _ in found], np.int64))
        return [_joined(mech, parts[mech], self.request.varying) for mech in acting_order(parts)]

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
        grid, blocks = self.layout.grid, self.layout.blocks
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
        for _, entry in self._entries():
            working[entry.rows.node] = True
        self._blocks = np.zeros((len(blocks), driver.BLOCK_WORDS), np.int64)
        tables: list[NDArray[np.int32]] = []
        known: dict[int, tuple[int, int]] = {}
        total = 0
        for number, block in enumerate(blocks):
            base, n = int(grid.base[number]), len(block.parent)
            mine = working[base : base + n * block.width].reshape(n, block.width)
            table = runs(block.parent, np.logical_or.reduce(mine, axis=1))
            if id(table) not in known:
                known[id(table)] = (total, total + len(table))
                tables.append(table)
                total += len(table)
            self._blocks[number, driver.BASE] = base
            self._blocks[number, driver.WIDTH] = block.width
            self._blocks[number, driver.RUNS_FIRST], self._blocks[number, driver.RUNS_LAST] = known[id(table)]
            self._blocks[number, driver.LEAKY] = int(self.layout.leaky[number])
        self._runs = np.ascontiguousarray(np.concatenate(tables))
        self._nodes = tuple(address(self.layout.arrays[name]) for name in driver.NODES)

    def _observe(self) -> None:
        probes, gates = self.request.probes, self.request.gates
        sorted_probes = by_block([p.cell for p in probes], self.layout)
        sorted_gates = by_block([g.cell for g in gates], self.layout)
        self._probe_order, self._gate_order = sorted_probes.order, sorted_gates.order
        found = addresses(probes, self.layout, self.channels, self.ions)
        if (found == NOWHERE).any():
            lost = probes[int(np.flatnonzero(found == NOWHERE)[0])]
            raise ModelError(diagnosis.nothing_to_record(self, lost, self.layout.element(lost.cell, lost.node)))
        self._probe_addresses = found[self._probe_order]
        self._probe_periods = np.array([probes[k].period for k in self._probe_order], np.int64)
        self._gate_elements = np.array(
            [self.layout.element(gates[k].cell, gates[k].node) for k in self._gate_order], np.int64
        )
        self._thresholds = np.array([gates[k].threshold_mV for k in self._gate_order], float)
        self._above = np.zeros(len(gates), np.bool_)
        for first, last, edges in (
            (driver.PROBES_FIRST, driver.PROBES_LAST, sorted_probes.edges),
            (driver.GATES_FIRST, driver.GATES_LAST, sorted_gates.edges),
        ):
            self._blocks[:, first], self._blocks[:, last] = edges[:-1], edges[1:]

    def point_value(self, index: int, parameter: str) -> tuple[Floats, int]:
        """Return the array and the place of a ``varying`` parameter of the ``index``-th point of the request."""
        name = self.request.points[index][1].mechanism.name
        channel = next(c for c in self.channels if c.mechanism.name == name)
        same = [k for k, (_, point) in enumerate(self.request.points) if point.mechanism.name == name]
        instance = len(channel.placed.elements) - len(same) + same.index(index)
        entry = next(e for e in channel.entries if instance in e.rows.chosen)
        return entry.fields[parameter], int(entry.rows.place[np.flatnonzero(entry.rows.chosen == instance)[0]])

    # --- running ----------------------------------------------------------------------------------------------------

    def initialise(self) -> None:
        """Put everything to t = 0: voltages, INITIAL blocks, one evaluation of the currents."""
        self.layout.reset()
        self.step, self.t_ms = 0, 0.0
        self._failed = False
        self._above[:] = False
        for parts in self.ions.values():
            for part in parts:
                part.reset()
        for channel in self.channels:
            channel.initialise()
        n = len(self._blocks)
        self.loop.factor_blocks(self._blocks, 0, n, address(self._runs), self._nodes)
        self.loop.current_blocks(self.kernels, 0, n, 0.0, self.request.dt_ms)
        self.layout.arrays["R"][:] = 0.0
        self.layout.arrays["D"][:] = self.layout.arrays["D0"]

    def values_now(self) -> list[float]:
        """Return the present value of every probe."""
        import ctypes

        by_block = [ctypes.c_double.from_address(int(a)).value for a in self._probe_addresses]
        out = [0.0] * len(by_block)
        for k, value in zip(self._probe_order, by_block, strict=True):
            out[int(k)] = value
        return out

    def advance(self, steps: int) -> Window:
        """Advance by ``steps`` steps and return spikes and samples of that window.

        When a cell becomes unstable the window is shorter and holds the error; after that only ``initialise`` helps,
        because the other cells have gone on.
        """
        if self._failed:
            raise SimulationError(f"the run became unstable at t={self.t_ms:g} ms and cannot go on; call reset()")
        dt = self.request.dt_ms
        last = self.step + steps
        counts = last // self._probe_periods - self.step // self._probe_periods
        offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        out = np.empty(int(offsets[-1]))
        gates_n = len(self._gate_elements)
        times = np.empty((gates_n, steps // 2 + 1))
        spikes = np.zeros(gates_n, np.int64)
        status = np.full(len(self._blocks), driver.FINE, np.int64)
        gates = (self._gate_elements, self._thresholds, self._above, times, spikes)
        probes = (self._probe_addresses, self._probe_periods, offsets)

        def work(first: int, end: int) -> None:
            self.loop.advance_blocks(
                self._blocks, first, end, address(self._runs), self._nodes, self.kernels, gates, probes, out,
                status, self.t_ms, dt, self.step, steps,
            )  # fmt: skip

        if self._pool is None:
            work(0, len(self._blocks))
        else:
            list(self._pool.map(lambda r: work(*r), self._shares(steps)))
        self._failed = bool((status != driver.FINE).any())
        if self._failed:
            last = int(status[status != driver.FINE].min())
        for _ in range(last - self.step):
            self.t_ms += 0.5 * dt
            self.t_ms += 0.5 * dt
        window = self._collect(spikes, times, out, offsets, last)
        self.step = last
        if self._failed:
            window.error = diagnosis.instability(self, np.flatnonzero(status == last))
        return window

    def _collect(self, counts: Longs, times: Floats, out: Floats, offsets: Longs, last: int) -> Window:
        """Sort by gate and probe what was observed up to step ``last``."""
        fired = np.repeat(self._gate_order, counts)
        when = np.concatenate([times[g, :n] for g, n in enumerate(counts.tolist())]) if len(counts) else np.empty(0)
        if self._failed:
            fired, when = fired[when < self.t_ms], when[when < self.t_ms]
        samples: list[Floats] = [np.empty(0)] * len(self._probe_order)
        rows = last // self._probe_periods - self.step // self._probe_periods
        for k, probe in enumerate(self._probe_order.tolist()):
            samples[probe] = out[offsets[k] : offsets[k] + rows[k]]
        return Window(fired.astype(np.int64), when, samples)

    def _shares(self, steps: int) -> list[tuple[int, int]]:
        """Split the blocks into ranges of equal cost: one a thread in short windows, several in long ones.

        Several, because a core that the machine takes away for a while would otherwise hold up the others.
        """
        cost = np.diff(np.append(self.layout.grid.base, self.layout.grid.size)).astype(float)
        for _, entry in self._entries():
            cost += INSTANCE * LANES * np.diff(entry.rows.first)
        parts = self.request.threads * (RANGES_A_THREAD if cost.sum() * steps > LONG_WINDOW else 1)
        bounds = np.searchsorted(np.cumsum(cost), np.linspace(0.0, cost.sum(), parts + 1)[1:-1])
        edges = [0, *(int(b) + 1 for b in bounds), len(cost)]
        return [(a, b) for a, b in pairwise(edges) if a < b]


def _by_mechanism(points: Sequence[tuple[int, Point]]) -> dict[Mechanism, list[tuple[int, Point]]]:
    out: dict[Mechanism, list[tuple[int, Point]]] = {}
    for cell, point in points:
        out.setdefault(point.mechanism, []).append((cell, point))
    return out


def _joined(mechanism: Mechanism, parts: list[_Part], varying: frozenset[tuple[str, str]]) -> Placed:
    elements = np.concatenate([p.elements for p in parts])
    values: dict[str, float | Floats] = {}
    for name in mechanism.defaults:
        pieces = [p.values[name] for p in parts]
        if all(np.ndim(p) == 0 for p in pieces) and len({float(np.ravel(p)[0]) for p in pieces}) == 1:
            values[name] = float(np.ravel(pieces[0])[0])
        else:
            values[name] = np.concatenate(
                [np.broadcast_to(v, p.elements.shape) for v, p in zip(pieces, parts, strict=True)]
            )
    moving = frozenset(name for mech, name in varying if mech == mechanism.name)
    noisy = any(a.name == "normal" for a in mechanism.assigned)
    if not noisy:
        return Placed(mechanism, elements, values, varying=moving)
    cells = np.concatenate([p.cells for p in parts])
    # By cell and instance in the cell, whatever other cells there are.
    streams = cells * INSTANCES_PER_CELL + occurrence(cells)
    return Placed(mechanism, elements, values, streams, moving)


def _kept(mechanism: Mechanism, recorded: list[str]) -> set[str]:
    """Return the variables of a mechanism that are recorded and would not be stored otherwise."""
    head = f"{mechanism.name}."
    names = {a.name for a in mechanism.assigned} | {*mechanism.nonspecific, *mechanism.electrode}
    names |= {v for v, ion in ion_names(mechanism).items() if v == f"i{ion}"}
    # An element of an array, "ca[3]", keeps the array.
    return {r.removeprefix(head).partition("[")[0] for r in recorded if r.startswith(head)} & names


def _unread(mechanism: Mechanism, needed: set[str]) -> set[str]:
    return {v for v, ion in ion_names(mechanism).items() if v == f"i{ion}" and v not in needed}
