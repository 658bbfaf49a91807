"""Every number of the worm: ``params/*.toml`` with value, unit, source and how well it is known."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from neurosim.errors import ModelError

FOLDER = Path(__file__).parent / "params"
STATUSES = ("measured", "published fit", "our fit", "guess")
_KEYS = {"value", "unit", "source", "status"}


@dataclass(frozen=True)
class Quantity:
    """A number, or a list of numbers, of the model.

    Parameters
    ----------
    value : float or tuple of float
    unit : str
        ``"1"`` where there is none.
    source : str
        Paper, table; how it was derived; for ``our fit`` the script.
    status : str
        One of ``STATUSES``.
    """

    value: Any
    unit: str
    source: str
    status: str


class Parameters(Mapping[str, float]):
    """The quantities of one file; ``p["name"]`` is the value, ``p.quantity("name")`` all that is known of it.

    Parameters
    ----------
    name : str
        Of the file, for messages.
    quantities : mapping of str to Quantity
    """

    def __init__(self, name: str, quantities: Mapping[str, Quantity]) -> None:
        self.name, self._quantities = name, dict(quantities)

    def __getitem__(self, key: str) -> Any:
        return self.quantity(key).value

    def __contains__(self, key: object) -> bool:
        return key in self._quantities

    def __iter__(self) -> Iterator[str]:
        return iter(self._quantities)

    def __len__(self) -> int:
        return len(self._quantities)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a quantity, or the default where there is none."""
        return self._quantities[key].value if key in self else default

    def quantity(self, key: str) -> Quantity:
        """Return a quantity with its unit and source."""
        if key not in self._quantities:
            raise ModelError(f"params/{self.name}.toml: no {key!r}; it has {', '.join(self._quantities)}")
        return self._quantities[key]

    def replaced(self, **values: Any) -> Parameters:
        """Return the same with other values (dots of a key are written ``__``), of the status ``our fit``."""
        given = {key.replace("__", "."): value for key, value in values.items()}
        changed = {
            key: Quantity(value, self.quantity(key).unit, "given by the caller", "our fit")
            for key, value in given.items()
        }
        return Parameters(self.name, {**self._quantities, **changed})


def load(name: str, folder: Path = FOLDER) -> Parameters:
    """Read ``params/NAME.toml``.

    Each quantity is a table: ``[sensory.egl19]`` with ``value``, ``unit``, ``source``, ``status``; tables may be
    nested, their names are joined by dots.

    Raises
    ------
    ModelError
        A key is missing or unknown, or a status is none of ``STATUSES``.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        have = ", ".join(sorted(p.stem for p in folder.glob("*.toml")))
        raise ModelError(f"params: no file {name}.toml; there are {have}")
    found: dict[str, Quantity] = {}
    _collect(name, "", tomllib.loads(path.read_text(encoding="utf-8")), found)
    return Parameters(name, found)


def _collect(name: str, prefix: str, table: Mapping[str, Any], found: dict[str, Quantity]) -> None:
    for key, entry in table.items():
        path = f"{prefix}{key}"
        if not isinstance(entry, dict):
            raise ModelError(f"params/{name}.toml: {path} is no table; give value, unit, source and status")
        if "value" not in entry:
            _collect(name, f"{path}.", entry, found)
            continue
        if set(entry) != _KEYS:
            odd = ", ".join(sorted(set(entry) ^ _KEYS))
            raise ModelError(f"params/{name}.toml: {path} has a wrong or missing key: {odd}; allowed: {sorted(_KEYS)}")
        if entry["status"] not in STATUSES:
            raise ModelError(f"params/{name}.toml: {path}: status {entry['status']!r}; allowed: {', '.join(STATUSES)}")
        value = tuple(entry["value"]) if isinstance(entry["value"], list) else entry["value"]
        found[path] = Quantity(value, entry["unit"], entry["source"], entry["status"])


def tally(folder: Path = FOLDER) -> dict[str, int]:
    """Return how many quantities of all files have each status."""
    counts = dict.fromkeys(STATUSES, 0)
    for path in sorted(folder.glob("*.toml")):
        parameters = load(path.stem, folder)
        for key in parameters:
            counts[parameters.quantity(key).status] += 1
    return counts
