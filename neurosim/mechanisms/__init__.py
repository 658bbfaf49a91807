"""Mechanisms: ion channels, synapses, pools and electrodes, from .mod files or from equations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    from neurosim.mechanisms import library

    get = getattr(library, "get", None)
    if get is None:
        raise AttributeError(name)
    return get(name)
