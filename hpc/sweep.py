"""Many runs of one configuration: over seeds, over values of its keys, over both.

Each run has a number, a row in ``runs.csv``, a configuration that holds all it needs, and a folder for its outputs.
The table is written first and read by ``neurosim collect``; the configurations are what is run.
"""

from __future__ import annotations

import copy
import csv
import difflib
import io
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from neurosim.errors import NeurosimError
from neurosim.sonata.config import Config, load
from neurosim.sonata.outfile import write_text
from neurosim.sonata.resolved import resolved

SEED: Final = "run.random_seed"
OPEN: Final = ("run", "conditions")
"""Parts of a configuration whose keys need not be there to be set: reading it refuses those that it does not know."""
MOST: Final = 10_000
"""Runs of one sweep: names have four digits."""
COLUMNS: Final = ("index", "output", "config", "seed")
CONFIGS: Final = "configs"


@dataclass(frozen=True)
class Run:
    """One run of a sweep.

    Parameters
    ----------
    index : int
        Its number, from 0.
    output : str
        Folder of its outputs, inside that of the job; ``.`` when it is the only one.
    config : str
        Its configuration, a path from the folder of the job.
    seed : int or None
        Key of its random numbers; None: the configuration's.
    parameters : dict
        Key of the configuration -> value.
    """

    index: int
    output: str
    config: str
    seed: int | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)


def runs_of(config: Path, seeds: Sequence[int], parameters: Mapping[str, Sequence[Any]]) -> list[Run]:
    """Return all combinations, seeds counting fastest; one run, of ``config`` itself, when nothing varies.

    Raises
    ------
    NeurosimError
        More than ``MOST``, or a seed or value twice.
    """
    if not seeds and not parameters:
        return [Run(0, ".", str(config))]
    for name, given in {"--seeds": seeds, **{f"--set {key}": each for key, each in parameters.items()}}.items():
        twice = [value for k, value in enumerate(given) if value in given[:k]]
        if twice:
            raise NeurosimError(f"submit: {name} has {twice[0]!r} twice; give each value once.")
    if seeds and SEED in parameters:
        raise NeurosimError(f"submit: --seeds sets {SEED}, and so does --set; give one of them.")
    found: list[Run] = []
    for values in itertools.product(*parameters.values()):
        for seed in seeds or (None,):
            name = f"{len(found):04d}"
            chosen = dict(zip(parameters, values, strict=True))
            found.append(Run(len(found), name, f"{CONFIGS}/{name}.json", seed, chosen))
            if len(found) > MOST:
                raise NeurosimError(f"submit: more than {MOST} runs; give fewer seeds or values, or several jobs.")
    return found


def table_of(runs: Sequence[Run]) -> str:
    """Return the table of runs as CSV: number, folder, configuration, seed, then a column for each parameter."""
    keys = list(runs[0].parameters)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*COLUMNS, *keys])
    for run in runs:
        seed = "" if run.seed is None else run.seed
        writer.writerow([run.index, run.output, run.config, seed, *(written(run.parameters[key]) for key in keys)])
    return out.getvalue()


def read_table(path: Path) -> list[Run]:
    """Return the runs of a table.

    Raises
    ------
    NeurosimError
        Not there, or not such a table; with the line.
    """
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except OSError as error:
        raise NeurosimError(f"{path}: {error.strerror}; neurosim submit writes it into the folder of a job.") from None
    if not rows or tuple(rows[0][: len(COLUMNS)]) != COLUMNS:
        raise NeurosimError(f"{path} line 1: not a table of runs; its columns begin with {', '.join(COLUMNS)}.")
    found = []
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(rows[0]) or not row[0].isdecimal() or not (row[3].isdecimal() or not row[3]):
            raise NeurosimError(f"{path} line {line}: not a run; give {', '.join(COLUMNS)} and the parameters.")
        parameters = dict(zip(rows[0][4:], map(_read, row[4:]), strict=True))
        found.append(Run(int(row[0]), row[1], row[2], int(row[3]) if row[3] else None, parameters))
    return found


def write_configs(config: Config, runs: Sequence[Run], into: Path, folder: Path) -> list[Path]:
    """Write a configuration for each run and check that it can be read.

    Parameters
    ----------
    config : Config
        Where they come from.
    runs : sequence of Run
        Which.
    into : Path
        Folder of the files, ``0000.json`` …
    folder : Path
        Folder of the job, which those of the outputs are in.

    Raises
    ------
    SonataError
        A key that is not there, or a value that is not allowed.
    """
    paths = []
    for run in runs:
        path = into / Path(run.config).name
        write_text(path, json.dumps(values_of(config, run, folder), indent=2) + "\n")
        load(path)
        paths.append(path)
    return paths


def values_of(config: Config, run: Run, folder: Path) -> dict[str, Any]:
    """Return the whole configuration of one run, JSON values."""
    changes = {**run.parameters, **({} if run.seed is None else {SEED: run.seed})}
    values = copy.deepcopy(config.root.values)
    for key, value in changes.items():
        _put(values, key, value, config)
    made = resolved(replace(config, root=replace(config.root, values=values)), folder / run.output)
    for key, value in changes.items():  # resolved() writes the numbers of the run as they were read
        if key.split(".")[0] == "run":
            _put(made, key, value, config)
    return made


def values_from(text: str) -> list[Any]:
    """Return the values of ``V1,V2,…``: JSON where all of it is JSON, else text between commas."""
    try:
        found = json.loads(f"[{text}]")
    except json.JSONDecodeError:
        found = [_read(word.strip()) for word in text.split(",")]
    return list(found)


def seeds_from(text: str) -> list[int]:
    """Return the numbers of ``0-19`` or ``1,5,7-9``.

    Raises
    ------
    NeurosimError
        Not numbers, or a range that runs backwards.
    """
    found: list[int] = []
    for part in text.split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or not (last.isdecimal() or not dash) or (dash and int(last) < int(first)):
            raise NeurosimError(f"submit: --seeds {text!r} is not allowed; give such as 0-19 or 1,5,7-9.")
        if dash and int(last) - int(first) >= MOST:
            raise NeurosimError(f"submit: --seeds {text!r} are too many; at most {MOST}.")
        found += range(int(first), int(last or first) + 1)
    return found


def written(value: Any) -> str:
    """Return a value as a cell of a table: text as it is unless it reads as something else, the rest as JSON."""
    plain = isinstance(value, str) and value.isprintable() and _read(value) == value
    return str(value) if plain else json.dumps(value)


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError:
        return text


def _put(values: dict[str, Any], key: str, value: Any, config: Config) -> None:
    """Set one key, ``inputs.step.amp`` or ``networks.edges.0.enabled``."""
    words = key.split(".")
    inner: Any = values
    for k, word in enumerate(words):
        place = ".".join(words[:k]) or config.path.name
        if isinstance(inner, list) and word.isdecimal() and int(word) < len(inner):
            step: Any = int(word)
        elif isinstance(inner, dict) and (word in inner or (k == 1 and words[0] in OPEN)):
            step = word
        elif k == 0 and word in OPEN:
            inner, step = values, word
            values.setdefault(word, {})
        else:
            there = (
                [*map(str, range(len(inner)))]
                if isinstance(inner, list)
                else sorted(inner)
                if isinstance(inner, dict)
                else []
            )
            near = difflib.get_close_matches(word, there, 3) or there[:12]
            hint = f"in {place} there are: {', '.join(near)}" if near else f"{place} holds a single value"
            raise NeurosimError(f"submit: --set {key}: {config.path.name} has no such key; {hint}.")
        if k == len(words) - 1:
            inner[step] = value
        else:
            inner = inner[step]
