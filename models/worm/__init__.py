"""The worm: the 302 neurons and 95 body-wall muscles of *C. elegans*, its body and what it senses, in one clock.

``model`` is the animal as plain arrays; ``params/*.toml`` hold every number with its source; ``mechanisms`` the
channels; ``body`` the chain in its medium; ``environment`` fields and senses; ``loop`` closes the loop.

    worm.ClosedLoop(seed=1, medium="agar")     the animal in its world
    worm.published()                           its nervous system from the published data
    worm.ablated(model, "class:AVB")           the same without some of it
    worm.network_of(model)                     the nervous system alone, to simulate as any other network
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.models.worm.ablation import ablated
    from neurosim.models.worm.build import published
    from neurosim.models.worm.environment.environment import Environment
    from neurosim.models.worm.loop import ClosedLoop, published_model
    from neurosim.models.worm.network import network_of
    from neurosim.models.worm.observation import Observation

__all__ = ["ClosedLoop", "Environment", "Observation", "ablated", "network_of", "published", "published_model"]

_HOMES = {
    "ClosedLoop": "loop",
    "Environment": "environment.environment",
    "Observation": "observation",
    "ablated": "ablation",
    "network_of": "network",
    "published": "build",
    "published_model": "loop",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
