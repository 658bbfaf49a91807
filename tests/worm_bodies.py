"""Bodies of the worm with parameters that stay: tests of the physics must not depend on what was fitted last."""

from __future__ import annotations

from typing import Any

from neurosim.models.worm.body.chain import Chain
from neurosim.models.worm.body.spatial import SpatialChain
from neurosim.models.worm.body.wave import Wave
from neurosim.models.worm.parameters import load

REFERENCE = load("body").replaced(
    bending__stiffness=0.095,
    bending__relaxation=0.025,
    bending__taper=2.0,
    muscle__force=20.0,
    muscle__taper=1.0,
    muscle__width=0.6,
    muscle__shortening=10.0,
    muscle__curve=0.5,
    muscle__stretched=1.4,
)
AGAR, WATER = Wave(0.5, 0.65, 0.7), Wave(1.8, 1.55, 0.5)
"""Waves that make the reference body crawl and swim as worms do."""


def make_chain(medium: Any = "agar", **options: Any) -> Chain:
    """Return a planar chain."""
    return Chain(medium, **{"parameters": REFERENCE, **options})


def make_spatial(medium: Any = "agar", **options: Any) -> SpatialChain:
    """Return a chain in space."""
    return SpatialChain(medium, **{"parameters": REFERENCE, **options})
