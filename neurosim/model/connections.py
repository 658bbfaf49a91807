"""Connections between cells as columns: the form in which readers and builders hand networks to the engine.

``Connections`` are discrete (a spike of the source acts on the target after a delay), ``Couplings`` continuous (a point
process reads the voltage of another cell in every step: gap junctions, graded synapses). Both are structures of
arrays, one row each, in any order; cells are named by gid. Incoming rows only: whoever builds a part of a network keeps
the rows whose target is there.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from neurosim.errors import ModelError
from neurosim.mechanisms.mechanism import Kind, Mechanism

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int32]
Longs = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Connections:
    """Connections of one kind.

    Parameters
    ----------
    mechanism : Mechanism or None
        The point process that each row puts into its target cell (one instance a row, as BMTK and NetPyNE do; the
        engine joins instances whose sum is the same). None: the target is a point cell and receives the events itself.
    source_gid, target_gid : int32 (n,)
        Cells.
    node : int32 (n,)
        Compartment of the target (node of ``Cell.tree``); ignored when ``mechanism`` is None.
    weight : float64 (n,)
        First argument of NET_RECEIVE, in the mechanism's unit (conductances: uS).
    delay_ms : float64 (n,)
        From the spike to its effect, not negative.
    values : dict
        Parameter of ``mechanism`` -> one number or float64 (n,); others have the mechanism's defaults.
    instance : int32 (n,), optional
        Rows of one compartment with the same number share one point process; by default each row has its own.
    """

    mechanism: Mechanism | None
    source_gid: Ints
    target_gid: Ints
    node: Ints
    weight: Floats
    delay_ms: Floats
    values: dict[str, float | Floats] = field(default_factory=dict)
    instance: Ints | None = None

    def __post_init__(self) -> None:
        n = len(self.source_gid)
        if any(len(column) != n for column in (self.target_gid, self.node, self.weight, self.delay_ms)):
            raise ModelError("connections: source_gid, target_gid, node, weight and delay_ms must have one length")
        if self.mechanism is not None:
            if self.mechanism.kind is not Kind.POINT:
                raise ModelError(f"connections: {self.mechanism.name} is no point process and cannot be a synapse")
            for name, value in self.values.items():
                self.mechanism.parameter(name)
                if np.ndim(value) and np.shape(value) != (n,):
                    raise ModelError(f"connections: {name} has shape {np.shape(value)}; allowed: one number or ({n},)")
        for name, column in (("weight", self.weight), ("delay_ms", self.delay_ms)):
            if not np.isfinite(column).all():
                raise ModelError(f"connections: {name} must be finite, got {column[~np.isfinite(column)][0]}")
        if n and float(self.delay_ms.min()) < 0.0:
            raise ModelError(f"connections: delay_ms={self.delay_ms.min():g} is not allowed; it must be 0 or more")

    def __len__(self) -> int:
        return len(self.source_gid)

    def rows(self, chosen: Longs) -> Connections:
        """Return these rows, int64 (m,)."""
        if len(chosen) == len(self):
            return self
        return replace(
            self,
            source_gid=self.source_gid[chosen],
            target_gid=self.target_gid[chosen],
            node=self.node[chosen],
            weight=self.weight[chosen],
            delay_ms=self.delay_ms[chosen],
            values=_chosen(self.values, chosen),
            instance=None if self.instance is None else self.instance[chosen],
        )


@dataclass(frozen=True, eq=False)
class Couplings:
    """Point processes that see the voltage of another cell, one row each; a gap junction is two rows, one a side.

    Parameters
    ----------
    mechanism : Mechanism
        A point process with the POINTER ``pointer`` to a voltage.
    pointer : str
        Its name, for instance ``"vgap"``.
    source_gid, source_node : int32 (n,)
        Whose voltage is seen.
    target_gid, target_node : int32 (n,)
        Where the point process is.
    values : dict
        Parameter -> one number or float64 (n,).
    """

    mechanism: Mechanism
    pointer: str
    source_gid: Ints
    source_node: Ints
    target_gid: Ints
    target_node: Ints
    values: dict[str, float | Floats] = field(default_factory=dict)

    def __post_init__(self) -> None:
        n = len(self.source_gid)
        if any(len(column) != n for column in (self.source_node, self.target_gid, self.target_node)):
            raise ModelError("couplings: the columns of gids and nodes must have one length")
        if self.pointer not in self.mechanism.pointers:
            known = ", ".join(self.mechanism.pointers) or "none"
            raise ModelError(f"couplings: {self.mechanism.name} has no POINTER {self.pointer!r}; it has {known}")
        for name, value in self.values.items():
            self.mechanism.parameter(name)
            if np.ndim(value) and np.shape(value) != (n,):
                raise ModelError(f"couplings: {name} has shape {np.shape(value)}; allowed: one number or ({n},)")

    def __len__(self) -> int:
        return len(self.source_gid)

    def rows(self, chosen: Longs) -> Couplings:
        """Return these rows, int64 (m,)."""
        if len(chosen) == len(self):
            return self
        return replace(
            self,
            source_gid=self.source_gid[chosen],
            source_node=self.source_node[chosen],
            target_gid=self.target_gid[chosen],
            target_node=self.target_node[chosen],
            values=_chosen(self.values, chosen),
        )


def _chosen(values: dict[str, float | Floats], rows: Longs) -> dict[str, float | Floats]:
    return {name: value if np.ndim(value) == 0 else np.asarray(value)[rows] for name, value in values.items()}
