"""Every mechanism of the library compiles for GPUs: no spill, no float64 in a float32 build, no fused products.

Needs the extra ``cuda-check`` but no GPU: ``make cuda-check``. With ``NEUROSIM_CUDA_TABLE=FILE`` the registers of all
kernels are written there as a table.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from neurosim.mechanisms.program import Program
from tests.cuda.build import Built, names
from tests.cuda.ptx import TARGETS, Report, assemble, missing, reports, signature, to_ptx

pytestmark = pytest.mark.skipif(missing() is not None, reason=str(missing()))

REALS = ("float32", "float64")
# Registers a thread may use: 65536 a multiprocessor, so 512 threads of float32 and 256 of float64 at least.
REGISTERS = {"float32": 128, "float64": 255}
# CUDA's own float64 sin, cos and tan keep digits of 2/pi for large arguments in local memory.
STACK_OF_SINE_BYTES = 40
# Functions that CUDA computes with fma inside.
WITH_FMA = re.compile(r"(exp|log|log10|pow_|sin|cos|tan|asin|acos|atan|atan2|sinh|cosh|tanh|fmod_|lookup)\(")


@dataclass(frozen=True)
class Kernel:
    """A program of a mechanism with its reports, by target."""

    program: Program
    by_target: dict[str, Report]


@dataclass(frozen=True)
class Kernels:
    """All kernels of a mechanism in one precision."""

    built: Built
    kernels: tuple[Kernel, ...]

    def all(self) -> list[tuple[Program, Report]]:
        """Return every program with each of its reports."""
        return [(k.program, r) for k in self.kernels for r in k.by_target.values()]


def _table(rows: list[Report]) -> str:
    lines = ["| kernel | registers | stack, bytes | spill, bytes | float64 lines |", "| --- | --- | --- | --- | --- |"]
    for r in rows:
        lines.append(f"| {r.kernel} | {r.registers} | {r.stack_bytes} | {r.spill_bytes} | {len(r.doubles)} |")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def rows() -> Iterator[list[Report]]:
    """Collect the reports of this module; write them to a file if one is asked for."""
    found: list[Report] = []
    yield found
    if os.environ.get("NEUROSIM_CUDA_TABLE"):
        Path(os.environ["NEUROSIM_CUDA_TABLE"]).write_text(_table(found))


@pytest.fixture(scope="module", params=[(n, r) for n in names() for r in REALS], ids="-".join)
def compiled(request: pytest.FixtureRequest, rows: list[Report], tmp_path_factory: pytest.TempPathFactory) -> Kernels:
    """Compile a mechanism in one precision for all targets."""
    built = Built(*request.param)
    folder = tmp_path_factory.mktemp("ptx")
    module = built.module(folder)
    kernels = tuple(Kernel(p, reports(built, module, p, folder)) for p in built.programs)
    rows += [r for k in kernels for r in k.by_target.values()]
    return Kernels(built, kernels)


def test_no_kernel_spills(compiled: Kernels) -> None:
    assert compiled.kernels
    for program, report in compiled.all():
        sine = compiled.built.real == "float64" and re.search(r"\b(sin|cos|tan)\(", program.source)
        assert report.spill_bytes == 0, f"{report.kernel}: {report.spill_bytes} bytes"
        assert report.stack_bytes <= (STACK_OF_SINE_BYTES if sine else 0), (
            f"{report.kernel}: {report.stack_bytes} bytes"
        )


def test_registers_leave_room_for_enough_threads(compiled: Kernels) -> None:
    for _, report in compiled.all():
        assert report.registers <= REGISTERS[compiled.built.real], f"{report.kernel}: {report.registers}"


def test_float32_kernels_do_not_compute_in_float64(compiled: Kernels) -> None:
    for program, report in compiled.all():
        if compiled.built.real == "float32":
            assert report.doubles == [], report.kernel
        else:
            # Shows that the search finds what it looks for.
            assert len(report.doubles) >= len(program.outputs), report.kernel


def test_products_are_fused_only_where_the_program_says_so(compiled: Kernels) -> None:
    for program, report in compiled.all():
        if not WITH_FMA.search(program.source):
            assert len(re.findall(r"\bfma\.", report.ptx)) <= program.source.count("fma("), report.kernel
            unprotected = re.findall(r"\bmul\.f(?:32|64)\b.*", report.ptx)
            assert unprotected == [], report.kernel


def test_the_assembler_reports_spills_when_registers_are_few(tmp_path: Path) -> None:
    built = Built("NaV", "float64")
    kernel = built.module(tmp_path).advance_kernel
    ptx = to_ptx(kernel, signature(built), TARGETS[0])
    assert assemble("NaV", ptx, TARGETS[0], tmp_path, "-maxrregcount=32").spill_bytes > 0
