"""``Arena``: how large the plate is, and what stands on it.

Obstacles need a body that feels contact (``body.mujoco``); the chain goes through everything and is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

from neurosim.errors import ModelError
from neurosim.model.checks import above_zero, finite

Place = tuple[float, float]


@dataclass(frozen=True)
class Cylinder:
    """An upright post: a pillar of a micro-structured chip."""

    centre_mm: Place
    radius_mm: float

    def __post_init__(self) -> None:
        finite("Cylinder", x_mm=self.centre_mm[0], y_mm=self.centre_mm[1])
        above_zero("Cylinder", radius_mm=self.radius_mm)


@dataclass(frozen=True)
class Block:
    """An upright box, turned by an angle."""

    centre_mm: Place
    size_mm: Place
    angle_rad: float = 0.0

    def __post_init__(self) -> None:
        finite("Block", x_mm=self.centre_mm[0], y_mm=self.centre_mm[1], angle_rad=self.angle_rad)
        above_zero("Block", width_mm=self.size_mm[0], height_mm=self.size_mm[1])


@dataclass(frozen=True)
class Arena:
    """A rectangle around a middle, with obstacles.

    Parameters
    ----------
    size_mm : tuple of float
        Width and height.
    centre_mm : tuple of float
    obstacles : tuple of Cylinder or Block
    walls : bool
        Whether the border stops the animal; needs a body with contact, as obstacles do.
    """

    size_mm: Place = (20.0, 20.0)
    centre_mm: Place = (0.0, 0.0)
    obstacles: tuple[Cylinder | Block, ...] = ()
    walls: bool = False

    def __post_init__(self) -> None:
        above_zero("Arena", width_mm=self.size_mm[0], height_mm=self.size_mm[1])

    @property
    def limits_mm(self) -> tuple[float, float, float, float]:
        """Left, right, bottom, top."""
        (x, y), (width, height) = self.centre_mm, self.size_mm
        return x - width / 2, x + width / 2, y - height / 2, y + height / 2

    def check(self, *, contact: bool, body: str) -> None:
        """Refuse a body that does not feel what stands in the arena.

        Parameters
        ----------
        contact : bool
            Whether the body has contact.
        body : str
            Its name, for the message.
        """
        if contact or not (self.obstacles or self.walls):
            return
        what = f"{len(self.obstacles)} obstacles" if self.obstacles else "walls"
        raise ModelError(
            f'arena: it has {what}, which the body {body!r} goes through; use body="mujoco" or an open arena'
        )
