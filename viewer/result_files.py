"""Which files belong to results: a folder, a configuration, or one file of a run that has ended or is going on.

Everything is below the folder that is opened. Where that is the output folder of a run, which holds a copy of its
configuration, the folder above belongs to it too; others only when they are allowed by name.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from neurosim.errors import ModelError
from neurosim.sonata.config import Config, load
from neurosim.sonata.entry import candidates
from neurosim.viewer.safe_h5 import PARTIAL, UnsafeFileError, within
from neurosim.viewer.scene.scene_layout import ENDING

MOST_FILES = 1000
MOST_CONFIG_BYTES = 32 << 20
MOST_ENTRIES = 1_000_000
H5 = (".h5", ".hdf5")


@dataclass
class Results:
    """What was found.

    Parameters
    ----------
    folder : Path
        Where outputs lie.
    roots : list of Path
        Folders that may be read.
    config : Config or None
        The configuration of the run.
    scene : Path or None
        A scene file.
    files : list of Path
        HDF5 files that may be outputs; the spikes file of the configuration first.
    alone : bool
        One file was opened, and others do not count.
    notices : list of str
        What was passed over, for people.
    """

    folder: Path
    roots: list[Path]
    config: Config | None = None
    scene: Path | None = None
    files: list[Path] = field(default_factory=list)
    alone: bool = False
    notices: list[str] = field(default_factory=list)


def find_results(path: str | Path, allow: Sequence[str | Path] = ()) -> Results:
    """Return the results at a path.

    Parameters
    ----------
    path : path-like
        A folder, a ``config.json``, a scene file, or an HDF5 file of spikes or voltages.
    allow : sequence of path-like
        More folders that may be read.

    Raises
    ------
    ModelError
        There is nothing.
    """
    given = Path(path).absolute()
    if not given.exists() and given.with_name(given.name + PARTIAL).exists():
        given = given.with_name(given.name + PARTIAL)
    if not given.exists():
        raise ModelError(f"{path}: is not there; give a folder of results, a config.json or an .h5 file")
    home = given if given.is_dir() else given.parent
    found = Results(home, [home, *(Path(p).absolute() for p in allow)])
    if given.is_file() and given.name.endswith(ENDING):
        found.scene, found.alone = given, True
        return found
    named = given if given.suffix == ".json" else _config_in(home)
    outputs = None if named is None else _read_config(found, named)
    if given.is_file() and given.suffix != ".json":
        found.files, found.alone = [given], True
    else:
        if outputs is not None and not outputs_in(home):
            found.folder = outputs
        found.files = outputs_in(found.folder)[:MOST_FILES]
    _prefer(found)
    found.scene = _scene_of(found, home)
    return found


def _config_in(folder: Path) -> Path | None:
    """Return the configuration in a folder."""
    files = sorted(folder.glob("*.json"), key=lambda p: ("config" not in p.name, len(p.name), p.name))
    return next((file for file in files[:100] if _is_config(file)), None)


def _is_config(file: Path) -> bool:
    try:
        if file.stat().st_size > MOST_CONFIG_BYTES:
            return False
        values = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return (
        isinstance(values, dict)
        and ("networks" in values or "network" in values)
        and bool({"run", "simulation", "output"} & values.keys())
    )


def _read_config(found: Results, path: Path) -> Path | None:
    """Read a configuration; return its output folder where that may be read."""
    if outputs_in(found.folder) and path.parent == found.folder:
        found.roots.append(found.folder.parent)
    try:
        within(path, found.roots)
        config = load(path)
        wrong = next(outside(config, found.roots), None)
        if wrong is not None:
            raise UnsafeFileError(f"names {wrong}, which lies outside the folder that was opened", path=path)
    except ModelError as error:
        found.notices.append(f"the circuit is not shown: {error}; open it with the folder allowed, if you trust it")
        return None
    found.config = config
    outputs = config.output_dir
    return (
        outputs
        if outputs.is_dir() and any(outputs.resolve().is_relative_to(r.resolve()) for r in found.roots)
        else None
    )


def outside(config: Config, roots: Sequence[Path]) -> Iterator[Path]:
    """Yield existing paths that a configuration names and that are not below ``roots``, links followed."""
    real = [root.resolve() for root in roots]
    folders = {config.path.parent}
    for section, value in config.root.values.items():
        if section in ("output", "reports"):
            continue
        for text in _strings(value):
            place = candidates(text, config.sections.get(section, config.path))[0]
            try:
                if not place.exists():
                    continue
                target = place.resolve()
            except (OSError, ValueError):
                continue
            if not any(target.is_relative_to(root) for root in real):
                yield place
            elif target.is_dir():
                folders.add(target)
    for path in [config.path, *config.sections.values()]:
        if not any(path.resolve().is_relative_to(root) for root in real):
            yield path
    for folder in folders - set(real):
        yield from _links_out(folder, real)


def _links_out(folder: Path, roots: Sequence[Path]) -> Iterator[Path]:
    with os.scandir(folder) as entries:
        for number, entry in enumerate(entries):
            if number > MOST_ENTRIES:
                yield folder
                return
            if entry.is_symlink() and not any(Path(entry.path).resolve().is_relative_to(root) for root in roots):
                yield Path(entry.path)


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        if 0 < len(value) < 4096 and "\0" not in value:
            yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _strings(inner)


def outputs_in(folder: Path) -> list[Path]:
    """Return HDF5 files of a folder; one that is being written instead of an older one of its name."""
    if not folder.is_dir():
        return []
    names = {file.name for file in folder.iterdir() if file.is_file()}
    kept = [
        name
        for name in sorted(names)
        if name.removesuffix(PARTIAL).endswith(H5) and not name.endswith(ENDING) and name + PARTIAL not in names
    ]
    return [folder / name for name in kept]


def new_outputs(found: Results) -> list[Path]:
    """Return the HDF5 files that are in the output folder now; none where one file was opened."""
    if found.alone:
        return []
    folder = found.folder
    if found.config is not None and not outputs_in(folder):
        outputs = found.config.output_dir
        if any(outputs.resolve().is_relative_to(root.resolve()) for root in found.roots):
            folder = outputs
    return outputs_in(folder)[:MOST_FILES]


def _prefer(found: Results) -> None:
    """Put the spikes file of the configuration first."""
    written = "spikes.h5"
    if found.config is not None:
        written = Path(str(found.config.section("output").text("spikes_file", "spikes.h5"))).name
    found.files.sort(key=lambda file: file.name.removesuffix(PARTIAL) != written)


def _scene_of(found: Results, home: Path) -> Path | None:
    """Return a scene file beside the results or the configuration."""
    folders = [home, found.folder]
    if home.parent in found.roots:
        folders.append(home.parent)
    for folder in dict.fromkeys(folders):
        files = sorted(folder.glob(f"*{ENDING}"))
        if files:
            return within(files[0], found.roots)
    return None
