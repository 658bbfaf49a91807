"""Factors of the conductances from gene expression (CeNGEN, Taylor et al. 2021, doi:10.1016/j.cell.2021.06.023).

The conductances of a kind of cells were fitted to one cell of it (``expression.fitted`` in ``params/cells.toml``).
Another class has ``((t + floor) / (t0 + floor))**exponent`` times as much of a channel, within bounds, where t and t0
are the transcripts of the channel's gene in its class and in the fitted one. That conductance follows transcripts at
all is a guess; so are floor, exponent and bounds.
"""

from __future__ import annotations

import re

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm.classes import KINDS
from neurosim.models.worm.packages import file_of
from neurosim.models.worm.parameters import Parameters

Floats = NDArray[np.float64]

GENES = {
    "shl1": "shl-1", "shk1": "shk-1", "kvs1": "kvs-1", "egl2": "egl-2", "egl36": "egl-36", "kqt3": "kqt-3",
    "irk": "irk-1", "egl19": "egl-19", "unc2": "unc-2", "cca1": "cca-1", "nca": "nca-2", "kcnl": "kcnl-2",
    "slo1_egl19": "slo-1", "slo1_unc2": "slo-1", "slo2_egl19": "slo-2", "slo2_unc2": "slo-2",
}  # fmt: skip
"""Channel -> gene. NCA-1 is not in the table; of the inward rectifiers IRK-1 alone counts."""

_THRESHOLD = "th2"
_SIDES = {"RMD": ("LR", "DV"), "RME": ("LR", "DV"), "IL2": ("LR", "DV")}


def factors(
    names: tuple[str, ...], classes: tuple[str, ...], kinds: tuple[str, ...], cells: Parameters
) -> dict[str, Floats]:
    """Return channel -> factor of its conductance in every cell, float64 (n,); 1 in muscles.

    Parameters
    ----------
    names, classes, kinds : tuple of str (n,)
    cells : Parameters
        ``params/cells.toml``.
    """
    columns, transcripts = _read()
    fitted = dict(zip(KINDS, cells["expression.fitted"], strict=True))
    rows = [_rows(name, cell_class, columns) for name, cell_class in zip(names, classes, strict=True)]
    low, high = cells["expression.bounds"]
    out = {}
    for channel, gene in GENES.items():
        level = transcripts[gene] + cells["expression.floor"]
        factor = np.ones(len(names))
        for i, kind in enumerate(kinds):
            if kind != "muscle" and rows[i]:
                reference = level[_rows(fitted[kind], fitted[kind], columns)].mean()
                factor[i] = (level[rows[i]].mean() / reference) ** cells["expression.exponent"]
        out[channel] = np.clip(factor, low, high)
    return out


def _read() -> tuple[list[str], dict[str, Floats]]:
    """Return the classes of the table and, of each gene, the transcripts per million in them."""
    path = file_of("wormneuroatlas", "data", "cengen.h5")
    with h5py.File(path, "r") as file:
        columns = [name.decode() for name in file["neuron_ids"][:]]
        genes = {name.decode(): i for i, name in enumerate(file[f"gene_names_{_THRESHOLD}"][:])}
        lost = sorted(set(GENES.values()) - set(genes))
        if lost:
            raise ModelError(f"{path}: no gene {', '.join(lost)}; install another version of wormneuroatlas")
        table = file[f"tpm_{_THRESHOLD}"]
        return columns, {gene: table[:, genes[gene]].astype(float) for gene in set(GENES.values())}


def _rows(name: str, cell_class: str, columns: list[str]) -> list[int]:
    """Return the rows of a cell: its own (``DB01``), its part of the class (``RMD_LR``), or its class."""
    padded = re.sub(r"(?<=[A-Z])(\d)$", r"0\1", name)
    wanted = [name, padded]
    if cell_class in _SIDES:
        sides, others = _SIDES[cell_class]
        wanted.append(f"{cell_class}_{sides if name[len(cell_class) :] in ('L', 'R') else others}")
    if name in ("VC4", "VC5"):
        wanted.append("VC_4_5")
    if cell_class in ("DD", "VD"):
        wanted.append("VD_DD")
    for label in (*wanted, cell_class):
        if label in columns:
            return [columns.index(label)]
    return [i for i, column in enumerate(columns) if column.startswith(f"{cell_class}_")]
