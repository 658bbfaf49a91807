"""Populations as SONATA node files: ``<name>_nodes.h5`` and ``<name>_node_types.csv``, with the components they name.

Cells of one description are one node type. Node ids are 0 to n - 1 in the order of the population, so that gids are
those of the network: the populations come in its order.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.errors import SonataError
from neurosim.model.cell import Cell
from neurosim.model.point import PointCell, SpikeTrain
from neurosim.model.population import AnyCell, Population
from neurosim.sonata.swc_sections import text_of
from neurosim.sonata.write_cells import fit_of, point_of, sections_of
from neurosim.sonata.write_h5 import new_h5, put, write_table
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_spacing import Spacing
from neurosim.sonata.write_swc import WHOLE, write_shape

HEADER = (
    "node_type_id",
    "pop_name",
    "model_type",
    "model_template",
    "model_processing",
    "morphology",
    "dynamics_params",
)
RESERVED = frozenset((*HEADER, "node_id", "node_group_id", "node_group_index", "x", "y", "z", "population"))
FIRST_TYPE = 100
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,99}")

MORPHOLOGIES, CELLS = "components/morphologies", "components/biophysical_neuron_models"
POINTS = "components/point_neuron_models"


@dataclass
class NodeWriter:
    """Writes populations and what their nodes consist of.

    Parameters
    ----------
    folder : Path
        Folder of the circuit in the making.
    mechanisms : MechanismFiles
        Gets the mechanisms.
    spacing : Spacing
        Finds the one ``dL`` of all cells.
    extensions : bool
        Whether what only neurosim reads may be written.
    """

    folder: Path
    mechanisms: MechanismFiles
    spacing: Spacing
    extensions: bool
    notes: list[str] = field(default_factory=list)
    _types: dict[tuple[Any, ...], int] = field(default_factory=dict)
    _types_of: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    _files: dict[tuple[str, str], str] = field(default_factory=dict)

    def write(self, population: Population) -> None:
        """Write one whole population."""
        name = population.name
        if not NAME.fullmatch(name):
            raise SonataError(
                f"population {name!r}: the name becomes part of file names; use letters, digits and _ . -"
            )
        kinds = {SpikeTrain if isinstance(c, SpikeTrain) else AnyCell for c in population.cells}
        if len(kinds) > 1:
            raise SonataError(f"population {name!r}: spike trains and cells in one population; make two of them.")
        rows: dict[tuple[Any, ...], int] = {}
        type_ids = np.empty(len(population), np.uint64)
        for k, cell in enumerate(population.cells):
            if id(cell) not in self._types_of:
                self._types_of[id(cell)] = self._describe(cell, f"{name}[{k}]")
            row = (name, *self._types_of[id(cell)])
            type_ids[k] = rows.setdefault(row, FIRST_TYPE + len(rows))
        write_table(
            self.folder / f"network/{name}_node_types.csv", HEADER, [(number, *row) for row, number in rows.items()]
        )
        self._write_nodes(population, type_ids)

    def _write_nodes(self, population: Population, type_ids: Any) -> None:
        name, n = population.name, len(population)
        with new_h5(self.folder / f"network/{name}_nodes.h5") as file:
            group = file.create_group(f"nodes/{name}")
            put(group, "node_id", np.arange(n, dtype=np.uint64))
            put(group, "node_type_id", type_ids)
            put(group, "node_group_id", np.zeros(n, np.uint32))
            put(group, "node_group_index", np.arange(n, dtype=np.uint64))
            inner = group.create_group("0")
            places = population.positions_um
            for axis, values in zip("xyz", [] if places is None else places.T, strict=False):
                put(inner, axis, values)
            for key, values in population.attributes.items():
                if key in RESERVED or not NAME.fullmatch(key):
                    raise SonataError(f"population {name!r}: attribute {key!r} has a meaning in SONATA; rename it.")
                if values.dtype.kind not in "biufOUS":
                    raise SonataError(
                        f"population {name!r}: attribute {key!r} is {values.dtype}; use numbers or texts."
                    )
                put(inner, key, values.astype(np.uint8) if values.dtype.kind == "b" else values)

    # --- one cell -----------------------------------------------------------------------------------------------------

    def _describe(self, cell: AnyCell, who: str) -> tuple[Any, ...]:
        """Write the files of a cell; return its row of the types table from ``model_type`` on."""
        if isinstance(cell, SpikeTrain):
            return ("virtual", None, None, None, None)
        if isinstance(cell, PointCell):
            template, values = point_of(cell, self.mechanisms, who)
            if template != "nrn:IntFire1":
                self.notes.append(f"{who}: {template}; BMTK runs IntFire1 only")
            stem = cell.name or template.removeprefix("nrn:")
            return ("point_neuron", template, None, None, self._json(POINTS, stem, values, who))
        return self._biophysical(cell, who)

    def _biophysical(self, cell: Cell, who: str) -> tuple[Any, ...]:
        morphology, processing = self._morphology(cell, who)
        fit = fit_of(cell, processing, self.mechanisms, who)
        if fit is None:
            return ("biophysical", "ctdb:Biophys1.hoc", None, morphology, None)
        if processing == WHOLE:
            self._extension(who, "its axon is not the stub of 2 x 30 um that BMTK gives to every cell with parameters")
        return ("biophysical", "ctdb:Biophys1.hoc", processing, morphology, self._json(CELLS, cell.name, fit, who))

    def _morphology(self, cell: Cell, who: str) -> tuple[str, str]:
        """Write the shape of a cell; return the file's name and the processing."""
        trial = self.folder / "trial.swc"
        try:
            shape = write_shape(cell.tree, cell.ra_ohm_cm, trial, who)
            self.spacing.add(cell, who)
        except SonataError as error:
            if not self.extensions:
                raise SonataError(
                    f"{error.reason} With extensions=True it is written in a form of neurosim's own."
                ) from None
            self._extension(who, error.reason)
            marked = text_of(cell)
            if marked is not None:
                return self._file(MORPHOLOGIES, cell.name, ".swc", marked), WHOLE
            return self._json(MORPHOLOGIES, cell.name, sections_of(cell), who), WHOLE
        finally:
            trial.unlink(missing_ok=True)
        return self._file(MORPHOLOGIES, cell.name, ".swc", shape.text), shape.processing

    def _extension(self, who: str, why: str) -> None:
        if not self.extensions:
            raise SonataError(f"{who}: {why}. With extensions=True it is written as model_processing {WHOLE!r}.")
        self.notes.append(f"{who}: only neurosim reads this cell: {why}")

    def _json(self, place: str, stem: str, values: dict[str, Any], who: str) -> str:
        try:
            return self._file(place, stem, ".json", json.dumps(values, indent=1, allow_nan=False) + "\n")
        except ValueError:
            raise SonataError(f"{who}: a parameter is not finite, which JSON cannot hold.") from None

    def _file(self, place: str, stem: str, ending: str, text: str) -> str:
        """Write a text once under a free name made of ``stem``; return the name."""
        if (place + ending, text) in self._files:
            return self._files[place + ending, text]
        plain = re.sub(r"\W+", "_", stem, flags=re.ASCII).strip("_")[:80] or "cell"
        taken = {name.lower() for (where, _), name in self._files.items() if where == place + ending}
        name, k = f"{plain}{ending}", 1
        while name.lower() in taken:
            k += 1
            name = f"{plain}_{k}{ending}"
        (self.folder / place).mkdir(parents=True, exist_ok=True)
        with (self.folder / place / name).open("x", encoding="utf-8", newline="\n") as stream:
            stream.write(text)
        self._files[place + ending, text] = name
        return name
