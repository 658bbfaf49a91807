"""The errors neurosim raises, one tree.

    NeurosimError
    ├── ModelError          a model that cannot be built (place, value, allowed, what to do)
    │   ├── MorphologyError     an SWC file or tree
    │   ├── LocationError       a place such as "dend[3](0.5)" that does not exist
    │   ├── MechanismError      an NMODL file or native mechanism
    │   │   └── UnsupportedConstructError   understood, but refused
    │   └── SonataError         a configuration or circuit file
    ├── SimulationError     a run that cannot start or go on
    │   ├── InstabilityError    a voltage that is not finite
    │   └── OutputError         results that cannot be written
    └── MissingExtraError   an optional package that is not installed

A message reads: *place: what is wrong, got value; allowed; what to do.* The facts are kept as attributes as well,
so that a program can act on them without parsing text.
"""

from __future__ import annotations

from pathlib import Path


class NeurosimError(Exception):
    """Base of everything neurosim raises on purpose."""


class ModelError(NeurosimError):
    """A model that cannot be built.

    Parameters
    ----------
    message : str
        What is wrong, the value, what is allowed, what to do.
    path : path-like, optional
        File the user wrote.
    line : int, optional
        Line in that file, from 1.
    """

    def __init__(self, message: str, *, path: str | Path | None = None, line: int | None = None) -> None:
        self.path = None if path is None else Path(path)
        self.line = line
        self.reason = message
        place = "" if self.path is None else self.path.name
        if line is not None:
            place = f"{place} line {line}".strip()
        super().__init__(f"{place}: {message}" if place else message)


class MorphologyError(ModelError):
    """An SWC file or a tree of sections that is not a neuron."""


class LocationError(ModelError):
    """A place that the cell does not have."""


class MechanismError(ModelError):
    """An NMODL file or a native mechanism that is wrong."""


class UnsupportedConstructError(MechanismError):
    """A construct that neurosim understands and does not run.

    ``construct`` names it (for instance ``"WATCH"``).
    """

    def __init__(
        self, message: str, *, construct: str, path: str | Path | None = None, line: int | None = None
    ) -> None:
        self.construct = construct
        super().__init__(message, path=path, line=line)


class SonataError(ModelError):
    """A SONATA configuration, circuit or report that is wrong.

    ``key`` is the path inside the JSON, for instance ``inputs.clamp.node_set``.
    """

    def __init__(
        self, message: str, *, key: str | None = None, path: str | Path | None = None, line: int | None = None
    ) -> None:
        self.key = key
        super().__init__(f"{key}: {message}" if key else message, path=path, line=line)


class SimulationError(NeurosimError):
    """A run that cannot start or go on."""


class InstabilityError(SimulationError):
    """A voltage that is not finite.

    ``t_ms``, ``gid``, ``location`` and ``mechanism`` tell where it was seen first.
    """

    def __init__(self, *, t_ms: float, gid: int, location: str, mechanism: str, value: float, dt_ms: float) -> None:
        self.t_ms, self.gid, self.location, self.mechanism = t_ms, gid, location, mechanism
        super().__init__(
            f"unstable at t={t_ms:g} ms: v={value} mV in gid {gid}, {location}, after {mechanism!r}. "
            f"Try dt_ms={dt_ms / 2:g} (now {dt_ms:g})."
        )


class OutputError(SimulationError):
    """Results that cannot be written: a full disk, a folder without permission, a broken file system.

    ``path`` is the file, ``safe_ms`` the time up to which everything is on disk (None: nothing was written yet).
    """

    def __init__(self, path: str | Path, reason: str, *, safe_ms: float | None = None) -> None:
        self.path, self.safe_ms, self.reason = Path(path), safe_ms, reason
        kept = "" if safe_ms is None else f" Results up to t={safe_ms:g} ms are safe in the files written so far."
        super().__init__(f"{self.path}: {reason}{kept}")


class MissingExtraError(NeurosimError):
    """An optional package that is not installed."""

    def __init__(self, what: str, package: str, extra: str) -> None:
        self.package, self.extra = package, extra
        super().__init__(f'{what} needs {package}: pip install "neurosim[{extra}]"')
