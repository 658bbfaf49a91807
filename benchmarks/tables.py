"""Markdown tables from the JSON lines of a run of the matrix: medians, ranges, ratios against their targets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

from matrix import CASES, Case

Line = dict[str, Any]
Groups = dict[tuple[str, str], list[Line]]

_OWN = "neurosim/1t"


def report(result: dict[str, Any]) -> str:
    """Return the tables of one result file as markdown."""
    groups: Groups = defaultdict(list)
    for line in result["lines"]:
        groups[line["key"], line["variant"]].append(line)
    parts = [_heading(result), _speed(groups), _events(groups), _commands(groups), _loads(groups), _memory(groups)]
    parts += [_threads(groups), _imports(groups), _doubts(groups)]
    return "\n\n".join(part for part in parts if part)


def _heading(result: dict[str, Any]) -> str:
    machine, versions = result["machine"], result["versions"]
    idle = "idle before the run" if result["load_before"] < 0.3 else "NOT idle before the run"
    return (
        f"{result['date']}, commit `{result['commit']}`, {machine['cpu']} ({machine['llvm_cpu']}), {machine['cores']} "
        f"cores, {machine['system']}; load {result['load_before']:.2f}: {idle}. "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f". {result['rounds']} rounds, engines interleaved; median (lowest to highest); wall time."
    )


def _table(columns: Iterable[str], rows: list[list[str]]) -> str:
    if not rows:
        return ""
    columns = list(columns)
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _spread(lines: list[Line], field: str, form: str) -> str:
    values = [line[field] for line in lines if field in line]
    if not values:
        return ""
    return f"{format(median(values), form)} ({format(min(values), form)} to {format(max(values), form)})"


def ratio(groups: Groups, key: str, other: str, field: str) -> float | None:
    """Return how many times longer ``other`` takes than neurosim, by medians; None when either is missing."""
    own, theirs = groups.get((key, _OWN)), groups.get((key, other))
    if not own or not theirs:
        return None
    return float(median(line[field] for line in theirs) / median(line[field] for line in own))


def _ratios(groups: Groups, case: Case, field: str) -> str:
    found = []
    for other, target in case.targets.items():
        value = ratio(groups, case.key, other, field)
        if value is not None:
            verdict = "" if value >= target else ", missed"
            found.append(f"{value:.2f}× {other.removesuffix('/1t')} (asked {target:g}{verdict})")
    return "; ".join(found)


def _speed(groups: Groups) -> str:
    rows = []
    for case in CASES:
        for variant in case.variants:
            lines = groups.get((case.key, variant.name))
            if lines and "ns_per_comp_step" in lines[0]:
                rows.append(
                    [
                        case.key,
                        variant.name,
                        "/".join(str(n) for n in sorted({line["spikes"] for line in lines})),
                        _spread(lines, "ns_per_comp_step", ".1f"),
                        _spread(lines, "cpu_ns_per_comp_step", ".1f"),
                        _ratios(groups, case, "ns_per_comp_step") if variant.name == _OWN else "",
                    ]
                )
    columns = ["case", "engine/threads", "spikes", "wall ns/comp-step", "CPU ns/comp-step", "neurosim is faster than"]
    return _table(columns, rows)


def _events(groups: Groups) -> str:
    """Networks: what is delivered, the whole run over it, and for neurosim what one event costs by itself."""
    rows = []
    for (key, name), lines in groups.items():
        if "events" in lines[0]:
            last = lines[-1]
            rates = [1000.0 * line["spikes"] / (line["ncells"] * line["tstop_ms"]) for line in lines]
            each = [{"ns": 1e9 * line["run_s"] / max(line["events"], 1)} for line in lines]
            rows.append(
                [
                    key,
                    name,
                    f"{median(rates):.2f}",
                    f"{last['events']:,}",
                    _spread(each, "ns", ".0f"),
                    _spread(lines, "event_ns", ".1f"),
                    _per_synapse(lines),
                ]
            )
    columns = ["case", "engine/threads", "Hz", "events", "run ns/event", "one event ns", "bytes per synapse"]
    return _table(columns, rows)


def _per_synapse(lines: list[Line]) -> str:
    """Return the memory above the imports over the number of synapses, cells and kernels included."""
    if not lines[0].get("max_rss_mb") or "synapses" not in lines[0]:
        return ""
    return f"{median((x['max_rss_mb'] - x['rss_base_mb']) * 2**20 / x['synapses'] for x in lines):.0f}"


def _loads(groups: Groups) -> str:
    lines = groups.get(("load", _OWN))
    if not lines:
        return ""
    each = median(line["bytes_per_synapse"] for line in lines)
    read_s = median(line["read_s"] for line in lines)
    missed = "" if read_s < 10.0 and each <= 40.0 else ", missed"
    kept = _spread(lines, "bytes_per_synapse", ".1f")
    return (
        f"{lines[0]['synapses']:,} synapses are read from SONATA in {_spread(lines, 'read_s', '.2f')} s (asked under "
        f"10) and keep {kept} bytes each (asked at most 40{missed}); at the peak of reading "
        f"{_spread(lines, 'peak_bytes_per_synapse', '.0f')}, and ready to run, with what the engine makes of them, "
        f"{_spread(lines, 'built_bytes_per_synapse', '.0f')}."
    )


def _commands(groups: Groups) -> str:
    rows = []
    for case in CASES:
        for variant in case.variants:
            lines = groups.get((case.key, variant.name))
            if lines and "wall_s" in lines[0]:
                rows.append(
                    [
                        case.title,
                        variant.name,
                        "/".join(str(n) for n in sorted({line["spikes"] for line in lines})),
                        _spread(lines, "wall_s", ".2f"),
                        _spread(lines, "cpu_s", ".2f"),
                        _ratios(groups, case, "wall_s") if variant.name == _OWN else "",
                    ]
                )
    return _table(["command", "engine", "spikes", "wall s", "CPU s", "neurosim is faster than"], rows)


def _memory(groups: Groups) -> str:
    def bytes_each(line: Line) -> float:
        return float((line["max_rss_mb"] - line["rss_base_mb"]) * 2**20 / line["ncomp_total"])

    columns: dict[str, Callable[[Line], str]] = {
        "bytes per compartment": lambda line: f"{bytes_each(line):.0f}",
        "without compiled kernels": _without_kernels,
        "build s": lambda line: f"{line['build_s']:.3f}",
        "compile or load s": lambda line: f"{line['compile_s']:.2f}" if "compile_s" in line else "",
    }
    rows = []
    for (key, name), lines in groups.items():
        if lines[0].get("max_rss_mb") and name.endswith("/1t"):
            middle = sorted(lines, key=bytes_each)[len(lines) // 2]
            rows.append([key, name, *(value(middle) for value in columns.values())])
    return _table(["case", "engine", *columns], rows)


def _without_kernels(line: Line) -> str:
    """Return the bytes per compartment above what 16 cells with all kernels loaded take; neurosim only."""
    if "rss_warm_mb" not in line:
        return ""
    return f"{(line['max_rss_mb'] - line['rss_warm_mb']) * 2**20 / line['ncomp_total']:.0f}"


def _threads(groups: Groups) -> str:
    rows = []
    for key, name in sorted(groups):
        if name.endswith("/2t"):
            one, two = groups.get((key, name.replace("/2t", "/1t"))), groups[key, name]
            if one:
                gain = median(line["run_s"] for line in one) / median(line["run_s"] for line in two)
                rows.append([key, name.removesuffix("/2t"), f"{gain:.2f}"])
    return _table(["case", "engine", "2 threads over 1 (wall)"], rows)


def _imports(groups: Groups) -> str:
    lines = groups.get(("import", _OWN))
    return f"`import neurosim`: {_spread(lines, 'import_s', '.2f')} s." if lines else ""


def _doubts(groups: Groups) -> str:
    """Say where engines disagree on the number of spikes by more than the case allows."""
    found = []
    for case in CASES:
        counts = {
            variant.name: median(line["spikes"] for line in lines)
            for variant in case.variants
            if (lines := groups.get((case.key, variant.name))) and "spikes" in lines[0]
        }
        if counts and max(counts.values()) - min(counts.values()) > max(1.0, case.spikes_within * max(counts.values())):
            found.append(f"{case.key}: {', '.join(f'{name} {n:g}' for name, n in counts.items())}")
    return "**Spike counts differ:** " + "; ".join(found) if found else ""
