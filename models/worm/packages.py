"""Files of the packages that hold the published data: where they are and of which version.

Nothing is imported: the packages' own code prints, plots and writes beside its files, and we need the data only.
"""

from __future__ import annotations

import importlib.util
from importlib import metadata
from pathlib import Path

from neurosim.errors import MissingExtraError, ModelError

PACKAGES = ("c302", "cect", "wormneuroatlas")


def file_of(package: str, *parts: str) -> Path:
    """Return the path of a file (or folder) of an installed package.

    Raises
    ------
    MissingExtraError
        The package is not installed.
    ModelError
        It is, but this version has no such file.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError("the worm's published data", package, "worm")
    path = Path(spec.submodule_search_locations[0]).joinpath(*parts)
    if not path.exists():
        raise ModelError(f"{package} {metadata.version(package)}: no file {path}; install another version of {package}")
    return path


def versions() -> dict[str, str]:
    """Return the version of each of ``PACKAGES``."""
    found = {}
    for package in PACKAGES:
        file_of(package)
        found[package] = metadata.version(package)
    return found
