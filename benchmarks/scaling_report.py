"""The table of a file of scaling runs: what was measured, and what the forecast would have said."""

from __future__ import annotations

import os
from statistics import median
from typing import Any

from neurosim.hpc.forecast import forecast
from neurosim.hpc.given import Sheet
from neurosim.hpc.machine import read_machine
from neurosim.hpc.measured import Run, learned

WITHIN = 0.25
"""Part by which a forecast may be off."""

FEWEST_CORES = 2
"""Cores that the figures of two ranks need."""


def report(content: dict[str, Any], machine_name: str) -> list[str]:
    """Return the lines of the table: measured and forecast."""
    runs = [Run(**run) for run in content["runs"]]
    described = read_machine(machine_name)
    lines = [
        head_line(content["machine"]),
        "",
        "| network | ranks | run s | speed-up | computing | exchange | waiting | MB a rank | forecast s | off by "
        "| by calibration s |",
        "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    worst = 0.0
    for run in runs:
        single = [other for other in runs if other.name == run.name and other.ranks == 1]
        if not single:
            continue
        machine = learned(described, single, "its run on one rank")
        foretold_s = _foretold_s(machine, run)
        blind = described.replaced("measured", "calibration", cores=run.cores, **content["calibration"])
        off = foretold_s / run.run_s - 1.0
        worst = max(worst, abs(off))
        own_s = [e - w for e, w in zip(run.exchange_s, run.wait_s, strict=True)]
        lines.append(
            f"| {run.name} | {run.ranks}{' on ' + str(run.cores) + ' cores' if run.crowded else ''} | {run.run_s:.3f} "
            f"| {single[0].run_s / run.run_s:.2f} | {median(run.compute_s) / run.run_s:.1%} "
            f"| {median(own_s) / run.run_s:.1%} | {median(run.wait_s) / run.run_s:.1%} "
            f"| {max(run.memory_B) / 1e6:.1f} | {foretold_s:.3f} | {off:+.1%} | {_foretold_s(blind, run):.3f} |"
        )
    lines += ["", f"Forecast within {WITHIN:.0%}: {'yes' if worst <= WITHIN else 'NO'} (at most {worst:.1%} off)."]
    if (os.cpu_count() or 1) < FEWEST_CORES:
        lines.append(f"Fewer than {FEWEST_CORES} cores: speed-ups say nothing.")
    return lines


def _foretold_s(machine: Sheet, run: Run) -> float:
    return forecast(machine, run.sheet, run.layout).slowdown * run.biological_ms * 1e-3


def head_line(said: dict[str, Any]) -> str:
    """Return it in one line."""
    machine, load = said["machine"], said["load_before"]
    idle = "" if load < 0.3 else ": NOT idle"
    packages = ", ".join(f"{name} {number}" for name, number in said["versions"].items())
    cpu = f"{machine['cpu']} ({machine['llvm_cpu']}), {machine['cores']} cores, {machine['system']}"
    return f"{said['date']}, commit `{said['commit']}`, {cpu}; load {load:.2f} before{idle}. {packages}."
