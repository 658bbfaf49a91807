"""Types tables: space-separated text with quotes, one row a node type or edge type.

Missing values are written ``NULL``, ``NONE``, ``NA``, ``NaN`` or left out. A column whose values are all numbers
becomes float64, any other a column of strings.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError

NOTHING = frozenset(("", "NULL", "NONE", "NA", "NAN"))


@dataclass(frozen=True)
class Types:
    """A types table.

    Parameters
    ----------
    path : Path or None
        File it came from.
    ids : int64 (n,)
        Type ids.
    columns : dict
        Column -> float64 or object (n,); NaN or None where missing.
    """

    path: Path | None
    ids: npt.NDArray[np.int64]
    columns: dict[str, npt.NDArray[Any]]

    def rows(self, type_ids: npt.NDArray[np.int64], key: str) -> npt.NDArray[np.int64]:
        """Return the row of each type id, int64 (n,); an id that the table lacks is an error."""
        order = np.argsort(self.ids, kind="stable")
        if len(order) == 0:
            raise SonataError(f"no types, but nodes use type {type_ids[0]}.", key=key, path=self.path)
        place = np.minimum(np.searchsorted(self.ids, type_ids, sorter=order), len(order) - 1)
        rows = order[place].astype(np.int64)
        wrong = np.flatnonzero(self.ids[rows] != type_ids)
        if len(wrong):
            have = ", ".join(map(str, self.ids[:20]))
            raise SonataError(
                f"no type {type_ids[wrong[0]]}, which row {wrong[0]} of the H5 file uses; it has {have}.",
                key=key,
                path=self.path,
            )
        return np.asarray(rows, np.int64)


def read_types(path: Path, id_column: str, key: str) -> Types:
    """Return the table in a file.

    Parameters
    ----------
    path : Path
        The CSV file.
    id_column : str
        ``node_type_id`` or ``edge_type_id``.
    key : str
        JSON path of the file, for messages.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            lines = [(n, row) for n, row in _rows(stream)]
    except UnicodeDecodeError:
        raise SonataError("not UTF-8 text.", key=key, path=path) from None
    except csv.Error as error:
        raise SonataError(f"not a table: {error}.", key=key, path=path) from None
    if not lines:
        raise SonataError("empty; the first line names the columns.", key=key, path=path)
    header = lines[0][1]
    if id_column not in header:
        raise SonataError(
            f"no column {id_column!r}; it has {', '.join(header)}. Columns are separated by single spaces.",
            key=key, path=path, line=lines[0][0],
        )  # fmt: skip
    if len(set(header)) != len(header):
        raise SonataError("a column name occurs twice.", key=key, path=path, line=lines[0][0])
    cells: dict[str, list[str | None]] = {name: [] for name in header}
    ids: list[int] = []
    seen: set[int] = set()
    for line, row in lines[1:]:
        if len(row) > len(header):
            raise SonataError(
                f"{len(row)} values under {len(header)} columns; separate by one space and quote texts with spaces.",
                key=key,
                path=path,
                line=line,
            )
        for name, value in zip(header, [*row, *[""] * (len(header) - len(row))], strict=True):
            cells[name].append(None if value.strip().upper() in NOTHING else value)
        ids.append(_id(cells[id_column][-1], id_column, key, path, line))
        if ids[-1] in seen:
            raise SonataError(f"{id_column} {ids[-1]} occurs twice.", key=key, path=path, line=line)
        seen.add(ids[-1])
    columns = {name: _column(values) for name, values in cells.items() if name != id_column}
    return Types(path, np.array(ids, dtype=np.int64), columns)


def _rows(stream: Any) -> Any:
    reader = csv.reader(stream, delimiter=" ", strict=True)
    for row in reader:
        while row and row[-1] == "":
            row.pop()
        if row and not row[0].startswith("#"):
            yield reader.line_num, row


def _id(text: str | None, column: str, key: str, path: Path, line: int) -> int:
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not 0 <= value < 2**53 or value != int(value):
        raise SonataError(f"{column} must be a whole number, got {text!r}.", key=key, path=path, line=line)
    return int(value)


def _column(values: list[str | None]) -> npt.NDArray[Any]:
    try:
        return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)
    except ValueError:
        column = np.empty(len(values), dtype=object)
        column[:] = values
        return column
