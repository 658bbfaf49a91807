"""Code around NET_RECEIVE, WATCH and FOR_NETCONS of a lowered mechanism: kernels that the event loop calls.

A receiver treats one instance with plain numbers: ``receive_kernel(context, place, arguments, t, flag, dt, effects)``.
It loads what the program reads, stores what it returns, and leaves its effects (three numbers each: executed, time,
flag) for ``neurosim.kernels.events``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from neurosim.engine.codegen import Layout, Loop
from neurosim.kernels import events
from neurosim.mechanisms.program import Lowered, Program

EFFECT = re.compile(r"(send|event|move|watch|netcons)(\d+)_(on|t|flag)")
KINDS = {
    "send": events.SEND,
    "event": events.EVENT,
    "move": events.MOVE,
    "watch": events.WATCHED,
    "netcons": events.EACH,
}
PART = {"on": 0, "t": 1, "flag": 2}


@dataclass(frozen=True)
class Effect:
    """One statement with an effect: its kind (``events.SEND`` and so on) and its number among those of its kind."""

    kind: int
    number: int


def effects_of(program: Program) -> tuple[Effect, ...]:
    """Return the effects of a program in order of execution."""
    found: dict[tuple[str, int], None] = {}
    for name in program.outputs:
        match = EFFECT.fullmatch(name)
        if match is not None:
            found[match[1], int(match[2])] = None
    return tuple(Effect(KINDS[kind], number) for kind, number in found)


def effect_place(program: Program, name: str) -> int | None:
    """Return where an output stands among the effects' numbers, None for other outputs."""
    match = EFFECT.fullmatch(name)
    if match is None:
        return None
    order = effects_of(program).index(Effect(KINDS[match[1]], int(match[2])))
    return 3 * order + PART[match[3]]


class _One:
    """Source of a kernel for one instance."""

    def __init__(self, layout: Layout, ion_names: dict[str, str], loop: Loop) -> None:
        self.layout, self.ion_names, self.mode = layout, ion_names, loop.mode
        self.words: dict[str, None] = {}

    def word(self, name: str) -> str:
        self.words[name] = None
        return f"w_{name}"

    def field_place(self, name: str) -> str:
        return f"(place >> 3) * {self.word(name + '_stride')} + (place & 7)"

    def node(self) -> str:
        if self.mode == "lanes":
            return f"index32({self.word('NODE')}, place >> 3) + (place & 7)"
        return f"index32({self.word('NODE')}, place)"

    def ion_place(self, variable: str) -> str:
        row = self.word(f"{self.ion_names[variable]}_row")
        if self.mode == "lanes":
            return f"index32({row}, place >> 3) * {self.word(variable + '_stride')} + (place & 7)"
        return f"index32({row}, place)"

    def value(self, name: str) -> str | None:
        layout = self.layout
        argument = re.fullmatch(r"arg(\d+)", name)
        other = re.fullmatch(r"other(\d+)", name)
        if name in ("t", "dt", "flag"):
            return None
        if argument:
            return f"load_one(arguments, {argument[1]})"
        if other:
            return f"load_one(out, {other[1]})"
        if name in ("v", "area", "diam"):
            return f"load_one({self.word(name.upper())}, {self.node()})"
        if name in layout.ion_variables:
            return f"load_one({self.word(name)}, {self.ion_place(name)})"
        if name in layout.tables:
            return self.word(name)
        if name in layout.uniforms:
            return f"load_one({self.word('UNIFORM')}, {layout.uniforms.index(name)})"
        return f"load_one({self.word(name)}, {self.field_place(name)})"

    def store(self, program: Program, name: str) -> str:
        argument, other = re.fullmatch(r"arg(\d+)", name), re.fullmatch(r"other(\d+)", name)
        at = effect_place(program, name)
        if at is not None:
            return f"store_one(out, {at}, y_{name})"
        if argument:
            return f"store_one(arguments, {argument[1]}, y_{name})"
        if other:
            return f"store_one(out, {other[1]}, y_{name})"
        if name in self.layout.ion_variables:
            return f"store_one({self.word(name)}, {self.ion_place(name)}, y_{name})"
        return f"store_one({self.word(name)}, {self.field_place(name)}, y_{name})"

    def source(self, program: Program, kernel: str) -> str:
        body = self.load([program])
        body.append(self.call(program, "y"))
        body += [self.store(program, name) for name in program.outputs]
        return self.function(kernel, body)

    def load(self, programs: list[Program]) -> list[str]:
        """Return lines that load what programs read."""
        names = dict.fromkeys(name for p in programs for name in p.inputs)
        return [f"x_{name} = {text}" for name in names if (text := self.value(name)) is not None]

    def call(self, program: Program, head: str) -> str:
        arguments = ", ".join(name if self.value(name) is None else f"x_{name}" for name in program.inputs)
        outs = "".join(f"{head}_{name}, " for name in program.outputs).strip()
        return f"{outs} = {program.name}({arguments})"

    def function(self, kernel: str, body: list[str]) -> str:
        words = [f"w_{w} = word(context, {self.layout.words.index(w)})" for w in self.words]
        return "\n".join(
            [
                "@cfunc(RECEIVER_SIGNATURE, cache=True, error_model='numpy')",
                f"def {kernel}(context, place, arguments, t, flag, dt, out):",
                *(f"    {line}" for line in (*words, *body)),
            ]
        )

    def netcons(self, receive: Program, programs: tuple[Program, ...]) -> str:
        """Return the kernel of FOR_NETCONS for one connection, at ``out``; ``receive`` says which bodies act."""
        body = self.load([receive, *programs])
        body.append(self.call(receive, "y"))
        for k, program in enumerate(programs):
            if not program.outputs:
                continue
            body.append(self.call(program, "z"))
            for name in program.outputs:
                body.append(f"x_{name} = where(y_netcons{k}_on > 0.0, z_{name}, load_one(out, {name[5:]}))")
                body.append(f"store_one(out, {name[5:]}, x_{name})")
        return self.function("netcons_kernel", body)


_HEADER = '''"""Generated by neurosim from mechanism {name}; do not edit."""

from numba import cfunc, njit

from neurosim.kernels.access import *
from neurosim.kernels.random import *
from neurosim.kernels.simd import *

'''


def receiver_source(lowered: Lowered, layout: Layout, ion_names: dict[str, str], name: str, loop: Loop) -> str:
    """Return the source of a module with ``receive_kernel`` and, if needed, ``netcons_kernel``; "" without any."""
    if lowered.receive is None or not lowered.receive.outputs:
        return ""
    inlined = [lowered.receive, *lowered.netcons]
    parts = [_HEADER.format(name=name), *(f"@njit(error_model='numpy')\n{p.source}\n" for p in inlined if p.outputs)]
    parts.append(_One(layout, ion_names, loop).source(lowered.receive, "receive_kernel") + "\n")
    if lowered.netcons:
        parts.append(_One(layout, ion_names, loop).netcons(lowered.receive, lowered.netcons) + "\n")
    return "\n".join(parts)
