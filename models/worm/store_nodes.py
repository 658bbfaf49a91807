"""Cells of the worm as SONATA nodes: one row a cell, conductances as ``dynamics_params`` of the H5 group.

A node type is what cells of one kind have in their membranes; the numbers stand row by row: ``soma.gbar_egl19`` in the
soma, ``all.g_pas``, ``all.Ra``, ``all.cm`` everywhere, NaN where a cell does not have the mechanism.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError, SonataError
from neurosim.mechanisms import library
from neurosim.model import population as model_population
from neurosim.model.cell import Cell
from neurosim.models.worm import channels
from neurosim.models.worm.model import TRANSMITTERS, WormModel
from neurosim.models.worm.network import EVERYWHERE
from neurosim.sonata.nodes import Population
from neurosim.sonata.swc_sections import text_of
from neurosim.sonata.write_cells import fit_of
from neurosim.sonata.write_h5 import new_h5, put, write_table
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_nodes import CELLS, HEADER, MORPHOLOGIES
from neurosim.sonata.write_swc import WHOLE

Floats = NDArray[np.float64]
CABLE = {"all.Ra": "ra_ohm_cm", "all.cm": "cm_uF_per_cm2"}
REMARK = (
    "which mechanisms there are; numbers are those of the first cell, dynamics_params of the nodes file replace them"
)
NONE = "none"
"""Transmitter of a cell without chemical contacts onto others."""


def write(stage: Path, population: model_population.Population, model: WormModel, mechanisms: MechanismFiles) -> None:
    """Write one population of the network of a model."""
    cells = [cell for cell in population.cells if isinstance(cell, Cell)]
    gids = population.gids
    columns = _columns(model, cells, gids)
    types: dict[str, int] = {}
    rows: list[tuple[Any, ...]] = []
    type_ids = np.empty(len(cells), np.uint64)
    for folder in (MORPHOLOGIES, CELLS):
        (stage / folder).mkdir(parents=True, exist_ok=True)
    for k, cell in enumerate(cells):
        name = model.names[gids[k]]
        text = text_of(cell)
        if text is None:
            raise ModelError(f"store.write: {name}: a section has no points, or comes before its parent")
        (stage / MORPHOLOGIES / f"{name}.swc").write_text(text, encoding="ascii", newline="\n")
        fit = fit_of(cell, WHOLE, mechanisms, name)
        if fit is None:
            raise ModelError(f"store.write: {name} has nothing in its membrane; give it at least pas")
        structure = _structure(fit, cell, columns)
        if structure not in types:
            kind = model.kind[gids[k]]
            number = 100 + len(types)
            file = f"{kind}_{sum(row[1].startswith(kind) for row in rows) + 1}.json"
            text = json.dumps({"_remark": REMARK, **fit}, indent=1, allow_nan=False)
            (stage / CELLS / file).write_text(f"{text}\n", encoding="utf-8", newline="\n")
            rows.append((number, file.removesuffix(".json"), "biophysical", "ctdb:Biophys1.hoc", WHOLE, file))
            types[structure] = number
        type_ids[k] = types[structure]
    stem = stage / "network" / population.name
    header = [title for title in HEADER if title != "morphology"]
    write_table(stem.with_name(f"{stem.name}_node_types.csv"), header, rows)
    _write_columns(
        stem.with_name(f"{stem.name}_nodes.h5"),
        population.name,
        type_ids,
        _texts(model, gids),
        _centres(cells),
        columns,
    )


def _columns(model: WormModel, cells: Sequence[Cell], gids: NDArray[np.int32]) -> dict[str, Floats]:
    """Return ``dynamics_params``: what the model says of each cell, NaN where the cell does not have the mechanism."""
    found = {title: np.asarray(model.cable[key], float)[gids] for title, key in CABLE.items()}
    for name, values in model.densities.items():
        there = np.array([any(d.mechanism.name == name for d in cell.record.densities) for cell in cells])
        for key, column in values.items():
            region = "all" if name in EVERYWHERE else "soma"
            found[f"{region}.{key}_{name}"] = np.where(there, np.asarray(column, float)[gids], np.nan)
    return found


def _structure(fit: dict[str, Any], cell: Cell, columns: dict[str, Floats]) -> str:
    """Return what a fit file says beside the numbers that the H5 group has: equal texts can share a file."""
    sections = sorted({s.region for s in cell.morphology.sections})
    inserted = sorted({(g["section"], g["mechanism"]) for g in fit["genome"] if g["mechanism"]})
    own = [
        (g["section"], g["name"], g["value"])
        for g in fit["genome"]
        if f"{g['section']}.{g['name']}" not in columns and f"all.{g['name']}" not in columns
    ]
    return json.dumps([sections, inserted, own, fit["conditions"]])


def _texts(model: WormModel, gids: NDArray[np.int32]) -> dict[str, list[str]]:
    released: dict[int, Counter[int]] = {}
    for rows in (model.chemical, model.neuromuscular):
        for pre, code, g in zip(
            rows.pre.tolist(), rows.transmitter.tolist(), rows.conductance_uS.tolist(), strict=True
        ):
            released.setdefault(pre, Counter())[code] += g
    most = {pre: TRANSMITTERS[max(sorted(found), key=found.__getitem__)] for pre, found in released.items()}
    chosen = gids.tolist()
    return {
        "cell_name": [model.names[g] for g in chosen],
        "cell_class": [model.cell_class[g] for g in chosen],
        "kind": [model.kind[g] for g in chosen],
        "transmitter": [most.get(g, NONE) for g in chosen],
        "morphology": [f"{model.names[g]}.swc" for g in chosen],
    }


def _centres(cells: Sequence[Cell]) -> Floats:
    """Return the middle of each soma, float64 (n, 3) in um."""
    points = [cell.morphology.sections[0].points for cell in cells]
    return np.array([np.zeros(3) if p is None else p[:, :3].astype(float).mean(axis=0) for p in points])


def _write_columns(
    path: Path, name: str, type_ids: NDArray[np.uint64], texts: dict[str, list[str]], centres: Floats,
    columns: dict[str, Floats],
) -> None:  # fmt: skip
    n = len(type_ids)
    with new_h5(path) as file:
        group = file.create_group(f"nodes/{name}")
        put(group, "node_id", np.arange(n, dtype=np.uint64))
        put(group, "node_type_id", type_ids)
        put(group, "node_group_id", np.zeros(n, np.uint32))
        put(group, "node_group_index", np.arange(n, dtype=np.uint64))
        for key, words in texts.items():
            put(group, f"0/{key}", np.array(words, dtype=object))
        for axis, values in zip("xyz", centres.T, strict=True):
            put(group, f"0/{axis}", np.ascontiguousarray(values)).attrs["units"] = "um"
        for key, column in columns.items():
            put(group, f"0/dynamics_params/{key}", column)


# --- reading ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Cells:
    """What the nodes of one population say: texts, and ``dynamics_params`` by name."""

    names: tuple[str, ...]
    kind: tuple[str, ...]
    cell_class: tuple[str, ...]
    morphology: tuple[str, ...]
    columns: dict[str, Floats]


def read(population: Population) -> Cells:
    """Return the cells of a population in the order of their node ids."""
    order = np.argsort(population.node_ids, kind="stable")

    def fail(message: str) -> SonataError:
        return SonataError(f"/nodes/{population.name}: {message}", key=population.key, path=population.path)

    texts = {}
    for name in ("cell_name", "kind", "cell_class", "morphology"):
        words = population.text(name)[order].tolist()
        if any(word is None for word in words):
            raise fail(f"node {order[words.index(None)]} has no {name}; every cell of a worm has one.")
        texts[name] = tuple(str(word) for word in words)
    if len(population.parameters) != 1:
        raise fail("needs one group of dynamics_params with the conductances.")
    (columns,) = population.parameters.values()
    rows = population.group_rows[order]
    return Cells(
        texts["cell_name"], texts["kind"], texts["cell_class"], texts["morphology"],
        {name: np.asarray(column)[rows] for name, column in columns.items()},
    )  # fmt: skip


def densities(cells: Sequence[Cells]) -> dict[str, dict[str, Floats]]:
    """Return mechanism -> parameter -> values of all cells, 0 where a cell does not have it."""
    known = sorted({*channels.names(), *library.names()}, key=len, reverse=True)
    found: dict[str, dict[str, Floats]] = {}
    for title in dict.fromkeys(title for part in cells for title in part.columns):
        if title in CABLE:
            continue
        variable = title.partition(".")[2]
        mechanism = next((name for name in known if variable.endswith(f"_{name}")), None)
        if mechanism is None:
            raise SonataError(f"dynamics_params/{title}: no mechanism of the worm or the library has it.")
        parts = [part.columns.get(title, np.full(len(part.names), np.nan)) for part in cells]
        column = np.nan_to_num(np.concatenate(parts), nan=0.0)
        found.setdefault(mechanism, {})[variable.removesuffix(f"_{mechanism}")] = column
    return found


def cable(cells: Sequence[Cells]) -> dict[str, Floats]:
    """Return ``WormModel.cable``."""
    for title in CABLE:
        if any(title not in part.columns for part in cells):
            raise SonataError(f"dynamics_params/{title} is missing; every cell of a worm has it.")
    return {key: np.concatenate([part.columns[title] for part in cells]) for title, key in CABLE.items()}
