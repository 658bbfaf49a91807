"""What a worm's model consists of, in numbers for people and programs; how well its parameters are known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from neurosim.models.worm import parameters
from neurosim.models.worm.model import NEURONS, TRANSMITTERS, Contacts, WormModel


def facts(model: WormModel) -> dict[str, Any]:
    """Return cells and contacts of a model by name."""
    kinds = Counter(model.kind)
    muscles_n = kinds.pop("muscle", 0)
    sections = [s for shape in model.morphologies[:NEURONS] for s in shape.sections]
    return {
        "neurons": {"all": len(model.names) - muscles_n, **dict(sorted(kinds.items()))},
        "muscles": muscles_n,
        "neurites": {
            "sections": sum(s.parent >= 0 for s in sections),
            "length_mm": round(sum(s.length_um for s in sections if s.parent >= 0) / 1e3, 1),
        },
        "mechanisms": [name for name, values in model.densities.items() if any(np.any(v) for v in values.values())],
        "chemical": _chemical(model.chemical),
        "neuromuscular": _chemical(model.neuromuscular),
        "electrical": _counted(model.electrical),
        "muscular": _counted(model.muscular),
    }


def tally(folder: Path = parameters.FOLDER) -> dict[str, Any]:
    """Return how many numbers of the model have each status, in all and by file."""
    files = {}
    for path in sorted(folder.glob("*.toml")):
        found = parameters.load(path.stem, folder)
        files[path.stem] = dict(Counter(found.quantity(key).status for key in found))
    return {**parameters.tally(folder), "files": files}


def lines(found: dict[str, Any]) -> list[str]:
    """Return the facts of a model as lines."""
    neurons = dict(found["neurons"])
    total = neurons.pop("all")
    neurites = found["neurites"]
    out = [
        f"neurons        {total}: " + ", ".join(f"{n} {kind}" for kind, n in neurons.items()),
        f"muscles        {found['muscles']}",
        f"neurites       {neurites['sections']} sections, {neurites['length_mm']:g} mm",
        f"mechanisms     {', '.join(found['mechanisms'])}",
    ]
    for name in ("chemical", "neuromuscular"):
        kind = found[name]
        released = ", ".join(f"{n} {word}" for word, n in kind["transmitters"].items())
        out.append(
            f"{name:<15}{kind['contacts']} contacts of {kind['pairs']} pairs, {kind['excitatory']} excitatory, "
            f"{kind['inhibitory']} inhibitory: {released or 'none'}"
        )
    for name in ("electrical", "muscular"):
        out.append(f"{name:<15}{found[name]['contacts']} junctions of {found[name]['pairs']} pairs")
    return out


def tally_lines(found: dict[str, Any]) -> list[str]:
    """Return a tally as lines."""
    total = sum(found[status] for status in parameters.STATUSES)
    out = [f"parameters     {total}: " + ", ".join(f"{found[status]} {status}" for status in parameters.STATUSES)]
    for name, counts in found["files"].items():
        words = ", ".join(f"{counts[status]} {status}" for status in parameters.STATUSES if status in counts)
        out.append(f"  {name:<13}{words}")
    return out


def _counted(rows: Contacts) -> dict[str, int]:
    pairs = np.unique(np.stack([rows.pre, rows.post]), axis=1).shape[1] if len(rows) else 0
    return {"contacts": len(rows), "pairs": int(pairs)}


EXCITATORY_ABOVE_MV = -30.0
"""Reversal potentials above it excite: between those of the two kinds of synapse, near where graded release begins."""


def _chemical(rows: Contacts) -> dict[str, Any]:
    excites = int((rows.reversal_mV > EXCITATORY_ABOVE_MV).sum())
    codes = Counter(rows.transmitter.tolist())
    return {
        **_counted(rows),
        "excitatory": excites,
        "inhibitory": len(rows) - excites,
        "transmitters": {TRANSMITTERS[code]: n for code, n in codes.most_common()},
    }
