"""One mechanism of a simulation: its instances in rows, their fields, and its compiled kernels."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.build import load_module
from neurosim.engine.codegen import Layout, Loop, layout_of, module_source, plain_source
from neurosim.engine.entry import Entry, Placed, Sent, Surroundings
from neurosim.engine.evaluate import evaluate
from neurosim.engine.ions import IonRows
from neurosim.engine.lowered import lowered
from neurosim.engine.memory import address, filled, zeros
from neurosim.engine.receiver import Effect, effect_place, effects_of, receiver_source
from neurosim.engine.rows import Longs, Rows, rows_of
from neurosim.kernels.plain import sample_points
from neurosim.kernels.random import normal
from neurosim.kernels.simd import LANES
from neurosim.mechanisms.lower import symbol
from neurosim.mechanisms.lower.hoist import HOISTED
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.program import Program
from neurosim.mechanisms.syntax import Assign, Name, Variable

Floats = NDArray[np.float64]


def ion_names(mechanism: Mechanism) -> dict[str, str]:
    """Return ion variable -> ion for everything the mechanism reads or writes."""
    return {v: use.ion for use in mechanism.ions for v in (*use.reads, *use.writes)}


def role_of(variable: str, ion: str) -> str:
    """Return which of ``e``, ``i``, ``ci``, ``co`` an ion variable is."""
    return {f"e{ion}": "e", f"i{ion}": "i", f"{ion}i": "ci", f"{ion}o": "co"}[variable]


def own_current(variable: str) -> str:
    """Return the name under which a mechanism keeps its own part of an ion current."""
    return f"{variable}_own"


def _with_own_currents(mechanism: Mechanism, currents: Collection[str]) -> Mechanism:
    """Return the mechanism with its part of these ion currents copied into variables at the end of BREAKPOINT."""
    if not currents:
        return mechanism
    names = sorted(currents)
    copies = tuple(Assign(Name(own_current(v)), Name(v)) for v in names)
    code = replace(mechanism.code, breakpoint=(*mechanism.code.breakpoint, *copies))
    return replace(mechanism, code=code, assigned=(*mechanism.assigned, *(Variable(own_current(v)) for v in names)))


class Channel:
    """A mechanism in a simulation.

    Parameters
    ----------
    placed : Placed
        Its instances.
    around : Surroundings
        Node arrays, ions, temperature, step.
    keep : collection of str
        Assigned variables somebody records.
    unread : collection of str
        Ion currents nobody reads.
    """

    def __init__(
        self, placed: Placed, around: Surroundings, *, keep: Collection[str] = (), unread: Collection[str] = ()
    ) -> None:
        self.mechanism = placed.mechanism
        self.placed = placed
        self.around = around
        self.ion_names = ion_names(placed.mechanism)
        currents = {v for v in keep if v in self.ion_names}
        stored = {*keep} - currents | {own_current(v) for v in currents}
        self._stored = stored
        self.lowered = lowered(_with_own_currents(placed.mechanism, currents), tuple(sorted(stored)))
        self.layout: Layout = layout_of(self.lowered, self.ion_names)
        self._unread = frozenset(unread)
        self._plain = load_module(f"{self.mechanism.name}_plain", plain_source(self.lowered, self.mechanism.name))
        self._uniforms = self._uniform_values()
        self._tables = self._make_tables()
        self._uniform_array = filled(np.array([float(self._uniforms[n]) for n in self.layout.uniforms]))
        # Instances of rows with ions stay in lanes, as the ions' own rows do.
        packed = placed.mechanism.kind is Kind.POINT and not placed.mechanism.ions
        self.entries = [self._entry(rows) for rows in rows_of(placed.elements, around.grid, packed=packed)]
        self.sent: list[Sent] = []

    @property
    def effects(self) -> tuple[Effect, ...]:
        """The effects of NET_RECEIVE in order."""
        return () if self.lowered.receive is None else effects_of(self.lowered.receive)

    # --- values -----------------------------------------------------------------------------------------------------

    def _value(self, field_name: str) -> float | Floats:
        if field_name in self.placed.values:
            return self.placed.values[field_name]
        return self.lowered.defaults[field_name]

    def _uniform_values(self) -> dict[str, float]:
        values: dict[str, float] = {"celsius": self.around.celsius_degC, "dt": self.around.dt_ms}
        # A whole number that a float64 holds exactly.
        values["random_key"] = float(self._key() % 2**53)
        if self.lowered.constants is not None:
            program = self.lowered.constants
            values.update(zip(program.outputs, self._run(program, values), strict=True))
        return values

    def _run(self, program: Program, values: Mapping[str, float]) -> tuple[float, ...]:
        with np.errstate(all="ignore"):
            out = getattr(self._plain, program.name)(*(np.float64(values[n]) for n in program.inputs))
        return tuple(float(x) for x in out)

    def _make_tables(self) -> list[Floats]:
        """Compute all tables with the values of the first instance: a table belongs to the mechanism."""
        first = {symbol(f): float(np.ravel(self._value(f))[0]) for f in self.lowered.fields}
        first.update(self._uniforms)
        tables = []
        for number, spec in enumerate(self.lowered.tables):
            low, high = self._run(spec.bounds, first)
            table = zeros((spec.count + 1) * len(spec.columns))
            rows = table.reshape(-1, len(spec.columns))
            for k, x in enumerate(sample_points(low, high, spec.count)):
                rows[k] = self._run(spec.row, {**first, "x": x})
            self._uniforms[f"table{number}_low"] = low
            self._uniforms[f"table{number}_per_step"] = 1.0 / ((high - low) / spec.count)
            tables.append(table)
        return tables

    # --- memory -----------------------------------------------------------------------------------------------------

    def _entry(self, rows: Rows) -> Entry:
        fields: dict[str, Floats] = {}
        strides: dict[str, int] = {}
        programs = (self.lowered.initial, self.lowered.current, self.lowered.advance, self.lowered.receive)
        changing = {n for p in programs if p is not None for n in p.outputs}
        for name in self.lowered.fields:
            value = self._value(name)
            changes = symbol(name) in changing or name in self.placed.varying
            if not changes and (np.ndim(value) == 0 or np.all(value == np.ravel(value)[0])):
                fields[name], strides[name] = filled(np.full(LANES, float(np.ravel(value)[0]))), 0
            else:
                mine = value if np.ndim(value) == 0 else np.asarray(value)[rows.chosen]
                fields[name], strides[name] = filled(rows.fill(mine)), LANES
        conditions = len(self.lowered.watch_flags) * rows.n * LANES
        watched, states = zeros(conditions), np.zeros(conditions, np.int32)
        context, keep = self._context(rows, fields, strides, watched)
        entry = Entry(rows, fields, strides, context, keep, watched, states)
        for module in self._compile(rows):
            for name in ("current", "advance", "watch", "receive", "netcons"):
                kernel = getattr(module, f"{name}_kernel", None)
                if kernel is not None:
                    setattr(entry, name, int(kernel.address))
        return entry

    def _compile(self, rows: Rows) -> list[ModuleType]:
        """Compile what runs in every step, and what treats events."""
        point = self.mechanism.kind is not Kind.DENSITY
        seen = frozenset(symbol(name) for name in self.placed.seen)
        loop = Loop(rows.mode, point, not rows.full, self._unread, seen)
        name = f"{self.mechanism.name}_{rows.mode}"
        modules = [
            load_module(name, module_source(self.lowered, self.layout, self.ion_names, self.mechanism.name, loop))
        ]
        source = receiver_source(self.lowered, self.layout, self.ion_names, self.mechanism.name, loop)
        # Where events only add, the event loop does it and calls nothing.
        if source and (self.lowered.additive is None or self.effects):
            modules.append(load_module(f"{name}_events", source))
        return modules

    def _context(
        self, rows: Rows, fields: dict[str, Floats], strides: dict[str, int], watched: Floats
    ) -> tuple[NDArray[np.int64], list[Any]]:
        nodes = self.around.nodes
        words: dict[str, int] = {name: address(nodes[name]) for name in ("V", "R", "D", "AREA", "DIAM")}
        keep: list[Any] = []

        def hold(array: Any) -> int:
            keep.append(array)
            return address(array)

        words["NODE"] = hold(rows.node)
        words["SCALE"], words["SCALE_AT"] = self._scale(rows, hold)
        words["UNIFORM"] = address(self._uniform_array)
        words["NORMAL"] = hold(self._keys(rows)) if len(self.placed.streams) else 0
        words["WATCH"], words["PLACES"] = address(watched), rows.n * LANES
        for name in self.lowered.fields:
            words[symbol(name)], words[f"{symbol(name)}_stride"] = address(fields[name]), strides[name]
        for name, elements in self.placed.seen.items():
            seen = rows.node.copy() if rows.mode == "gather" else np.repeat(rows.node, LANES)
            seen[rows.place] = elements[rows.chosen]
            words[symbol(name)], words[f"{symbol(name)}_stride"] = address(nodes["V"]), hold(seen)
        for variable in self.layout.ion_variables:
            ion = self._ion(self.ion_names[variable], rows)
            role = role_of(variable, self.ion_names[variable])
            unread = variable in self._unread
            words[variable] = 0 if unread else address(ion.values[role])
            words[f"{variable}_stride"] = 0 if unread else ion.strides[role]
        for name in self.layout.ions:
            words[f"{name}_row"] = hold(self._ion_rows(name, rows))
        for number, table in enumerate(self._tables):
            words[f"table{number}"] = address(table)
        return np.array([words[w] for w in self.layout.words], np.int64), keep

    def _scale(self, rows: Rows, hold: Any) -> tuple[int, int]:
        """Address of the factors from currents to the matrix, and of the index array into them."""
        if self.mechanism.kind is Kind.DENSITY:
            if rows.mode == "lanes" and rows.full:
                return address(self.around.nodes["AREA"]), address(rows.node)
            areas = zeros(rows.n * LANES)
            areas[rows.place] = self.around.nodes["AREA"][self.placed.elements[rows.chosen]]
            return hold(areas), hold((np.arange(rows.n) * LANES).astype(np.int32))
        if rows.full:
            return hold(filled(np.full(LANES, 100.0))), hold(np.zeros(rows.n, np.int32))
        return hold(filled(rows.mask(100.0))), hold((np.arange(rows.n) * LANES).astype(np.int32))

    def _ion(self, name: str, rows: Rows) -> IonRows:
        return next(r for r in self.around.ions[name] if r.mode == rows.mode)

    def _ion_rows(self, name: str, rows: Rows) -> NDArray[np.int32]:
        ion = self._ion(name, rows)
        if ion.shared:
            return np.zeros(len(rows.node), np.int32)
        places = ion.places(self.placed.elements[rows.chosen])
        if rows.mode == "lanes":
            out = np.zeros(rows.n, np.int32)
            out[rows.place // LANES] = places // LANES
            return out
        out = np.full(rows.n * LANES, ion.spare, np.int32)
        out[rows.place] = places
        return out

    def _keys(self, rows: Rows) -> NDArray[np.int64]:
        out = np.zeros((rows.n * LANES, 2), np.int64)
        out[:, 0] = self._key()
        out[rows.place, 1] = self.placed.streams[rows.chosen]
        return out

    def _key(self) -> int:
        """Key of the random numbers: from the seed and the mechanism's name, so that two mechanisms are independent."""
        digest = hashlib.sha256(f"{self.around.seed} {self.mechanism.name}".encode()).digest()
        return int.from_bytes(digest[:8], "little", signed=True)

    def _start_normals(self, rows: Rows) -> float | Floats:
        """Random numbers of INITIAL: those of step 0."""
        if not len(self.placed.streams):
            return 0.0
        key = self._key()
        return np.array([normal(key, stream, 0) for stream in self.placed.streams[rows.chosen].tolist()])

    # --- initialisation ---------------------------------------------------------------------------------------------

    def initialise(self) -> None:
        """Run INITIAL for every instance, at the initial voltage and the ions as they are now."""
        self.sent.clear()
        for entry in self.entries:
            entry.watch_states[:] = 0
            for name in self.lowered.fields:
                if entry.strides[name]:
                    value = self._value(name)
                    mine = value if np.ndim(value) == 0 else np.asarray(value)[entry.rows.chosen]
                    entry.fields[name][:] = entry.rows.fill(mine)
            if self.lowered.initial.outputs:
                self._initialise_entry(entry)
                self._share_hidden(entry)

    def _initialise_entry(self, entry: Entry) -> None:
        program = self.lowered.initial
        elements = self.placed.elements[entry.rows.chosen]
        known: dict[str, float | Floats] = {**self._uniforms, "t": 0.0, "v": self.around.v_init_mV}
        known["normal"] = self._start_normals(entry.rows)
        for name in program.inputs:
            if name in known or name in self.layout.tables:
                continue
            if name in ("area", "diam"):
                known[name] = self.around.nodes[name.upper()][elements]
            elif name in self.ion_names:
                known[name] = self._ion_values(name, entry, elements)
            else:
                field_name = next(f for f in self.lowered.fields if symbol(f) == name)
                known[name] = self._value(field_name)
                if np.ndim(known[name]):
                    known[name] = np.asarray(known[name])[entry.rows.chosen]
        tables = {n: self._tables[int(n.removeprefix("table"))] for n in self.layout.tables if n in program.inputs}
        function = partial(getattr(self._plain, program.name), **tables)
        outputs = evaluate(function, {n: known[n] for n in program.inputs if n not in tables}, len(elements))
        effects = np.zeros((len(elements), 3 * len(effects_of(program))))
        for name, value in zip(program.outputs, outputs, strict=True):
            at = effect_place(program, name)
            if at is not None:
                effects[:, at] = value
            elif name in self.ion_names:
                self._set_ion(name, entry, elements, value)
            else:
                field_name = next(f for f in self.lowered.fields if symbol(f) == name)
                entry.fields[field_name][:] = entry.rows.fill(value) if entry.strides[field_name] else value[0]
        for at in range(0, effects.shape[1], 3):
            for k in np.flatnonzero(effects[:, at]):
                self.sent.append(Sent(int(entry.rows.chosen[k]), float(effects[k, at + 1]), float(effects[k, at + 2])))

    def _share_hidden(self, entry: Entry) -> None:
        """Keep one row of a hidden field that is the same for all instances: it then stays in the nearest cache."""
        additive = self.lowered.additive
        factors = [c for c in additive.coefficients if isinstance(c, str)] if additive is not None else []
        for name in self.lowered.fields:
            values = entry.fields[name]
            hidden = name.startswith(HOISTED) or (name in factors and name not in self._stored)
            if hidden and entry.strides[name] and len(values) and (values == values[0]).all():
                entry.fields[name], entry.strides[name] = filled(values[:LANES]), 0
                words = self.layout.words
                entry.context[words.index(symbol(name))] = address(entry.fields[name])
                entry.context[words.index(f"{symbol(name)}_stride")] = 0

    def connect(self, instances: Longs, arguments: Floats) -> Floats:
        """Return the arguments of connections at t = 0, float64 (n, arguments).

        Parameters
        ----------
        instances : int64 (n,)
            Instance of each connection.
        arguments : float64 (n,)
            Weights.
        """
        out = np.zeros((len(instances), max(1, self.lowered.arguments_n)))
        out[:, 0] = arguments
        program = self.lowered.connect
        if program is None or not len(instances):
            return out
        known: dict[str, float | Floats] = {**self._uniforms, "t": 0.0, "flag": 0.0, "v": self.around.v_init_mV}
        for name in program.inputs:
            if name.startswith("arg") and name[3:].isdigit():
                known[name] = out[:, int(name[3:])]
            elif name not in known:
                known[name] = self._by_instance(name)[instances]
        results = evaluate(getattr(self._plain, program.name), {n: known[n] for n in program.inputs}, len(instances))
        for name, value in zip(program.outputs, results, strict=True):
            if name.startswith("arg") and name[3:].isdigit():
                out[:, int(name[3:])] = value
        return out

    def _by_instance(self, name: str) -> Floats:
        """Return a field of every instance as it is now, float64 (instances,)."""
        field_name = next(f for f in self.lowered.fields if symbol(f) == name)
        out = np.empty(len(self.placed.elements))
        for entry in self.entries:
            stride = entry.strides[field_name]
            out[entry.rows.chosen] = entry.fields[field_name][entry.rows.place if stride else 0]
        return out

    def _ion_values(self, variable: str, entry: Entry, elements: Longs) -> Floats:
        ion = self._ion(self.ion_names[variable], entry.rows)
        role = role_of(variable, self.ion_names[variable])
        if role not in ion.values:
            return np.zeros(len(elements))
        if ion.strides[role] == 0:
            return np.full(len(elements), ion.values[role][0])
        return ion.values[role][ion.places(elements)]

    def _set_ion(self, variable: str, entry: Entry, elements: Longs, value: Floats) -> None:
        ion = self._ion(self.ion_names[variable], entry.rows)
        ion.values[role_of(variable, self.ion_names[variable])][ion.places(elements)] = value
