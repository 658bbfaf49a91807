"""Values of reports, read from the files of ranks and put side by side as one process would have recorded them.

``RankColumns`` is a ``Source`` of a membrane or synapse report, ``ClampColumns`` and ``EcpTotal`` are ``Values`` of
reports with a row for each step.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from neurosim.errors import OutputError
from neurosim.sonata.outfile import open_output
from neurosim.sonata.potential import potentials
from neurosim.sonata.report_entry import Rows
from neurosim.sonata.source import Elements, Floats, Ints, Source

COLUMNS = "clamp/columns"
"""Which columns of the report the electrodes of a rank are."""


@dataclass(frozen=True)
class Stretch:
    """Steps first + 1 to last of a report, from the files of all ranks of a leg, which begin after step ``first``."""

    paths: list[Path]
    first: int
    last: int

    def common(self, before: int, after: int) -> tuple[int, int]:
        """Return which of the steps before + 1 to after are here."""
        return max(before, self.first), min(after, self.last)


@dataclass(frozen=True, eq=False)
class _Part:
    """Columns of one rank: a data set, and where its columns are in the report."""

    path: Path
    data: str
    columns: Ints


class RankColumns:
    """Columns of one population of a report.

    Parameters
    ----------
    stretches : sequence of (Stretch, list of _Part)
        Where the values are.
    rows : Rows
        Steps that are written.
    width : int
        Number of columns.
    """

    def __init__(self, stretches: Sequence[tuple[Stretch, list[_Part]]], rows: Rows, width: int) -> None:
        self._stretches, self._rows, self.width, self.held = stretches, rows, width, width

    def take(self, before: int, after: int, rows: Ints) -> Floats:
        """Return the rows that are written of steps before + 1 to after."""
        out = np.full((len(rows), self.width), np.nan)
        for stretch, parts in self._stretches:
            low, high = stretch.common(before, after)
            if low >= high:
                continue
            at = len(self._rows.among(before, low)), len(self._rows.among(before, high))
            # A rank's file begins with the first row after the first step of its leg.
            skipped = len(self._rows.among(stretch.first, low))
            for part in parts:
                with open_output(part.path) as file:
                    values = file[part.data][skipped : skipped + at[1] - at[0]]
                out[at[0] : at[1], part.columns] = _whole(values, at[1] - at[0], part.path)
        return out


def columns_of(
    stretches: Sequence[Stretch], rows: Rows, populations: Sequence[str]
) -> tuple[Mapping[str, tuple[Elements, Source]], str, str]:
    """Return population -> columns and where their values are; the variable; its unit.

    Parameters
    ----------
    stretches : sequence of Stretch
        Files of ranks.
    rows : Rows
        Steps that are written.
    populations : sequence of str
        All that the report may have, in its order.
    """
    parts: dict[str, tuple[Elements, Source]] = {}
    variable = unit = ""
    for name in populations:
        elements: Elements | None = None
        found: list[tuple[Stretch, list[_Part]]] = []
        for stretch in stretches:
            group = f"report/{name}"
            with _all(stretch.paths) as files:
                here = [(path, file[group]) for path, file in files if group in file]
                if not here:
                    continue
                variable, unit = (str(here[0][1]["data"].attrs[key]) for key in ("variable", "units"))
                joined, columns = _joined([inner["mapping"] for _, inner in here])
            if elements is not None and list(elements.nodes) != list(joined.nodes):
                raise OutputError(
                    stretch.paths[0], f"has other cells of {name!r} than the leg before; it is of another run."
                )
            elements = elements or joined
            data = f"{group}/data"
            found.append((stretch, [_Part(path, data, c) for (path, _), c in zip(here, columns, strict=True)]))
        if elements is not None:
            parts[name] = elements, RankColumns(found, rows, int(elements.pointers[-1]))
    return parts, variable, unit


def _joined(mappings: Sequence[h5py.Group]) -> tuple[Elements, list[Ints]]:
    """Return the columns of all ranks by node id, and where those of each rank went."""
    nodes = [mapping["node_ids"][()].astype(np.int64) for mapping in mappings]
    pointers = [mapping["index_pointer"][()].astype(np.int64) for mapping in mappings]
    counts = np.concatenate([np.diff(p) for p in pointers])
    every, rank = np.concatenate(nodes), np.repeat(np.arange(len(nodes)), [len(n) for n in nodes])
    order = np.argsort(every, kind="stable")
    first = np.empty(len(every), np.int64)
    first[order] = np.cumsum(counts[order]) - counts[order]
    columns = [
        np.repeat(first[rank == r] - pointers[r][:-1], np.diff(pointers[r])) + np.arange(pointers[r][-1])
        for r in range(len(nodes))
    ]
    where = np.concatenate(columns)

    def whole(name: str) -> npt.NDArray[Any]:
        values: npt.NDArray[Any] = np.concatenate([mapping[name][()] for mapping in mappings])
        out = np.empty_like(values)
        out[where] = values
        return out

    known = {"node_ids", "index_pointer", "index_pointers", "element_ids", "element_pos", "time"}
    more = {name: whole(name) for name in mappings[0] if name not in known}
    ends = np.append(0, np.cumsum(counts[order]))
    elements = Elements(every[order].tolist(), ends.tolist(), whole("element_ids"), whole("element_pos"), more)
    return elements, columns


class ClampColumns:
    """Currents of electrodes.

    Parameters
    ----------
    stretches : sequence of Stretch
        Files of ranks.
    width : int
        Number of electrodes.
    """

    def __init__(self, stretches: Sequence[Stretch], width: int) -> None:
        self._stretches, self.held = stretches, width

    def take(self, before: int, after: int) -> Floats:
        """Return the currents after steps before + 1 to after."""
        out = np.full((after - before, self.held), np.nan)
        for stretch in self._stretches:
            low, high = stretch.common(before, after)
            for path in stretch.paths if low < high else ():
                with open_output(path) as file:
                    values = file["data"][low - stretch.first : high - stretch.first]
                    out[low - before : high - before, file[COLUMNS][()]] = _whole(values, high - low, path)
        return out


class EcpTotal:
    """Potentials, summed over the ranks.

    Parameters
    ----------
    stretches : sequence of Stretch
        Files of ranks.
    width : int
        Columns of a rank's file.
    """

    def __init__(self, stretches: Sequence[Stretch], width: int) -> None:
        self._stretches, self.held = stretches, width

    def take(self, before: int, after: int) -> Floats:
        """Return the potentials after steps before + 1 to after."""
        total = np.zeros((after - before, self.held), np.int64)
        for stretch in self._stretches:
            low, high = stretch.common(before, after)
            for path in stretch.paths if low < high else ():
                with open_output(path) as file:
                    values = file["ecp/sums"][low - stretch.first : high - stretch.first]
                    total[low - before : high - before] += _whole(values, high - low, path)
        return potentials(total)


def _whole(values: npt.NDArray[Any], rows: int, path: Path) -> npt.NDArray[Any]:
    if len(values) != rows:
        raise OutputError(path, f"lacks {rows - len(values)} rows; it is of another run, or was changed.")
    return values


@contextmanager
def _all(paths: Sequence[Path]) -> Iterator[list[tuple[Path, h5py.File]]]:
    """Open all files of a list."""
    with ExitStack() as stack:
        yield [(path, stack.enter_context(open_output(path))) for path in paths]
