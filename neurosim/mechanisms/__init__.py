"""Mechanisms: ion channels, synapses, pools and electrodes, from .mod files or from equations."""

from __future__ import annotations

from importlib import import_module
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
    # Not "from neurosim.mechanisms import library": that asks this function for "library" first.
    library = import_module("neurosim.mechanisms.library")
    try:
        return library.get(name)
    except MechanismError as error:
        raise AttributeError(str(error)) from None
