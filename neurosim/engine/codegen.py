"""Loops around a lowered mechanism's programs: source of one importable module with two C-callable kernels.

``current`` adds a mechanism's currents and conductances to the right-hand side and the diagonal; ``advance`` moves
its states by one step. Both have the signature ``(context, first, last, t_ms, dt_ms)`` and work on rows ``first`` to
``last`` of eight instances each. A context is a table of int64 words: addresses, strides and index arrays, in the
order of ``Layout.words``.

Two addressings:

``lanes``
    Row i holds one node of eight cells; its node element is ``node[i]`` and all lanes are contiguous.
``gather``
    Row i holds eight nodes of one cell; lane k's element is ``node[8 i + k]``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from neurosim.mechanisms.lower import symbol
from neurosim.mechanisms.program import Lowered, Program

NODE_ARRAYS = ("V", "R", "D", "AREA", "DIAM")
"""Node arrays whose addresses stand first in every context."""

FIXED = (*NODE_ARRAYS, "NODE", "SCALE", "SCALE_AT", "UNIFORM", "NORMAL", "WATCH", "PLACES")
"""Words every context starts with: node arrays, node indices, scales and their indices, uniform values, random key,
values of the WATCH conditions and the number of places of each."""

EVENT_INPUT = re.compile(r"flag|(?:arg|other)\d+")


@dataclass(frozen=True)
class Layout:
    """Where the words of a context stand.

    ``fields`` take two words each (address, stride in elements: 8, or 0 when all instances share one row; see ``Loop``
    for voltages of other cells), ion variables two (address, stride) and each ion one more (index array of its rows),
    tables one.
    """

    fields: tuple[str, ...]
    ion_variables: tuple[str, ...]
    ions: tuple[str, ...]
    uniforms: tuple[str, ...]
    tables: tuple[str, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """Return the names of all words in order."""
        out = list(FIXED)
        for f in self.fields:
            out += [symbol(f), f"{symbol(f)}_stride"]
        for v in self.ion_variables:
            out += [v, f"{v}_stride"]
        out += [f"{ion}_row" for ion in self.ions]
        out += list(self.tables)
        return tuple(out)


def programs_of(lowered: Lowered) -> tuple[Program, ...]:
    """Return the compiled programs."""
    events = [p for p in (lowered.receive, lowered.watch) if p is not None]
    return (lowered.current, lowered.advance, *events, *lowered.netcons)


def layout_of(lowered: Lowered, ion_names: dict[str, str]) -> Layout:
    """Return the layout of a mechanism's context; ``ion_names`` maps ion variables to their ion."""
    used = list(dict.fromkeys((*lowered.ion_reads, *lowered.ion_writes)))
    inputs: dict[str, None] = {}
    for program in programs_of(lowered):
        inputs.update(dict.fromkeys(program.inputs))
    tables = tuple(f"table{k}" for k in range(len(lowered.tables)))
    known = {"v", "t", "dt", "celsius", "area", "diam", "normal", *used, *tables, *(symbol(f) for f in lowered.fields)}
    uniforms = ("celsius", *(n for n in inputs if n not in known and not EVENT_INPUT.fullmatch(n)))
    return Layout(
        fields=lowered.fields,
        ion_variables=tuple(used),
        ions=tuple(dict.fromkeys(ion_names[v] for v in used)),
        uniforms=uniforms,
        tables=tables,
    )


