"""Mechanisms: ion channels, synapses, pools and electrodes, from .mod files or from equations.

``load`` reads a .mod file, ``Channel`` and ``Synapse`` take equations, ``neurosim.mechanisms.NaTs`` is a mechanism of
the library. All are the same record, ``Mechanism``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neurosim.errors import MechanismError
from neurosim.mechanisms.mechanism import Kind, Mechanism
from neurosim.mechanisms.nmodl import load, loads

if TYPE_CHECKING:
    from neurosim.mechanisms.native import Channel, Synapse

__all__ = ["Channel", "Kind", "Mechanism", "Synapse", "load", "loads"]


def __getattr__(name: str) -> Any:
    """Give ``Channel``, ``Synapse`` and, by name, the mechanisms of the library."""
    if name in ("Channel", "Synapse"):
        from neurosim.mechanisms import native

        return getattr(native, name)
    if name.startswith("_"):
        raise AttributeError(name)
    from importlib import import_module

    library = import_module("neurosim.mechanisms.library")
    try:
        library.path(name)
    except MechanismError as error:
        raise AttributeError(f"module {__name__!r}: {error}") from None
    return library.get(name)


def __dir__() -> list[str]:
    from neurosim.mechanisms.library import names

    return sorted({*__all__, *names()})
