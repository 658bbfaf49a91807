"""What a scene file was made of, so that one can tell when it is out of date."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

_BLOCK = 1 << 20


def described(files: Iterable[Path], folder: Path) -> list[dict[str, Any]]:
    """Return name (from ``folder``), size, time and content's hash of files; folders are left out."""
    found = []
    for file in sorted({file for file in files if file.is_file()}):
        state = file.stat()
        found.append({
            "file": Path(os.path.relpath(file, folder)).as_posix(), "bytes": state.st_size,
            "mtime_ns": state.st_mtime_ns, "blake2b": content_hash(file),
        })  # fmt: skip
    return found


def changed(source: Any, folder: Path, *, quick: bool = False, anywhere: bool = False) -> list[str]:
    """Return the names of the files that are not what they were.

    Parameters
    ----------
    source : list of dict
        From ``described``; what does not look like it counts as nothing.
    folder : Path
        The scene file's.
    quick : bool
        Compare sizes only; else contents where times differ.
    anywhere : bool
        Look at all files, and count those that are not there. By default only what lies below the folder is looked at,
        since a scene file may come from anywhere, and a missing file does not count, since it may have been moved.
    """
    root, found = folder.resolve(), []
    for entry in source if isinstance(source, list) else []:
        name = entry.get("file") if isinstance(entry, dict) else None
        if not isinstance(name, str) or "\0" in name:
            continue
        path = (root / name).resolve()
        if not path.is_file() or not (anywhere or path.is_relative_to(root)):
            found += [name] if anywhere else []
            continue
        state = path.stat()
        same = state.st_size == entry.get("bytes")
        if same and not quick and state.st_mtime_ns != entry.get("mtime_ns"):
            same = content_hash(path) == entry.get("blake2b")
        found += [] if same else [name]
    return found


def content_hash(path: Path) -> str:
    """Return the hash of a file's content."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()
