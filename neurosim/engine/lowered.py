"""Programs of mechanisms, kept on disk: lowering two dozen takes half a second, reading them a few milliseconds.

A file of the cache folder holds one ``Lowered`` as JSON, named by a hash of the mechanism, of what is kept, and of the
code that lowers. A file that cannot be read is made again.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from neurosim.engine.build import cache_folder, write_atomically
from neurosim.mechanisms import lower as lower_package
from neurosim.mechanisms import program
from neurosim.mechanisms.lower import lower
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.mechanisms.program import Additive, Lowered, Program, TableSpec


@cache
def _code_digest() -> str:
    digest = hashlib.sha256()
    for path in (*sorted(Path(lower_package.__path__[0]).glob("*.py")), Path(str(program.__file__))):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@lru_cache(maxsize=256)
def lowered(mechanism: Mechanism, keep: tuple[str, ...] = ()) -> Lowered:
    """Return the programs of a mechanism, made once.

    Parameters
    ----------
    mechanism : Mechanism
        Any.
    keep : tuple of str
        Assigned variables that somebody records.
    """
    facts = (_code_digest(), mechanism.name, mechanism.digest, sorted(mechanism.defaults.items()), keep)
    path = cache_folder() / f"lowered_{hashlib.sha256(repr(facts).encode()).hexdigest()[:24]}.json"
    try:
        return _from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        made = lower(mechanism, keep=keep)
        write_atomically(path, json.dumps(asdict(made)))
        return made


def _program(found: dict[str, Any] | None) -> Program | None:
    if found is None:
        return None
    return Program(found["name"], tuple(found["inputs"]), tuple(found["outputs"]), found["source"])


def _needed(found: dict[str, Any]) -> Program:
    made = _program(found)
    if made is None:
        raise ValueError("a program is missing")
    return made


def _from_json(found: dict[str, Any]) -> Lowered:
    """Return the record; every error means that the file is not one of ours."""
    names = ("fields", "ion_reads", "ion_writes", "watch_flags", "pointers")
    additive = found["additive"]
    return Lowered(
        defaults={str(k): float(v) for k, v in found["defaults"].items()},
        initial=_needed(found["initial"]),
        current=_needed(found["current"]),
        advance=_needed(found["advance"]),
        tables=tuple(
            TableSpec(t["count"], tuple(t["columns"]), _needed(t["bounds"]), _needed(t["row"])) for t in found["tables"]
        ),
        constants=_program(found["constants"]),
        receive=_program(found["receive"]),
        connect=_program(found["connect"]),
        watch=_program(found["watch"]),
        netcons=tuple(_needed(p) for p in found["netcons"]),
        arguments_n=int(found["arguments_n"]),
        additive=additive
        and Additive(tuple(additive["states"]), tuple(additive["coefficients"]), bool(additive["joinable"])),
        **{name: tuple(found[name]) for name in names},
    )
