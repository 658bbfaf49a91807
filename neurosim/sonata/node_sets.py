"""Node sets: which nodes an input or a report means.

A node set is a name, a list or an object:

    "all", a population's name, or a name in node_sets     those nodes
    [3, 5]                                                 these gids
    ["layer4", "layer5"]                                   everything in any of these
    {"population": "v1", "node_id": [1, 2], "ei": "e"}     all conditions hold; a list means any of; also
                                                           {"$gt": 3}, "$gte", "$lt", "$lte", "$regex"

A set that names no node, a column that no population has and a gid that does not exist are errors, because they would
silently do nothing.
"""

from __future__ import annotations

import difflib
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry, is_comment
from neurosim.sonata.manifest import read_json
from neurosim.sonata.nodes import Population

Gids = npt.NDArray[np.int64]
_COMPARE = {"$gt": np.greater, "$gte": np.greater_equal, "$lt": np.less, "$lte": np.less_equal}


class NodeSets:
    """The node sets of a configuration.

    Parameters
    ----------
    config : Config
        Configuration with ``node_sets`` or ``node_sets_file``.
    populations : list of Population
        All populations.
    """

    def __init__(self, config: Config, populations: list[Population]) -> None:
        self.populations = populations
        self.entry = _definitions(config)

    def gids(self, value: Any, entry: Entry, name: str) -> Gids:
        """Return the gids of a node set used at ``entry.name``, ascending, int64 (n,).

        Raises
        ------
        SonataError
            Unknown name, column or gid, a circle, or no node at all.
        """
        found = self._of(value, entry, name, ())
        if len(found) == 0:
            entry.fail(name, f"node set {value!r} names no node; nothing would happen. Check its conditions.")
        return found

    @property
    def names(self) -> list[str]:
        """Return every name that can be used."""
        return ["all", *(p.name for p in self.populations), *self.entry.values]

    def _of(self, value: Any, entry: Entry, name: str, above: tuple[str, ...]) -> Gids:
        if isinstance(value, str):
            return self._named(value, entry, name, above)
        if isinstance(value, list):
            return self._listed(value, entry, name, above)
        if isinstance(value, dict):
            parts = [self._selected(p, value, entry, name) for p in self.populations]
            self._check_columns(value, entry, name)
            return np.unique(np.concatenate([*parts, np.zeros(0, np.int64)]))
        entry.fail(name, f"a node set is a name, a list or an object, got {type(value).__name__} {value!r}.")

    def _named(self, value: str, entry: Entry, name: str, above: tuple[str, ...]) -> Gids:
        if value in self.entry:
            if value in above:
                self.entry.fail(value, f"contains itself through {' -> '.join((*above, value))}.")
            return self._of(self.entry.values[value], self.entry, value, (*above, value))
        if value == "all":
            return np.sort(np.concatenate([p.gids for p in self.populations]))
        for p in self.populations:
            if p.name == value:
                return np.sort(p.gids)
        near = difflib.get_close_matches(value, self.names, 3)
        hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(self.names)}."
        entry.fail(name, f"no node set {value!r}; {hint}")

    def _listed(self, value: list[Any], entry: Entry, name: str, above: tuple[str, ...]) -> Gids:
        if all(isinstance(v, str) for v in value):
            parts = [self._named(v, entry, name, above) for v in value]
            return np.unique(np.concatenate([*parts, np.zeros(0, np.int64)]))
        if not all(isinstance(v, int) and not isinstance(v, bool) for v in value):
            entry.fail(name, "a list holds either gids or names of node sets.")
        wanted = np.unique(np.array([_node_id(v, entry, name) for v in value], dtype=np.int64))
        missing = np.setdiff1d(wanted, np.concatenate([p.gids for p in self.populations]))
        if len(missing):
            entry.fail(name, f"no node with gid {missing[0]}; gids go up to {self.populations[-1].next_gid - 1}.")
        return wanted

    def _selected(self, population: Population, conditions: dict[str, Any], entry: Entry, name: str) -> Gids:
        chosen = np.ones(len(population), dtype=bool)
        for column, wanted in conditions.items():
            values = wanted if isinstance(wanted, list) else [wanted]
            if column == "population":
                names = [p.name for p in self.populations]
                for v in values:
                    if v not in names:
                        entry.fail(name, f"no population {v!r} for a node set; there are {', '.join(names)}.")
                chosen &= population.name in values
            elif column in ("node_id", "node_ids"):
                chosen &= np.isin(population.node_ids, [_node_id(v, entry, name) for v in values])
            elif column == "node_type_id":
                chosen &= np.isin(population.type_ids, [_node_id(v, entry, name) for v in values])
            else:
                chosen &= _matches(population.attribute(column), values, len(population), entry, name)
        return np.asarray(population.gids[chosen], np.int64)

    def _check_columns(self, conditions: dict[str, Any], entry: Entry, name: str) -> None:
        known = sorted({n for p in self.populations for n in p.names})
        special = ["population", "node_id", "node_ids", "node_type_id"]
        for column in conditions:
            if column not in known and column not in special:
                near = difflib.get_close_matches(column, [*known, *special], 3)
                hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"there are {', '.join(known)}."
                entry.fail(name, f"no population has a column {column!r} for a node set; {hint}")


