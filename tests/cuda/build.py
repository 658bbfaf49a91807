"""Kernels of the library's mechanisms for CUDA, and numbers to call them with."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from neurosim.engine.cuda import Columns, columns_of, module_source
from neurosim.kernels import plain
from neurosim.mechanisms import Mechanism, library, loads
from neurosim.mechanisms.lower import lower, symbol
from neurosim.mechanisms.mechanism import Kind
from neurosim.mechanisms.program import Lowered, Program
from tests.lowering import compiled

T_MS, DT_MS, CELSIUS_degC = 0.7, 0.025, 34.0

# Concentrations in mM and reversal potentials in mV around which random ones lie; ion currents in mA/cm2.
IONS = {"cai": 2e-4, "cao": 2.0, "ki": 54.4, "ko": 2.5, "nai": 10.0, "nao": 140.0}
IONS |= {"ek": -85.0, "ena": 53.0, "eca": 120.0, "ica": -1e-3, "ik": 1e-2, "ina": -1e-2}

# Every function of mechanism code, and fields called like things in generated modules.
EVERYTHING = """
NEURON { SUFFIX everything NONSPECIFIC_CURRENT i RANGE mul, count, here, columns, uniforms, thread, device, cuda }
PARAMETER { mul = 1.1 count = 2 here = 3 columns = 4 uniforms = 5 thread = 6 device = 7 cuda = 8 }
STATE { x }
INITIAL { x = 0.5 }
BREAKPOINT {
    SOLVE states METHOD cnexp
    i = mul*exp(v/100) + count*log(fabs(v) + 1) + here*log10(fabs(v) + 1) + columns*sqrt(fabs(v)) + sin(v) + cos(v)
    i = i + tan(v/100) + asin(v/1000) + acos(v/1000) + atan(v) + atan2(v, count) + sinh(v/100) + cosh(v/100)
    i = i + tanh(v/100) + floor(v) + ceil(v) + fmod(v, 7) + pow(fabs(v) + 1, 0.3) + uniforms*(fabs(v) + 2)^mul
    i = i + thread*x - device/cuda + fmin(v)
}
DERIVATIVE states { x' = (1 - x)/mul }
FUNCTION fmin(u) { if (u < -40) { fmin = -40 } else { fmin = u } }
"""


def names() -> tuple[str, ...]:
    """Return the library's mechanisms that do something in every step, and ``everything``."""
    stepped = (n for n in library.names() if library.get(n).kind is not Kind.ARTIFICIAL)
    return (*stepped, "everything")


def mechanism(name: str) -> Mechanism:
    """Return one of ``names``."""
    return loads(EVERYTHING) if name == "everything" else library.get(name)


@dataclass(frozen=True)
class Built:
    """One mechanism in one precision."""

    name: str
    real: str

    @cached_property
    def lowered(self) -> Lowered:
        """Its programs."""
        return lower(mechanism(self.name), real=self.real)

    @cached_property
    def columns(self) -> Columns:
        """Where its numbers stand."""
        return columns_of(self.lowered)

    @property
    def programs(self) -> list[Program]:
        """The programs that do something."""
        return [p for p in (self.lowered.current, self.lowered.advance) if p.outputs]

    def module(self, folder: Path) -> ModuleType:
        """Return the module with its kernels, written to ``folder``."""
        path = folder / f"cuda_{self.name}_{self.real}.py"
        path.write_text(module_source(self.lowered, self.name, self.real))
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module


def _call(program: Program, known: dict[str, Any]) -> dict[str, Any]:
    with np.errstate(all="ignore"):
        values = compiled(program)(*(known[n] for n in program.inputs))
    return dict(zip(program.outputs, values, strict=True))


def numbers(name: str, instances: int, seed: int) -> list[dict[str, Any]]:
    """Return inputs of all programs of ``instances`` instances, float64, after INITIAL at another random voltage.

    Parameters lie within 20 % of their defaults, between 0 and 1 where those are 0 (so that clamps are on in some
    instances), and states within 20 % of their start.
    """
    draw = np.random.default_rng(seed)
    low = lower(mechanism(name))
    return [_instance(low, draw) for _ in range(instances)]


def _instance(low: Lowered, draw: np.random.Generator) -> dict[str, Any]:
    def near(x: float) -> np.float64:
        return np.float64(x * draw.uniform(0.8, 1.2) if x else draw.uniform())

    known: dict[str, Any] = {"t": T_MS, "dt": DT_MS, "celsius": CELSIUS_degC, "area": 400.0, "diam": 2.0}
    known = {n: np.float64(x) for n, x in known.items()}
    known |= {n: near(x) for n, x in IONS.items()}
    known |= {symbol(f): near(x) for f, x in low.defaults.items()}
    known |= {"v": np.float64(draw.uniform(-100.0, 50.0)), "normal": np.float64(draw.normal())}
    known["random_key"] = np.float64(3.0)
    if low.constants is not None:
        known |= _call(low.constants, known)
    for k, spec in enumerate(low.tables):
        known |= _table(k, spec.count, low, known)
    if low.initial.outputs:
        known |= {n: near(x) for n, x in _call(low.initial, known).items()}
    known["v"] = np.float64(draw.uniform(-100.0, 50.0))
    return known


def _table(k: int, count: int, low: Lowered, known: dict[str, Any]) -> dict[str, Any]:
    # The table is the mechanism's, not the instance's: its inputs are the defaults.
    shared = {**known, **{symbol(f): np.float64(x) for f, x in low.defaults.items()}}
    ends = _call(low.tables[k].bounds, shared)
    x = plain.sample_points(float(ends["low"]), float(ends["high"]), count)
    row = _call(low.tables[k].row, {**shared, "x": x})
    flat = np.stack([np.broadcast_to(c, x.shape) for c in row.values()], axis=1).ravel()
    per_step = np.float64(count / (ends["high"] - ends["low"]))
    return {f"table{k}": flat, f"table{k}_low": np.float64(ends["low"]), f"table{k}_per_step": per_step}


def for_build(known: dict[str, Any], built: Built) -> dict[str, Any]:
    """Return the numbers in a build's precision, with its own constants of the run."""
    if built.lowered.constants is not None:
        known = {**known, **_call(built.lowered.constants, known)}
    kind = np.dtype(built.real).type
    return {n: x.astype(built.real) if np.ndim(x) else kind(x) for n, x in known.items()}
