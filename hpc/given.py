"""Numbers that come with where they are from: files of machines and networks, and what replaces them.

A file is TOML: one table a number, with ``value``, ``status`` (one of ``STATUSES``) and ``source``, beside a ``title``.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Final

from neurosim.errors import NeurosimError

STATUSES: Final = ("measured", "from the file", "published", "assumed")
"""Measured by us; read from the network's own files; published by others; assumed."""

_KEYS: Final = {"value", "status", "source"}


@dataclass(frozen=True)
class Given:
    """A number, how far it is known (one of ``STATUSES``), and from where."""

    value: float
    status: str
    source: str

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise NeurosimError(f"status {self.status!r} is not allowed; allowed: {', '.join(STATUSES)}")


@dataclass(frozen=True)
class Sheet(Mapping[str, float]):
    """Numbers by name.

    Parameters
    ----------
    name : str
        Of the file, without its ending.
    title : str
        What it is, in words.
    givens : mapping
        Name -> Given.
    """

    name: str
    title: str
    givens: Mapping[str, Given]

    def __getitem__(self, key: str) -> float:
        return self.givens[key].value

    def __iter__(self) -> Iterator[str]:
        return iter(self.givens)

    def __len__(self) -> int:
        return len(self.givens)

    def replaced(self, status: str, source: str, **values: float) -> Sheet:
        """Return the same with other values of one status and source."""
        return Sheet(self.name, self.title, {**self.givens, **{k: Given(v, status, source) for k, v in values.items()}})


def read_sheet(what: str | Path, folder: str, units: Mapping[str, str], optional: Mapping[str, Given]) -> Sheet:
    """Read a file of numbers.

    Parameters
    ----------
    what : str or path
        Path of a TOML file, or the name of one that comes with neurosim.
    folder : str
        Where those are: ``machines`` or ``networks`` of this package.
    units : mapping
        Every name that is allowed -> what it is.
    optional : mapping
        What holds for a name that the file leaves out; names that are missing here must be in the file.

    Raises
    ------
    NeurosimError
        No such file, or a number that is missing, unknown, not finite, negative or without a source.
    """
    place, text = _text(what, folder)
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise NeurosimError(f"{place}: this is no TOML: {error}") from error
    title = str(table.pop("title", Path(place).stem))
    givens = {key: _given(place, key, entry, units) for key, entry in table.items()}
    missing = [key for key in units if key not in givens and key not in optional]
    if missing:
        raise NeurosimError(f"{place}: no [{missing[0]}] ({units[missing[0]]}); needed are {', '.join(missing)}")
    return Sheet(Path(place).stem, title, {key: givens[key] if key in givens else optional[key] for key in units})


def names_in(folder: str) -> list[str]:
    """Return the names of the files that come with neurosim."""
    found = resources.files("neurosim.hpc").joinpath(folder).iterdir()
    return sorted(Path(entry.name).stem for entry in found if entry.name.endswith(".toml"))


def _text(what: str | Path, folder: str) -> tuple[str, str]:
    path = Path(what)
    if path.suffix == ".toml":
        try:
            return str(path), path.read_text(encoding="utf-8")
        except OSError as error:
            raise NeurosimError(f"{path}: cannot be read ({error.strerror}); give a TOML file or a name") from error
    if str(what) not in names_in(folder):
        raise NeurosimError(f"{what!r} is not there; allowed: {', '.join(names_in(folder))}, or a file NAME.toml")
    return f"{what}.toml", resources.files("neurosim.hpc").joinpath(f"{folder}/{what}.toml").read_text("utf-8")


def _given(place: str, key: str, entry: Any, units: Mapping[str, str]) -> Given:
    if key not in units:
        raise NeurosimError(f"{place}: [{key}] is unknown; allowed: {', '.join(units)}")
    if not isinstance(entry, dict) or set(entry) != _KEYS:
        raise NeurosimError(f"{place}: [{key}] needs value, status and source, and nothing else")
    value = entry["value"]
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise NeurosimError(f"{place}: [{key}] value={value!r} is not allowed; it must be a number of 0 or more")
    if entry["status"] not in STATUSES:
        raise NeurosimError(f"{place}: [{key}] status={entry['status']!r}; allowed: {', '.join(STATUSES)}")
    return Given(float(value), str(entry["status"]), str(entry["source"]))
