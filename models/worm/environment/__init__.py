"""What surrounds the worm: ``field`` (analytic), ``grid`` (diffusing), ``arena`` and ``environment`` with touches."""

from neurosim.models.worm.environment.arena import Arena, Block, Cylinder
from neurosim.models.worm.environment.environment import Environment, Touch
from neurosim.models.worm.environment.field import Drop, Exponential, Field, Linear, Uniform
from neurosim.models.worm.environment.grid import Grid

__all__ = [
    "Arena",
    "Block",
    "Cylinder",
    "Drop",
    "Environment",
    "Exponential",
    "Field",
    "Grid",
    "Linear",
    "Touch",
    "Uniform",
]
