"""A ``WormModel`` as one HDF5 file in the cache folder: exact, quick to read, private to this program.

The form that others read is SONATA (``store``).
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import h5py
import numpy as np

from neurosim.models.worm.model import Contacts, WormModel
from neurosim.morphology.section import Morphology, Section
from neurosim.sonata.write_h5 import whole_h5

FORMAT = "neurosim worm model 1"

_TEXTS = ("names", "kind", "cell_class")
_CONTACTS = ("chemical", "electrical", "neuromuscular", "muscular")


def write(path: Path, model: WormModel) -> None:
    """Write a model under a temporary name and rename it; where the folder cannot be written nothing is kept."""
    with contextlib.suppress(OSError), whole_h5(path) as file:
        _fill(file, model)


def _fill(file: h5py.File, model: WormModel) -> None:
    file.attrs["format"] = FORMAT
    for name in _TEXTS:
        file.create_dataset(name, data=getattr(model, name), dtype=h5py.string_dtype())
    sections = [section for shape in model.morphologies for section in shape.sections]
    clouds = [np.empty((0, 4), np.float32) if s.points is None else s.points for s in sections]
    shapes = file.create_group("morphologies")
    shapes["sections_n"] = np.array([len(shape.sections) for shape in model.morphologies], np.int32)
    shapes["points_n"] = np.array([len(cloud) for cloud in clouds], np.int32)
    shapes["points"] = np.concatenate(clouds)
    shapes["parent"] = np.array([section.parent for section in sections], np.int32)
    shapes["parent_x"] = np.array([section.parent_x for section in sections])
    shapes.create_dataset("name", data=[section.name for section in sections], dtype=h5py.string_dtype())
    for mechanism, values in model.densities.items():
        for key, column in values.items():
            file[f"densities/{mechanism}/{key}"] = column
    for key, column in model.cable.items():
        file[f"cable/{key}"] = column
    for kind in _CONTACTS:
        for key, column in vars(getattr(model, kind)).items():
            file[f"{kind}/{key}"] = column


def read(path: Path) -> WormModel | None:
    """Return the model, or None where there is no such file or it cannot be read."""
    try:
        with h5py.File(path, "r") as file:
            if file.attrs.get("format") != FORMAT:
                return None
            return _model(file)
    except (OSError, KeyError):
        return None


def _model(file: h5py.File) -> WormModel:
    names, kinds, classes = (tuple(file[key].asstr()[()].tolist()) for key in _TEXTS)
    return WormModel(
        names,
        kinds,
        classes,
        _morphologies(file["morphologies"], names),
        {mech: {key: column[()] for key, column in group.items()} for mech, group in file["densities"].items()},
        {key: column[()] for key, column in file["cable"].items()},
        *(Contacts(**{key: column[()] for key, column in file[kind].items()}) for kind in _CONTACTS),
    )


def _morphologies(group: h5py.Group, names: tuple[str, ...]) -> tuple[Morphology, ...]:
    points, label = group["points"][()], group["name"].asstr()[()].tolist()
    parent, parent_x = group["parent"][()].tolist(), group["parent_x"][()].tolist()
    end = np.cumsum(group["points_n"][()]).tolist()
    start = [0, *end[:-1]]
    out, first = [], 0
    for name, n in zip(names, group["sections_n"][()].tolist(), strict=True):
        out.append(
            Morphology(
                tuple(
                    Section(label[s], points[start[s] : end[s]], parent=parent[s], parent_x=parent_x[s])
                    for s in range(first, first + n)
                ),
                name,
            )
        )
        first += n
    return tuple(out)
