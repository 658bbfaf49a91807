"""``neurosim info``: what a bug report or a benchmark should say about the machine and the versions.

``neurosim info worm`` and ``neurosim info DIR`` say what a model or a circuit consists of.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

PACKAGES: Final = ("numpy", "numba", "llvmlite", "h5py", "tqdm")
_SIMD: Final = ("avx512f", "avx2", "avx", "sse4.2", "sve", "neon")


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser("info", help="show versions, machine and cache folder", description=__doc__)
    parser.add_argument("what", nargs="?", metavar="WHAT", help="worm, or a SONATA circuit; the machine when left out")
    parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")


def run(args: argparse.Namespace) -> int:
    """Print the facts."""
    if args.what is not None:
        from neurosim.cli import about

        found, lines = about.of(args.what)
        print(json.dumps(found) if args.json else "\n".join(lines))
        return 0
    found = facts()
    if args.json:
        print(json.dumps(found))
    else:
        width = max(map(len, found))
        for key, value in found.items():
            print(f"{key:<{width}}  {', '.join(value) if isinstance(value, list) else value}")
    return 0


def facts() -> dict[str, Any]:
    """Return versions, machine and cache folder by name."""
    from neurosim.cli import neurosim_version
    from neurosim.engine.build import cache_folder

    found: dict[str, Any] = {"neurosim": neurosim_version(), "python": platform.python_version()}
    found |= {name: package_version(name) for name in PACKAGES}
    cpu, simd = _llvm_cpu()
    found["system"] = f"{platform.system()} {platform.release()} {platform.machine()}"
    found["cpu"] = _cpu_name() or cpu
    found["llvm_cpu"] = cpu
    found["cores"] = usable_cores()
    found["simd"] = simd
    found["memory_GiB"] = _memory_GiB()
    folder = cache_folder()
    found["cache"] = str(folder)
    found["cache_MB"] = round(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6, 1)
    return found


def package_version(name: str) -> str:
    """Return the version of an installed package, or "not installed"."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def usable_cores() -> int:
    """Return the number of cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _llvm_cpu() -> tuple[str, list[str]]:
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    return str(binding.get_host_cpu_name()), [name for name in _SIMD if features.get(name)]


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _memory_GiB() -> float | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)
    except (AttributeError, ValueError, OSError):
        return None
