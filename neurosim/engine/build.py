"""Turning generated source into imported modules, once per machine.

Every module is a real file in the cache folder (``NEUROSIM_CACHE_DIR``, else ``~/.cache/neurosim``), named by a hash of
its text and of the support code it uses; Numba keeps the machine code beside it. Files are written under a temporary
name and renamed, so that many processes may build the same model at once.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType, ModuleType

from neurosim.errors import SimulationError

PARSING = threading.RLock()
"""Threads that build simulations at once take turns: a module is known before it is complete, and CPython 3.11 counts
the depth of syntax trees for all threads together ("AST constructor recursion depth mismatch")."""


def cache_folder() -> Path:
    """Return the folder of generated code; it is made when missing."""
    chosen = os.environ.get("NEUROSIM_CACHE_DIR")
    folder = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "neurosim"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SimulationError(
            f"cannot make the cache folder {folder} ({error.strerror}); set NEUROSIM_CACHE_DIR to one you can write"
        ) from error
    return folder


@cache
def _support_digest() -> str:
    """Return a hash of the code that generated modules are compiled with: Numba does not watch imported functions."""
    import llvmlite
    import numba

    from neurosim import kernels

    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__} {sys.version_info[:2]}".encode())
    for path in sorted(Path(kernels.__path__[0]).glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def load_module(name: str, source: str) -> ModuleType:
    """Return the module with this source, from memory, from the cache folder, or written now.

    Parameters
    ----------
    name : str
        For the file name; letters, digits and underscores are kept.
    source : str
        The whole text.
    """
    digest = hashlib.sha256(f"{_support_digest()}\n{source}".encode()).hexdigest()[:20]
    safe = "".join(c if c.isalnum() else "_" for c in name)[:40]
    full = f"neurosim_generated_{safe}_{digest}"
    with PARSING:
        return sys.modules.get(full) or _imported(full, source)


def _imported(full: str, source: str) -> ModuleType:
    path = cache_folder() / f"{full}.py"
    if not path.exists():
        write_atomically(path, source)
    spec = importlib.util.spec_from_file_location(full, path)
    if spec is None or spec.loader is None:
        raise SimulationError(f"cannot import generated code {path}; delete the file and run again")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[full]
        raise
    return module


def compiled(name: str, constants: Mapping[str, bool] = MappingProxyType({})) -> ModuleType:
    """Return a copy of one of neurosim's modules of kernels that is compiled in the cache folder.

    Numba caches by the file a function stands in and does not see a change in what it inlines from other files; the
    name of the copy depends on those too. Nothing is written beside the installed package.

    Parameters
    ----------
    name : str
        Module, for instance ``"neurosim.engine.driver"``.
    constants : mapping
        Other values for constants of that module (lines ``NAME = ...``); code that they exclude is not compiled.
    """
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SimulationError(f"{name} is not there; install neurosim again")
    source = Path(spec.origin).read_text(encoding="utf-8")
    for constant, value in constants.items():
        source = re.sub(rf"^{constant} = .*$", f"{constant} = {value}", source, flags=re.MULTILINE)
    return load_module(name.rpartition(".")[2], source)


def write_atomically(path: Path, source: str) -> None:
    """Write a file of the cache folder under a temporary name and rename it."""
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(source)
        Path(temporary).replace(path)
    except OSError as error:
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise SimulationError(
            f"cannot write generated code {path}: {error.strerror}; free space or set NEUROSIM_CACHE_DIR"
        ) from error