def _definitions(config: Config) -> Entry:
    inline = config.section("node_sets")
    where = config.root.get("node_sets_file", None)
    if where is None:
        return _without_comments(inline)
    source = Entry({"node_sets_file": where}, "", config.sections.get("node_sets_file", config.path))
    path = config.located(source, "node_sets_file")
    content = read_json(path, "node_sets_file")
    if not isinstance(content, dict):
        raise SonataError("must hold a JSON object of node sets.", key="node_sets_file", path=path)
    for name in content.keys() & inline.values.keys():
        config.notice(f"node_sets.{name}: taken from the configuration, not from {path.name}")
    return _without_comments(Entry({**content, **inline.values}, "node_sets", path))


def _without_comments(entry: Entry) -> Entry:
    values = {name: value for name, value in entry.values.items() if not is_comment(name)}
    return Entry(values, "node_sets", entry.file)


def _node_id(value: Any, entry: Entry, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        entry.fail(name, f"an id in a node set is a whole number from 0, got {str(value)[:40]}.")
    return int(value)


def _matches(
    column: npt.NDArray[Any] | None, wanted: list[Any], n: int, entry: Entry, name: str
) -> npt.NDArray[np.bool_]:
    chosen = np.zeros(n, dtype=bool)
    if column is None:
        return chosen
    numeric = column.dtype == np.float64
    for value in wanted:
        if isinstance(value, dict):
            chosen |= _compared(column, value, entry, name)
        elif isinstance(value, bool) or not isinstance(value, str | int | float):
            entry.fail(name, f"a node set compares with a string, a number or a list of them, got {value!r}.")
        elif numeric:
            number = _number(value)
            chosen |= column == number if number is not None else np.zeros(n, dtype=bool)
        else:
            text = str(value)
            chosen |= np.array([v is not None and str(v) == text for v in column], dtype=bool)
    return chosen


def _compared(column: npt.NDArray[Any], rule: dict[str, Any], entry: Entry, name: str) -> npt.NDArray[np.bool_]:
    chosen = np.ones(len(column), dtype=bool)
    for word, value in rule.items():
        if word in _COMPARE and column.dtype == np.float64:
            number = _number(value)
            if number is None:
                entry.fail(name, f"{word} needs a number, got {value!r}.")
            chosen &= _COMPARE[word](column, number)
        elif word == "$regex" and isinstance(value, str):
            try:
                pattern = re.compile(value)
            except re.error as error:
                entry.fail(name, f"$regex {value!r} is not a regular expression: {error}.")
            chosen &= np.array([v is not None and pattern.fullmatch(str(v)) is not None for v in column], dtype=bool)
        else:
            entry.fail(name, f"no rule {word!r} for such a column; numbers have $gt $gte $lt $lte, texts $regex.")
    return chosen


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
