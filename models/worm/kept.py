"""The state of a closed loop as an HDF5 file: one group a part, one dataset an array, facts as attributes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from neurosim.errors import SimulationError
from neurosim.sonata.write_h5 import whole_h5

KIND, VERSION = "neurosim worm state", 2
FORMAT = f"{KIND} {VERSION}"

Parts = dict[str, dict[str, NDArray[Any]]]


def write(path: Path, facts: Mapping[str, Any], parts: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
    """Write a state under a temporary name and rename it.

    Parameters
    ----------
    path : Path
    facts : mapping
        What must be the same in the loop that goes on from it: numbers and texts.
    parts : mapping of str to mapping of str to array
    """
    with whole_h5(path) as file:
        file.attrs["format"] = FORMAT
        for name, value in facts.items():
            file.attrs[name] = value
        for part, arrays in parts.items():
            group = file.create_group(part)
            for k, (name, array) in enumerate(arrays.items()):
                # Names hold slashes; they are attributes of numbered datasets.
                group.create_dataset(f"{k:05d}", data=array).attrs["name"] = name


def read(path: Path, facts: Mapping[str, Any]) -> Parts:
    """Return the parts of a state.

    Raises
    ------
    SimulationError
        No such file, or its facts are others.
    """
    if not path.is_file():
        raise SimulationError(f"{path}: no such file; give one that save() wrote")
    try:
        with h5py.File(path, "r") as file:
            found = str(file.attrs.get("format"))
            if found != FORMAT and found.startswith(KIND):
                raise SimulationError(
                    f"{path}: it is of version {found.removeprefix(KIND).strip()}; this neurosim reads {VERSION}: "
                    "run again from the beginning and save() anew"
                )
            if found != FORMAT:
                raise SimulationError(f"{path}: it is no state of a worm; give a file that save() wrote")
            for name, value in facts.items():
                kept = file.attrs.get(name)
                kept = kept.item() if isinstance(kept, np.generic) else kept
                if kept != value:
                    raise SimulationError(f"{path}: {name} is {kept!r} there and {value!r} here; it must be the same")
            return {
                part: {str(data.attrs["name"]): np.array(data) for data in group.values()}
                for part, group in file.items()
            }
    except OSError as error:
        raise SimulationError(f"{path}: cannot be read ({error}); the file may be cut off") from error
