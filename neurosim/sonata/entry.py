"""One object of the configuration, with its place.

An ``Entry`` is a JSON object plus the path of keys that leads to it and the file it stands in. Every value is taken
through a method that names its kind, so that each mistake is reported with its key path, the value and what is allowed.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from neurosim.errors import SonataError

MISSING: Any = object()


@dataclass(frozen=True)
class Entry:
    """A JSON object at a known place.

    Parameters
    ----------
    values : dict
        The object, variables already resolved.
    key : str
        Path of keys from the root, such as ``inputs.clamp``; empty at the root.
    file : Path or None
        File the object was written in; relative paths start at its folder.
    """

    values: dict[str, Any]
    key: str
    file: Path | None = None

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def path_of(self, name: str) -> str:
        """Return the key path of one member."""
        return f"{self.key}.{name}" if self.key else name

    def fail(self, name: str, message: str) -> NoReturn:
        """Raise a SonataError at a member (at the object itself when ``name`` is empty)."""
        raise SonataError(message, key=self.path_of(name) if name else self.key or None, path=self.file)

    def get(self, name: str, default: Any = MISSING) -> Any:
        """Return a member as it is; JSON null counts as absent."""
        value = self.values.get(name)
        if value is None:
            if default is MISSING:
                self.fail(name, "is missing; give it.")
            return default
        return value

    def text(self, name: str, default: Any = MISSING) -> Any:
        """Return a non-empty string."""
        value = self.get(name, default)
        if value is default and default is not MISSING:
            return value
        if not isinstance(value, str) or not value.strip() or "\0" in value:
            self.fail(name, f"must be a string with something in it, got {_show(value)}.")
        return value

    def flag(self, name: str, default: bool) -> bool:
        """Return true or false."""
        value = self.get(name, default)
        if not isinstance(value, bool):
            self.fail(name, f"must be true or false, got {_show(value)}.")
        return value

    def number(
        self,
        name: str,
        default: Any = MISSING,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        positive: bool = False,
        unit: str = "",
    ) -> Any:
        """Return a finite number (float64) within bounds, or the default."""
        value = self.get(name, default)
        if value is default and default is not MISSING:
            return value
        return self.as_number(name, value, low=low, high=high, positive=positive, unit=unit)

    def as_number(
        self,
        name: str,
        value: Any,
        *,
        low: float = -math.inf,
        high: float = math.inf,
        positive: bool = False,
        unit: str = "",
    ) -> float:
        """Return ``value`` as a finite number within bounds; ``name`` says where it stands."""
        in_unit = f" in {unit}" if unit else ""
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.fail(name, f"must be a number{in_unit}, got {_show(value)}.")
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            self.fail(name, f"must be finite{in_unit}, got {_show(value)}.")
        if positive and number <= 0:
            self.fail(name, f"must be greater than 0{in_unit}, got {number:g}.")
        if not low <= number <= high:
            self.fail(name, f"must be from {low:g} to {high:g}{in_unit}, got {number:g}.")
        return number

    def integer(self, name: str, default: Any = MISSING, *, low: int = 0) -> int:
        """Return a whole number of at least ``low``."""
        value = self.number(name, default, low=low)
        if value != int(value):
            self.fail(name, f"must be a whole number, got {value:g}.")
        return int(value)

    def choice(self, name: str, allowed: Collection[str], default: Any = MISSING) -> str:
        """Return one of the allowed strings."""
        value = str(self.text(name, default))
        if value not in allowed:
            self.fail(name, f"got {value!r}; {_near(value, allowed)}")
        return value

    def numbers(self, name: str, *, unit: str = "") -> list[float]:
        """Return a number or a list of numbers as a list."""
        value = self.get(name)
        items = value if isinstance(value, list) else [value]
        if not items:
            self.fail(name, "is an empty list; give at least one number.")
        several = isinstance(value, list)
        return [self.as_number(f"{name}[{i}]" if several else name, item, unit=unit) for i, item in enumerate(items)]

    def entry(self, name: str, *, required: bool = False) -> Entry:
        """Return a member that is an object; an empty one when absent."""
        value = self.get(name, MISSING if required else {})
        if not isinstance(value, dict):
            self.fail(name, f"must be an object, got {_show(value)}.")
        return Entry(value, self.path_of(name), self.file)

    def entries(self, name: str) -> list[Entry]:
        """Return a member that is a list of objects; an empty list when absent."""
        value = self.get(name, [])
        if not isinstance(value, list):
            self.fail(name, f"must be a list of objects, got {_show(value)}.")
        found = []
        for i, item in enumerate(value):
            if not isinstance(item, dict):
                self.fail(f"{name}[{i}]", f"must be an object, got {_show(item)}.")
            found.append(Entry(item, self.path_of(f"{name}[{i}]"), self.file))
        return found

    def members(self) -> Iterator[Entry]:
        """Yield every member as an object, in the order of the file."""
        for name in self.values:
            if not is_comment(name):
                yield self.entry(name, required=True)

    def file_path(self, name: str, *, folder: bool = False, base: Path | None = None) -> Path:
        """Return the path of an existing file or folder that a member names; see ``find``."""
        return self.find(name, str(self.text(name)), folder=folder, base=base)

    def find(self, name: str, written: str, *, folder: bool = False, base: Path | None = None) -> Path:
        """Return where a written path leads.

        A relative path is tried from ``base`` (default: the folder of the configuration file), then from the working
        directory.

        Raises
        ------
        SonataError
            Nothing there; the message lists the places.
        """
        if "\0" in written:
            self.fail(name, f"{written!r} is not a path.")
        places = candidates(written, self.file, base)
        try:
            for place in places:
                if place.is_dir() if folder else place.is_file():
                    return place
            other = next((p for p in places if p.exists()), None)
        except OSError as error:
            self.fail(name, f"{written!r} is not a path: {error.strerror}.")
        kind = "folder" if folder else "file"
        hint = " A variable in it is not in the manifest." if re.search(r"\$\{?\w", written) else ""
        if other is not None:
            self.fail(name, f"{other} is not a {kind}.")
        self.fail(name, f"no {kind} {written!r}; looked for {' and '.join(map(str, places))}.{hint}")

    def check_keys(self, known: Collection[str], ignored: Collection[str] = ()) -> None:
        """Refuse members that neither change something here nor are known to be harmless."""
        for name in self.values:
            if name not in known and name not in ignored and not is_comment(name):
                self.fail(name, f"unknown key; {_near(name, known)}")


def candidates(written: str, file: Path | None, base: Path | None = None) -> list[Path]:
    """Return the places where a written path is looked for, best first, without repeats."""
    path = Path(written)
    if path.is_absolute():
        return [path]
    roots = [base if base is not None else (file.parent if file is not None else Path.cwd()), Path.cwd()]
    places: list[Path] = []
    for root in roots:
        place = Path(*(root / path).parts)
        if place.resolve() not in [p.resolve() for p in places]:
            places.append(place)
    return places


def is_comment(name: str) -> bool:
    """Return whether a key is a remark that nobody reads."""
    return name.startswith(("_", "#", "//")) or name.lower() in ("comment", "comments", "description")


def _near(name: str, allowed: Collection[str]) -> str:
    lower = {word.lower(): word for word in sorted(allowed)}
    near = [lower[word] for word in difflib.get_close_matches(name.lower(), lower, 3, cutoff=0.6)]
    if near:
        return f"did you mean {' or '.join(map(repr, near))}?"
    return f"allowed: {', '.join(sorted(allowed))}."


def _show(value: Any) -> str:
    text = repr(value)
    return f"{type(value).__name__} {text if len(text) <= 60 else text[:57] + '...'}"
