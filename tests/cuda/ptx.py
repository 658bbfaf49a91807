"""Compile kernels to PTX and to machine code without a GPU, and read what the assembler says of them."""

from __future__ import annotations

import importlib
import importlib.util
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from neurosim.mechanisms.program import Program
from tests.cuda.build import Built

TARGETS = ((8, 0), (9, 0))
LONGEST_PTXAS_s = 120


def missing() -> str | None:
    """Return why nothing can be compiled here, or None."""
    if importlib.util.find_spec("numba_cuda") is None:
        return 'numba-cuda is not installed: make cuda-check, or pip install "neurosim[cuda-check]"'
    if ptxas() is None:
        return 'the ptxas of nvidia-cuda-nvcc is not installed: make cuda-check, or pip install "neurosim[cuda-check]"'
    return None


def ptxas() -> Path | None:
    """Return the assembler that pip installed; a toolkit's own may be too old for the PTX."""
    if importlib.util.find_spec("nvidia") is None:
        return None
    found = [p for root in importlib.import_module("nvidia").__path__ for p in Path(root).glob("*/bin/ptxas")]
    return found[0] if found else None


@dataclass(frozen=True)
class Report:
    """What one kernel needs: registers and stack of a thread, bytes of spill stores and loads in its code."""

    kernel: str
    ptx: str
    registers: int
    stack_bytes: int
    spill_bytes: int

    @property
    def doubles(self) -> list[str]:
        """Lines of the PTX that compute with float64."""
        return [line.strip() for line in self.ptx.splitlines() if re.search(r"\.f64\b(?!\s*%fd<)", line)]


def to_ptx(function: Any, signature: tuple[Any, ...], target: tuple[int, int]) -> str:
    """Return a kernel's PTX; no driver is needed."""
    from numba import cuda

    ptx: str = cuda.compile_ptx(function, signature, cc=target)[0]
    return ptx


def assemble(kernel: str, ptx: str, target: tuple[int, int], folder: Path, *options: str) -> Report:
    """Return the assembler's report on a kernel."""
    source = folder / "kernel.ptx"
    source.write_text(ptx)
    tool = ptxas()
    assert tool is not None
    arch = "".join(map(str, target))
    command = [str(tool), f"-arch=sm_{arch}", "-v", *options, str(source), "-o", str(folder / "kernel.cubin")]
    said = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_PTXAS_s, check=False)
    assert said.returncode == 0, f"{kernel}: ptxas: {said.stderr}"
    registers = re.search(r"Used (\d+) registers", said.stderr)
    memory = re.search(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads", said.stderr)
    assert registers is not None and memory is not None, f"{kernel}: ptxas said {said.stderr!r}"
    stack, stored, loaded = map(int, memory.groups())
    return Report(kernel, ptx, int(registers[1]), stack, stored + loaded)


def signature(built: Built) -> tuple[Any, ...]:
    """Return the argument types of a mechanism's kernels."""
    from numba import types

    real = getattr(types, built.real)
    flat = types.Array(real, 1, "C")
    tables = [flat] * len(built.columns.tables)
    return (types.Array(real, 2, "C"), flat, *tables, types.uint64, real, real)


def reports(built: Built, module: ModuleType, program: Program, folder: Path) -> dict[str, Report]:
    """Return a program's report by target, as ``sm_80``."""
    out = {}
    for target in TARGETS:
        arch = f"sm_{target[0]}{target[1]}"
        ptx = to_ptx(getattr(module, f"{program.name}_kernel"), signature(built), target)
        out[arch] = assemble(f"{built.name}.{program.name} {built.real} {arch}", ptx, target, folder)
    return out
