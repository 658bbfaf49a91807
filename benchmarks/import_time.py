"""How long ``import neurosim`` takes in a new process, less the start of Python itself; best of several."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from statistics import median

from common import commit


def seconds(code: str) -> float:
    """Return the wall time of a process that runs ``code``."""
    start_s = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    return time.perf_counter() - start_s


def main() -> None:
    """Measure and print one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--label", default="neurosim")
    args = parser.parse_args()
    seconds("import neurosim")  # bytecode is written once, and the files come into memory
    bare = [seconds("pass") for _ in range(args.repeat)]
    full = [seconds("import neurosim") for _ in range(args.repeat)]
    line = {
        "engine": args.label,
        "case": "import",
        "import_s": round(min(full) - min(bare), 4),
        "median_import_s": round(median(full) - median(bare), 4),
        "commit": commit(),
    }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
