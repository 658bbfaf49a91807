"""Spikes by population: rates over time, irregularity, rasters.

Populations are anything that names cells: a ``Population`` of a network, an array of gids, or a dict of such by name
(``net.populations``). Users reach this through ``SpikeTable``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import ModelError
from neurosim.units import S_PER_MS

Floats = npt.NDArray[np.float64]
Gids = npt.NDArray[np.uint64]


def groups(populations: Any) -> dict[str, Gids]:
    """Return name -> gids of populations given as one, as a dict by name, or as a list.

    Raises
    ------
    ModelError
        Something is no population and no array of gids.
    """
    if isinstance(populations, Mapping):
        return {str(name): _gids(str(name), cells) for name, cells in populations.items()}
    many = populations if isinstance(populations, list | tuple) else [populations]
    if many and all(isinstance(one, int | np.integer) for one in many):
        many = [np.asarray(many)]
    return {getattr(one, "label", f"cells {k}"): _gids(f"cells {k}", one) for k, one in enumerate(many)}


def _gids(name: str, cells: Any) -> Gids:
    given = np.asarray(getattr(cells, "gids", cells))
    if given.ndim != 1 or (given.size and given.dtype.kind not in "iu"):
        raise ModelError(f"populations: {name!r} is no population and no array of gids, got {cells!r}")
    return given.astype(np.uint64)


def rates_Hz(
    gids: Gids, times_ms: Floats, populations: Any, bin_ms: float, start_ms: float, stop_ms: float | None
) -> tuple[Floats, Floats, tuple[str, ...]]:
    """Return the middles of the bins, float64 (n,) in ms, rates (n, populations) in Hz, and the names.

    A rate is spikes / (cells x width of the bin). A last bin that would go beyond ``stop_ms`` is left out.
    """
    if not (math.isfinite(bin_ms) and bin_ms > 0.0):
        raise ModelError(f"rates: bin_ms={bin_ms} is not allowed; it must be finite and above 0")
    last_ms = float(times_ms.max(initial=start_ms))
    if stop_ms is None:
        bins_n = max(0, math.ceil((last_ms - start_ms) / bin_ms))
    elif math.isfinite(stop_ms) and stop_ms - start_ms >= bin_ms:
        bins_n = math.floor((stop_ms - start_ms) / bin_ms + 1e-9)
    else:
        raise ModelError(f"rates: no bin of {bin_ms} ms between start_ms={start_ms} and stop_ms={stop_ms}")
    edges_ms = start_ms + bin_ms * np.arange(bins_n + 1)
    named = groups(populations)
    out = np.zeros((bins_n, len(named)))
    for column, cells in enumerate(named.values()):
        chosen = times_ms[np.isin(gids, cells)]
        if len(cells):
            out[:, column] = np.histogram(chosen, edges_ms)[0] / (len(cells) * bin_ms * S_PER_MS)
    middles_ms = np.asarray(start_ms + bin_ms * (np.arange(bins_n) + 0.5), np.float64)
    return middles_ms, out, tuple(named)


def isi_cv(trains_ms: Mapping[int, Floats], least_n: int) -> dict[int, float]:
    """Return, for each cell with enough spikes, standard deviation / mean of its intervals (0 regular, 1 Poisson)."""
    if least_n < 3:
        raise ModelError(f"isi_cv: least_n={least_n} is not allowed; two intervals need 3 spikes")
    out = {}
    for gid, times_ms in trains_ms.items():
        if len(times_ms) >= least_n:
            intervals_ms = np.diff(np.sort(times_ms))
            out[gid] = float(intervals_ms.std() / intervals_ms.mean())
    return out


def raster(ax: Any, gids: Gids, times_ms: Floats, populations: Any, style: Mapping[str, Any]) -> None:
    """Draw one mark a spike, one row a cell; populations in their own colours, with a legend of those that fired."""
    look = {"marker": "|", "linestyle": "", **style}
    if populations is None:
        ax.plot(times_ms, gids, **{"color": "black", **look})
    else:
        for name, cells in groups(populations).items():
            chosen = np.isin(gids, cells)
            if chosen.any():
                ax.plot(times_ms[chosen], gids[chosen], **{"label": name, **look})
        if len(ax.get_legend_handles_labels()[0]) > 1:
            ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=6, frameon=False, borderaxespad=0.2)
    ax.set_xlabel("time (ms)")
    ax.set_ylabel("cell (gid)")
    ax.yaxis.get_major_locator().set_params(integer=True)
