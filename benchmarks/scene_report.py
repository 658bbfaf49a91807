"""The table of ``viewer_scene.py``: what was measured beside what it must be."""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]

TARGETS: dict[str, tuple[str, float]] = {
    "build_s": ("octree of somata, built", 60.0), "peak_GB": ("its peak memory", 3.0),
    "first_view_s": ("from opening the file to the bytes of the first view", 3.0),
    "query_ms_worst": ("view query: nodes", 1.0), "view_MB_worst": ("bytes of a view", 10.0),
    "activity_MB_per_s_worst": ("activity of nodes, any rate", 0.5), "file_GB": ("scene file", 1.0),
    "place_s_worst": ("neighbourhood of a camera place, from a file just opened", 0.5),
}  # fmt: skip
CPU_OF = {
    "build_s": "build_cpu_s", "first_view_s": "first_view_cpu_s", "query_ms_worst": "query_cpu_ms_worst",
    "place_s_worst": "place_cpu_s_worst",
}  # fmt: skip
"""On a machine that is not idle the CPU time is the dependable figure; all of this is one thread."""


def report(rows: list[Row]) -> str:
    """Return the table of targets, then every figure."""
    lines = ["| what | measured | CPU time | target |", "|---|---|---|---|"]
    found = {name: value for row in rows for name, value in row.items()}
    for name, (what, target) in TARGETS.items():
        if name in found:
            cpu = found.get(CPU_OF.get(name, ""))
            lines.append(
                f"| {what} ({name}) | {found[name]:.3g} | {'' if cpu is None else f'{cpu:.3g}'} | < {target:g} |"
            )
    for row in rows:
        figures = ", ".join(f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in row.items())
        lines.append(f"\n{figures}")
    return "\n".join(lines)
