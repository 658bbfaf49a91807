"""What a model is in a few numbers, however its cells are divided: so that a checkpoint is not taken for another's.

Every cell, connection, coupling, stimulus and detector gives a 64-bit number; those of one kind are added up (modulo
2^64), so that neither order nor division among processes matters. Processes count what is theirs; ``total`` adds.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.request import Request
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.cell import CellRecord, Point
from neurosim.model.connections import Connections, Couplings
from neurosim.model.point import PointCell, SpikeTrain

Words = NDArray[np.uint64]
Sums = dict[str, tuple[int, int]]
"""Kind -> number of its members and sum of their numbers."""

_ALL = (1 << 64) - 1


def fingerprint(request: Request, rank: int = 0) -> Sums:
    """Return the sums of what this process computes.

    Parameters
    ----------
    request : Request
        Its part of the model.
    rank : int
        Its number.
    """
    out: Sums = {}
    for kind, words in _kinds(request, rank):
        n, total = out.get(kind, (0, 0))
        out[kind] = n + len(words), (total + int(words.sum(dtype=np.uint64))) & _ALL
    return {kind: found for kind, found in out.items() if found[0]}


def total(parts: Sequence[Mapping[str, Sequence[int]]]) -> Sums:
    """Return the sums of all processes."""
    out: Sums = {}
    for part in parts:
        for kind, (n, word) in part.items():
            before = out.get(kind, (0, 0))
            out[kind] = before[0] + n, (before[1] + word) & _ALL
    return dict(sorted(out.items()))


def differences(there: Mapping[str, Sequence[int]], here: Mapping[str, Sequence[int]]) -> list[str]:
    """Return in words in what two models differ."""
    out = []
    for kind in sorted({*there, *here}):
        a, b = tuple(there.get(kind, (0, 0))), tuple(here.get(kind, (0, 0)))
        if a[0] != b[0]:
            out.append(f"{kind}: {a[0]} there and {b[0]} here")
        elif a != b:
            out.append(f"{kind}: other values or places")
    return out


@dataclass(frozen=True)
class _Column:
    """A column of numbers, or one number for all rows."""

    values: Any

    def words(self, n: int) -> Words:
        found = np.broadcast_to(np.asarray(self.values, np.float64), (n,))
        return np.ascontiguousarray(found).view(np.uint64)


def _mixed(word: Words) -> Words:
    """Scatter numbers over 64 bits; the finaliser of SplitMix64 (Steele et al. 2014, doi:10.1145/2714064.2660195)."""
    word = word ^ (word >> np.uint64(30))
    word = word * np.uint64(0xBF58476D1CE4E5B9)
    word = word ^ (word >> np.uint64(27))
    word = word * np.uint64(0x94D049BB133111EB)
    return np.asarray(word ^ (word >> np.uint64(31)))


def _rows(name: str, columns: Mapping[str, Any], n: int) -> Words:
    """Return a number for each of n rows."""
    out = np.full(n, _word_of(name), np.uint64)
    for label, values in columns.items():
        out = _mixed(out + (_Column(values).words(n) ^ np.uint64(_word_of(label))))
    return out


def _word_of(*parts: Any) -> int:
    """Return 64 bits of a hash of texts and arrays."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(f"{part.dtype.str}{part.shape}".encode())
            digest.update(np.ascontiguousarray(part).tobytes())
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return int.from_bytes(digest.digest()[:8], "little")


def _kinds(request: Request, rank: int) -> Iterator[tuple[str, Words]]:
    words: dict[int, int] = {}
    found: dict[str, list[tuple[int, int]]] = {"cells": [], "point cells": [], "spike trains": []}
    for gid, cell in enumerate(request.cells):
        if request.owner is not None and request.owner[gid] != rank:
            continue
        if id(cell) not in words:
            words[id(cell)] = _cell(cell)
        kind = "point cells" if isinstance(cell, PointCell) else "spike trains"
        found["cells" if isinstance(cell, CellRecord) else kind].append((gid, words[id(cell)]))
    for kind, members in found.items():
        gids = np.array([gid for gid, _ in members], np.uint64)
        yield kind, _mixed(_mixed(gids) + np.array([word for _, word in members], np.uint64))
    for table in request.connections:
        yield f"connections {'' if table.mechanism is None else table.mechanism.name}".strip(), _connections(table)
    for coupling in request.couplings:
        yield f"couplings {coupling.mechanism.name}", _couplings(coupling)
    yield "stimuli", np.array([_word_of(gid, *_point(point)) for gid, point in request.points], np.uint64)
    gates = [_word_of(g.cell, g.node, g.threshold_mV) for g in request.gates]
    yield "detectors", np.array(gates, np.uint64)


def _mechanism(mechanism: Mechanism) -> tuple[str, str]:
    return mechanism.name, mechanism.digest


def _point(point: Point) -> tuple[Any, ...]:
    return (*_mechanism(point.mechanism), point.node, sorted((k, float(v)) for k, v in point.values.items()))


def _cell(cell: Any) -> int:
    if isinstance(cell, SpikeTrain):
        return _word_of("train", cell.times_ms)
    if isinstance(cell, PointCell):
        return _word_of("point", *_mechanism(cell.mechanism), sorted(cell.mechanism.defaults.items()))
    tree = cell.tree
    parts: list[Any] = ["cell", tree.parent_idx, tree.area_um2, tree.ri_MOhm, tree.diam_um, cell.cm_uF_per_cm2]
    for name in sorted(cell.ions):
        parts += [name, cell.ions[name]]
    for density in cell.densities:
        parts += [*_mechanism(density.mechanism), density.nodes]
        for name in sorted(density.values):
            parts += [name, np.asarray(density.values[name], np.float64)]
    for point in cell.points:
        parts += _point(point)
    return _word_of(*parts)


def _values(table: Connections | Couplings) -> dict[str, Any]:
    if table.mechanism is None:
        return {}
    names = sorted(table.mechanism.defaults)
    return {name: table.values.get(name, table.mechanism.defaults[name]) for name in names}


def _connections(table: Connections) -> Words:
    name = "" if table.mechanism is None else " ".join(_mechanism(table.mechanism))
    columns = {f.name: getattr(table, f.name) for f in fields(table)}
    places = {k: columns[k] for k in ("source_gid", "target_gid", "weight", "delay_ms")}
    if table.mechanism is not None:
        places["node"] = table.node
    if table.instance is not None:
        places["instance"] = table.instance
    return _rows(name, {**places, **_values(table)}, len(table))


def _couplings(table: Couplings) -> Words:
    places = {k: getattr(table, k) for k in ("source_gid", "source_node", "target_gid", "target_node")}
    name = " ".join((*_mechanism(table.mechanism), table.pointer))
    return _rows(name, {**places, **_values(table)}, len(table))
