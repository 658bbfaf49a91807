"""What a job's script notes down for each of its runs, ``slurm.txt`` in the folder of the outputs.

    begin at=1764331200 job=12 try=0 nodes=n[0-1]
    end at=1764331260 job=12 try=0 nodes=n[0-1] status=85

A try without an end runs, or was cut off without a word: out of memory, a lost node, the limit.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

JOURNAL: Final = "slurm.txt"
_LINE: Final = re.compile(r"(begin|end) at=(\d+) job=(\d+) try=(\d+)\b[^\n]*?(?: status=(\d+))?\s*")


@dataclass(frozen=True)
class Try:
    """One try of a run: job and number, when it began and ended in s since 1970, exit status (None: it has no end)."""

    job: str
    number: int
    begin_s: int
    end_s: int | None = None
    status: int | None = None


def read(output: Path) -> list[Try]:
    """Return the tries of a run, in order; lines that are something else are passed over."""
    path = output / JOURNAL
    found: list[Try] = []
    if not path.is_file():
        return found
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        words = _LINE.fullmatch(line)
        if words is None:
            continue
        kind, at_s, job, number, status = words.groups()
        if kind == "begin":
            found.append(Try(job, int(number), int(at_s)))
        elif found and found[-1].job == job and found[-1].end_s is None and status is not None:
            found[-1] = Try(job, int(number), found[-1].begin_s, int(at_s), int(status))
    return found
