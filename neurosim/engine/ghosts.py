"""Voltages of other processes' cells: elements at the end of the node arrays, filled in every step.

A process computes the couplings onto its own cells. Where such a coupling looks at a cell elsewhere it finds the
voltage in a *ghost*. All cells that give or take voltages form one group, in which the driver swaps them in every step,
after the sweeps.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from neurosim.engine.rows import Longs
from neurosim.exchange import Exchange
from neurosim.model.point import Elsewhere

if TYPE_CHECKING:
    from neurosim.engine.request import Request

_PLACE = np.int64(32)
_SWAP = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_int64, ctypes.c_double, ctypes.c_double)


class Ghosts:
    """What a process sees of cells elsewhere, and what others see of its own.

    Parameters
    ----------
    request : Request
        The model; its ``owner`` is given.
    exchange : Exchange
        The processes.

    Attributes
    ----------
    linked : int64 (n,)
        Own cells that give or take voltages, ascending.
    """

    def __init__(self, request: Request, exchange: Exchange) -> None:
        away = np.array([isinstance(c, Elsewhere) for c in request.cells], np.bool_)
        wanted, linked = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        for table in request.couplings:
            rows = np.flatnonzero(away[table.source_gid])
            wanted.append(table.source_gid[rows].astype(np.int64) << _PLACE | table.source_node[rows])
            linked.append(table.target_gid[rows].astype(np.int64))
        self._keys = np.unique(np.concatenate(wanted))
        assert request.owner is not None
        self._link = exchange.link(request.owner, self._keys >> _PLACE, self._keys & 0xFFFFFFFF)
        self.linked = np.unique(np.concatenate([*linked, self._link.sent_gids]))
        self._first = 0
        self._sent = np.zeros(0, np.int64)
        self._v = np.zeros(0)
        self._error: BaseException | None = None
        self._called = _SWAP(self._swap)

    def __len__(self) -> int:
        return len(self._keys)

    @property
    def sent_gids(self) -> Longs:
        """Own cells whose voltages others want, one for each value."""
        return self._link.sent_gids

    @property
    def sent_nodes(self) -> Longs:
        """Their nodes."""
        return self._link.sent_nodes

    @property
    def address(self) -> int:
        """Address of the C function that swaps voltages."""
        return int(ctypes.cast(self._called, ctypes.c_void_p).value or 0)

    def place(self, first: int) -> None:
        """Say which is the first element of the ghosts."""
        self._first = first

    def elements(self, gids: Longs, nodes: Longs) -> Longs:
        """Return the elements that show these nodes of cells elsewhere."""
        return self._first + np.searchsorted(self._keys, gids << _PLACE | nodes)

    def attach(self, v_mV: NDArray[np.float64], sent: Longs) -> None:
        """Take the array of voltages, and the elements of ``sent_gids`` and ``sent_nodes`` in it."""
        self._v, self._sent = v_mV, sent

    def refresh(self) -> None:
        """Swap now; every process that is linked calls this.

        Raises
        ------
        Exception
            What a swap within the run raised.
        """
        self._swap(0, 0, 0, 0.0, 0.0)
        self.check()

    def check(self) -> None:
        """Raise what went wrong in a step, where nothing can be raised."""
        if self._error is not None:
            raise self._error

    def _swap(self, *_: float) -> None:
        if self._error is not None or not len(self.linked):
            return
        try:
            self._v[self._first : self._first + len(self._keys)] = self._link.swap(self._v[self._sent])
        except BaseException as error:
            self._error = error
