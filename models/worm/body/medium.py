"""``Medium``: drag of what the worm lies in, from water to agar by one number."""

from __future__ import annotations

import math
from dataclasses import dataclass

from neurosim.errors import ModelError
from neurosim.models.worm.parameters import Parameters, load


@dataclass(frozen=True)
class Medium:
    """Resistive-force drag of a whole body of 1 mm.

    Parameters
    ----------
    tangential, normal : float
        Force over velocity along and across the body, uN s/mm.
    """

    tangential: float
    normal: float

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not (math.isfinite(value) and value > 0.0):
                raise ModelError(f"medium: {name}={value!r}; drag is a finite number above 0, in uN s/mm")


def medium_between(agar_frac: float, parameters: Parameters | None = None) -> Medium:
    """Return the medium between water (0) and agar (1), geometric in both coefficients.

    Raises
    ------
    ModelError
        The number lies outside of 0 to 1.
    """
    if not 0.0 <= agar_frac <= 1.0:
        raise ModelError(f"medium: {agar_frac!r}; allowed: 0 (water) to 1 (agar)")
    drag = load("body") if parameters is None else parameters
    tangential, normal = (
        float(drag[f"drag.water.{way}"] ** (1.0 - agar_frac) * drag[f"drag.agar.{way}"] ** agar_frac)
        for way in ("tangential", "normal")
    )
    return Medium(tangential, normal)


def medium_of(medium: Medium | str | float, parameters: Parameters | None = None) -> Medium:
    """Return the medium that is meant by ``"agar"``, ``"water"``, a number from 0 to 1, or a ``Medium``."""
    if isinstance(medium, Medium):
        return medium
    if isinstance(medium, str):
        if medium not in ("agar", "water"):
            raise ModelError(f"medium: {medium!r}; allowed: 'agar', 'water', 0 (water) to 1 (agar) or a Medium")
        return medium_between(1.0 if medium == "agar" else 0.0, parameters)
    return medium_between(float(medium), parameters)
