"""Fixtures of all tests: the cache of compiled kernels, and the shared data folder."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# A loaded machine is no failure: the time of one example is not looked at; pytest's own limit ends a hang.
hypothesis.settings.register_profile("neurosim", deadline=None)
hypothesis.settings.load_profile("neurosim")

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Keep compiled kernels in pytest's cache folder: not in the user's home, and shared by parallel workers.

    Files there are named by a hash of everything they depend on, so keeping them between sessions is safe;
    ``pytest --cache-clear`` starts cold.
    """
    os.environ.setdefault("NEUROSIM_CACHE_DIR", str(config.rootpath / ".pytest_cache" / "kernels"))
    os.environ.setdefault("MPLBACKEND", "Agg")


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return ROOT


def _folder(path: Path) -> Path:
    if not path.is_dir():
        reason = f"{path} is not there; put the shared data beside the repository or set NEUROSIM_SHARED_DIR"
        if os.environ.get("NEUROSIM_REQUIRE_DATA") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder ``shared`` beside the repository, which is not part of it."""
    return _folder(Path(os.environ.get("NEUROSIM_SHARED_DIR", ROOT.parent / "shared")))


@pytest.fixture(scope="session")
def shared_data(shared: Path) -> Path:
    """Folder with the SONATA examples and the NEURON reference outputs."""
    return _folder(shared / "data")


@pytest.fixture(scope="session")
def shared_bench(shared: Path) -> Path:
    """Folder with the models that all simulators are timed on."""
    return _folder(shared / "bench")
