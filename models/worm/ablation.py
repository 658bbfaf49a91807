"""``ablated(model, "class:AVB", "gene:unc-25")``: the worm without some of it.

    AVAL                    a cell: all its contacts go; it stays as a cell that nobody hears
    class:AVB               all cells of a class
    edges:gap               gap junctions between neurons; also chemical (between neurons), neuromuscular, muscular
    transmitter:GABA        all that acts by a transmitter
    receptor:glutamate+     contacts by a transmitter of one sign; ``receptor:GABA-muscle`` those on muscles only
    channel:egl19           a conductance, in all cells
    gene:unc-25             what a null mutant lacks of the above (``params/genes.toml``)

Numbers of cells do not change. Nothing is put in the place of what is gone: no compensation, no development.
"""

from __future__ import annotations

import difflib
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.models.worm import parameters
from neurosim.models.worm.model import TRANSMITTERS, Contacts, WormModel

EDGES = {"gap": "electrical", "chemical": "chemical", "neuromuscular": "neuromuscular", "muscular": "muscular"}
"""Names of ``edges:`` -> fields of ``WormModel``."""

KINDS = ("class", "edges", "transmitter", "receptor", "channel", "gene")

_CHEMICAL = ("chemical", "neuromuscular")
_DIVIDE_MV = -35.0  # reversals above excite


def ablated(model: WormModel, *what: str) -> WormModel:
    """Return the model without some parts.

    Parameters
    ----------
    model : WormModel
    *what : str
        Parts, as above.

    Raises
    ------
    ModelError
        There is no such part; near names are suggested.
    """
    for part in what:
        kind, colon, name = part.partition(":")
        if not colon:
            model = _without_cells(model, _chosen(part, model.names, "cell"))
        elif kind == "class":
            model = _without_cells(model, _chosen(name, model.cell_class, "class"))
        elif kind == "edges":
            model = _kept(model, EDGES[_known(name, EDGES, "kind of edges")], None)
        elif kind == "transmitter":
            model = _without_transmitter(model, name)
        elif kind == "receptor":
            model = _without_receptor(model, name)
        elif kind == "channel":
            model = _without_channel(model, name)
        elif kind == "gene":
            genes = parameters.load("genes")
            model = ablated(model, *genes[_known(name, genes, "gene")])
        else:
            raise ModelError(f"ablated: {part!r} is not understood; allowed: a cell, or {', '.join(KINDS)} and a colon")
    return model


def _known(name: str, known: Any, what: str) -> str:
    if name in known:
        return name
    near = difflib.get_close_matches(name, sorted(set(known)), 3, 0.4)
    hint = f"did you mean {' or '.join(near)}?" if near else f"allowed: {', '.join(sorted(set(known))[:30])}"
    raise ModelError(f"ablated: no {what} {name!r}; {hint}")


def _chosen(name: str, column: tuple[str, ...], what: str) -> NDArray[np.bool_]:
    _known(name, column, what)
    return np.array([entry == name for entry in column])


def _kept(model: WormModel, field: str, rows: NDArray[np.bool_] | None) -> WormModel:
    """Return the model with some rows of a table of contacts, or none of them."""
    table: Contacts = getattr(model, field)
    kept = table.taken(np.zeros(len(table), np.bool_) if rows is None else rows)
    changed: dict[str, Any] = {field: kept}
    return replace(model, **changed)


def _without_cells(model: WormModel, gone: NDArray[np.bool_]) -> WormModel:
    for field in EDGES.values():
        table: Contacts = getattr(model, field)
        model = _kept(model, field, ~(gone[table.pre] | gone[table.post]))
    return model


def _without_transmitter(model: WormModel, name: str) -> WormModel:
    number = TRANSMITTERS.index(_known(name, TRANSMITTERS, "transmitter"))
    for field in _CHEMICAL:
        model = _kept(model, field, getattr(model, field).transmitter != number)
    return model


def _without_receptor(model: WormModel, name: str) -> WormModel:
    text = name.removesuffix("muscle")
    if text[-1:] not in ("+", "-"):
        raise ModelError(f"ablated: receptor {name!r} has no sign; write for instance glutamate+ or GABA-muscle")
    number = TRANSMITTERS.index(_known(text[:-1], TRANSMITTERS, "transmitter"))
    for field in _CHEMICAL[1:] if text != name else _CHEMICAL:
        table: Contacts = getattr(model, field)
        gone = (table.transmitter == number) & ((table.reversal_mV > _DIVIDE_MV) == (text[-1] == "+"))
        model = _kept(model, field, ~gone)
    return model


def _without_channel(model: WormModel, name: str) -> WormModel:
    channels = {key for key, values in model.densities.items() if "gbar" in values}
    values = model.densities[_known(name, channels, "channel")]
    changed = {**values, "gbar": np.zeros_like(values["gbar"])}
    return replace(model, densities={**model.densities, name: changed})