class _Writer:
    """Source of one kernel's loop body."""

    def __init__(self, layout: Layout, ion_names: dict[str, str], loop: Loop) -> None:
        self.layout, self.ion_names, self.mode, self.point = layout, ion_names, loop.mode, loop.point
        self.seen = loop.seen
        self.words_used: dict[str, None] = {}
        self.head: list[str] = []
        self.body: list[str] = []

    def word(self, name: str) -> str:
        self.words_used[name] = None
        return f"w_{name}"

    def node_value(self, array: str) -> str:
        if self.mode == "lanes":
            return f"load({self.word(array)}, e)"
        return f"gather({self.word(array)}, {self.word('NODE')}, i * 8)"

    def ion_place(self, variable: str) -> str:
        row = self.word(f"{self.ion_names[variable]}_row")
        return f"index32({row}, i) * {self.word(variable + '_stride')}"

    def ion_value(self, variable: str) -> str:
        if self.mode == "lanes":
            return f"load({self.word(variable)}, {self.ion_place(variable)})"
        row = self.word(f"{self.ion_names[variable]}_row")
        return f"gather({self.word(variable)}, {row}, i * 8)"

    def value(self, name: str) -> str | None:
        """Return the expression that loads input ``name``, None for arguments of the kernel."""
        if name in ("t", "dt"):
            return None
        if name == "v":
            return self.node_value("V")
        if name in self.seen:
            return f"gather({self.word(name)}, {self.word(name + '_stride')}, i * 8)"
        if name in ("area", "diam"):
            return self.node_value(name.upper())
        if name == "normal":
            return f"standard_normal({self.word('NORMAL')}, i, t, dt)"
        if name in self.layout.ion_variables:
            return self.ion_value(name)
        if name in self.layout.tables:
            return self.word(name)
        if name in self.layout.uniforms:
            return f"load_one({self.word('UNIFORM')}, {self.layout.uniforms.index(name)})"
        return f"load({self.word(name)}, i * {self.word(name + '_stride')})"

    def load_inputs(self, program: Program) -> None:
        if self.mode == "lanes":
            self.body.append(f"e = index32({self.word('NODE')}, i)")
        for name in program.inputs:
            text = self.value(name)
            if text is not None:
                target = self.head if name in self.layout.uniforms or name in self.layout.tables else self.body
                target.append(f"x_{name} = {text}")

    def call(self, program: Program) -> None:
        args = ", ".join(n if n in ("t", "dt") else f"x_{n}" for n in program.inputs)
        outs = "".join(f"y_{n}, " for n in program.outputs)
        self.body.append(f"{outs.strip()} = {program.name}({args})")

    def scale(self) -> None:
        self.body.append(f"scale = load({self.word('SCALE')}, index32({self.word('SCALE_AT')}, i))")

    def add_current(self, outputs: tuple[str, ...], masked: bool) -> None:
        if masked:
            for name in [n for n in ("i", "g") if n in outputs]:
                self.body.append(f"y_{name} = where(scale > 0.0, y_{name}, 0.0)")
        if "i" in outputs:
            if self.mode == "lanes":
                self.body.append(f"store({self.word('R')}, e, fma(-scale, y_i, load({self.word('R')}, e)))")
            else:
                self.body.append(f"scatter_fma({self.word('R')}, {self.word('NODE')}, i * 8, -scale, y_i)")
        if "g" in outputs:
            if self.mode == "lanes":
                self.body.append(f"store({self.word('D')}, e, fma(scale, y_g, load({self.word('D')}, e)))")
            else:
                self.body.append(f"scatter_fma({self.word('D')}, {self.word('NODE')}, i * 8, scale, y_g)")

    def put_ion(self, variable: str, current: bool) -> None:
        """Write a concentration or reversal potential, or add an ion current; absent lanes are left alone."""
        value = f"y_{variable}"
        if current and self.point:
            self.body.append(f"y_{variable} = y_{variable} * (100.0 / {self.node_value('AREA')})")
        if self.mode == "lanes":
            place = self.ion_place(variable)
            old = f"load({self.word(variable)}, {place})"
            new = f"{old} + where(scale > 0.0, {value}, 0.0)" if current else f"where(scale > 0.0, {value}, {old})"
            self.body.append(f"store({self.word(variable)}, {place}, {new})")
            return
        row = self.word(f"{self.ion_names[variable]}_row")
        verb = "scatter_add" if current else "scatter"
        self.body.append(f"{verb}({self.word(variable)}, {row}, i * 8, {value})")

    def put(self, name: str, written_currents: frozenset[str]) -> None:
        if name in ("i", "g"):
            return
        watched = re.fullmatch(r"watch(\d+)", name)
        if watched:
            self.body.append(f"store({self.word('WATCH')}, {watched[1]} * {self.word('PLACES')} + i * 8, y_{name})")
            return
        if name in self.layout.ion_variables:
            self.put_ion(name, name in written_currents)
        else:
            self.body.append(f"store({self.word(name)}, i * {self.word(name + '_stride')}, y_{name})")

    def source(self, name: str) -> str:
        words = self.layout.words
        loads = [f"w_{w} = word(context, {words.index(w)})" for w in self.words_used]
        lines = [
            "@cfunc(KERNEL_SIGNATURE, cache=True, error_model='numpy')",
            f"def {name}(context, first, last, t, dt):",
            *(f"    {line}" for line in (*loads, *self.head)),
            "    for i in range(first, last):",
            *(f"        {line}" for line in self.body),
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class Loop:
    """How the rows of one mechanism are addressed and what is stored.

    ``mode`` is "lanes" or "gather"; ``point`` means currents in nA; ``masked`` that some lanes of some rows are empty;
    ``unread`` are ion currents nobody reads, which are not added up. ``seen`` are voltages of other cells that are read
    where they are: the two words of such a field are the addresses of V and of int32 elements by place.
    """

    mode: str
    point: bool
    masked: bool
    unread: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()


def _kernel(program: Program, layout: Layout, ion_names: dict[str, str], loop: Loop) -> str:
    currents = frozenset(v for v in layout.ion_variables if v == f"i{ion_names[v]}")
    outputs = tuple(n for n in program.outputs if n not in loop.unread)
    writer = _Writer(layout, ion_names, loop)
    writer.load_inputs(program)
    writer.call(program)
    if {"i", "g"} & set(outputs) or any(n in layout.ion_variables for n in outputs):
        writer.scale()
    writer.add_current(outputs, loop.masked and loop.mode == "lanes")
    for name in outputs:
        writer.put(name, currents)
    return writer.source(f"{program.name}_kernel")


_HEADER = '''"""Generated by neurosim from mechanism {name}; do not edit."""

from numba import cfunc, njit

from neurosim.kernels.access import *
from neurosim.kernels.random import *
from neurosim.kernels.simd import *

'''


def module_source(lowered: Lowered, layout: Layout, ion_names: dict[str, str], name: str, loop: Loop) -> str:
    """Return the source of a module with those of ``current_kernel``, ``advance_kernel``, ``watch_kernel`` that act.

    Parameters
    ----------
    lowered : Lowered
        The programs.
    layout : Layout
        Words of the context.
    ion_names : dict
        Ion variable -> ion.
    name : str
        Mechanism, for the header.
    loop : Loop
        How rows are addressed.
    """
    parts = [_HEADER.format(name=name)]
    for program in (lowered.current, lowered.advance, lowered.watch):
        if program is not None and program.outputs:
            parts.append(f"@njit(forceinline=True, error_model='numpy')\n{program.source}\n")
            parts.append(_kernel(program, layout, ion_names, loop) + "\n")
    return "\n".join(parts)


def plain_source(lowered: Lowered, name: str) -> str:
    """Return the source of a module that runs the rarely used programs on Python floats."""
    head = f'"""Generated by neurosim from mechanism {name}; do not edit."""\n\nfrom neurosim.kernels.plain import *\n'
    programs = [lowered.initial, *(p for p in (lowered.constants, lowered.connect) if p is not None)]
    for table in lowered.tables:
        programs += [table.bounds, table.row]
    return "\n\n".join([head, *(p.source for p in programs if p.outputs)])
