"""How much memory this process takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MB = 1e6
"""Bytes."""
KB = 1024
"""Bytes of the unit in which Linux tells the largest use."""


def memory_MB() -> float:
    """Return the resident memory of this process in MB; its largest so far where the present is not known."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / MB
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
    except ImportError:
        return float("nan")
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / MB if sys.platform == "darwin" else largest * KB / MB
