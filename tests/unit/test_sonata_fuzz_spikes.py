"""Whatever stands in a file of spikes, the answer is a circuit or a NeurosimError, never another exception."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurosim.errors import NeurosimError
from neurosim.sonata.circuit import read
from tests.sonata_circuit import change
from tests.sonata_edges import with_edges

FEW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
NAMES = [
    "spikes", "spikes/inputs", "spikes/inputs/timestamps", "spikes/inputs/node_ids", "spikes/timestamps", "spikes/gids",
    "processing/trial_0/spike_train/0/data", "processing/trial_0/spike_train/x", "units/spike_times", "units/id",
    "units/spike_times_index",
]  # fmt: skip
VALUES: list[Any] = [
    None, "group", [], [0, 1, 1], [1, 1, 1], [3, 3, 3], [-1, 0, 1], [2**62, 0, 1], [0.5, 1.0, 2.0], [np.nan, 1.0, 2.0],
    [np.inf, 0.0, -np.inf], [1e300, 1e-300, 0.0], ["a", "b", ""], ["Exp2Syn", "expsyn", "hh"], [[0, 1], [1, 3]],
    [[0, 3], [3, 3]], [[5, 1], [0, 0]], 7, 3.5, "text", np.array([True, False, True]), [1 + 2j, 0, 0], [0, 1],
]  # fmt: skip


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return with_edges(tmp_path_factory.mktemp("clean")).parent


@pytest.fixture
def folder(clean: Path, tmp_path: Path) -> Path:
    shutil.copytree(clean, tmp_path / "circuit")
    return tmp_path / "circuit"


def put(path: Path, name: str, value: Any) -> None:
    """Replace one thing in an HDF5 file, as far as HDF5 lets it."""
    with h5py.File(path, "a") as file, suppress(ValueError, TypeError, KeyError, OSError):
        attributes = dict(file[name].attrs) if name in file else {}
        if name in file:
            del file[name]
        if isinstance(value, str) and value == "group":
            file.create_group(name)
        elif value is not None:
            file[name] = value
            file[name].attrs.update(attributes)


@FEW
@given(
    changes=st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(range(len(VALUES)))), min_size=1, max_size=3),
    module=st.sampled_from(["h5", "nwb"]),
)
def test_anything_in_a_spikes_file(clean: Path, folder: Path, changes: list[tuple[str, int]], module: str) -> None:
    shutil.copy(clean / "spikes.h5", folder / "spikes.h5")
    config = change(folder / "config.json", "inputs.play.module", module)
    for name, value in changes:
        put(folder / "spikes.h5", name, VALUES[value])
    with suppress(NeurosimError):
        read(config)
