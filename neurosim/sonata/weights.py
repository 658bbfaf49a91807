"""Weight functions: from properties of edges and their nodes to synaptic weights.

    wmax, default                 syn_weight
    gaussianLL                    syn_weight exp(-(d/sigma)^2), d = difference of orientation folded to 0..90 deg
    DirectionRule_others          syn_weight exp(-(d/sigma)^2), d = difference of direction, 0..180 deg
    DirectionRule_EE              the same times a factor of retinotopic phase and one of the target's orientation

sigma is the edge's ``weight_sigma`` in degrees. Equations: sonata-v1.md B5 and D5. Others are added with
``@weight_function`` or by a package with an entry point of the group ``neurosim.weight_functions``.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from importlib.metadata import entry_points
from typing import Protocol

import numpy as np
import numpy.typing as npt

from neurosim.errors import SonataError

Floats = npt.NDArray[np.float64]

GROUP = "neurosim.weight_functions"
X_DEG_PER_UM, Z_DEG_PER_UM = 0.07, 0.04
"""Visual field over cortex, along x and z."""


class Columns(Protocol):
    """Properties of edges, or of the source or target node of each edge."""

    def __getitem__(self, name: str) -> Floats:
        """Return a numeric property, float64 (n,); an error if one has none."""

    def __contains__(self, name: object) -> bool:
        """Return whether any has the property."""


WeightFunction = Callable[[Columns, Columns, Columns], Floats]
"""``function(edges, sources, targets)`` returns the weights, float64 (n,)."""

_FUNCTIONS: dict[str, WeightFunction] = {}


def weight_function(name: str) -> Callable[[WeightFunction], WeightFunction]:
    """Register a weight function under the name that edge types use.

    Parameters
    ----------
    name : str
        Value of the column ``weight_function``.

    Examples
    --------
    >>> from neurosim.sonata.weights import weight_function
    >>> @weight_function("halved")
    ... def halved(edges, sources, targets):
    ...     return edges["syn_weight"] / 2.0
    """

    def register(function: WeightFunction) -> WeightFunction:
        _FUNCTIONS[name] = function
        return function

    return register


def weight_functions() -> dict[str, WeightFunction]:
    """Return all weight functions by name; registered ones win over those of installed packages."""
    found = {point.name: point for point in entry_points(group=GROUP)}
    return {**{name: point.load() for name, point in found.items() if name not in _FUNCTIONS}, **_FUNCTIONS}


def find(name: str, key: str) -> WeightFunction:
    """Return a weight function.

    Raises
    ------
    SonataError
        There is none; near names are suggested.
    """
    if name in _FUNCTIONS:
        return _FUNCTIONS[name]
    known = weight_functions()
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(sorted(known))}."
    raise SonataError(f"no weight_function {name!r}; {hint} Register yours with @weight_function.", key=key)


def _weight(edges: Columns, sources: Columns, targets: Columns) -> Floats:
    return edges["syn_weight"]


for _name in ("wmax", "default", "default_weight_fnc", "set_syn_weight"):
    weight_function(_name)(_weight)


def folded_deg(angle_deg: Floats) -> Floats:
    """Return an angle folded to 0..90 deg: 180 deg apart is the same orientation."""
    folded: Floats = np.abs(np.abs(np.abs(180.0 - np.abs(angle_deg) % 360.0) - 90.0) - 90.0)
    return folded


def _gaussian(edges: Columns, difference_deg: Floats) -> Floats:
    weights: Floats = edges["syn_weight"] * np.exp(-((difference_deg / edges["weight_sigma"]) ** 2))
    return weights


@weight_function("gaussianLL")
def gaussian_ll(edges: Columns, sources: Columns, targets: Columns) -> Floats:
    """Return weights that fall with the difference of preferred orientation."""
    return _gaussian(edges, folded_deg(targets["tuning_angle"] - sources["tuning_angle"]))


@weight_function("DirectionRule_others")
def direction_rule_others(edges: Columns, sources: Columns, targets: Columns) -> Floats:
    """Return weights that fall with the difference of preferred direction."""
    turned = np.abs(targets["tuning_angle"] - sources["tuning_angle"]) % 360.0
    return _gaussian(edges, np.abs(np.abs(turned - 180.0) - 180.0))


@weight_function("DirectionRule_EE")
def direction_rule_ee(edges: Columns, sources: Columns, targets: Columns) -> Floats:
    """Return weights of excitatory pairs: direction, phase along the target's direction, and its orientation."""
    theta = np.deg2rad(targets["tuning_angle"])
    phase_deg = X_DEG_PER_UM * (targets["x"] - sources["x"]) * np.cos(theta)
    phase_deg = phase_deg + Z_DEG_PER_UM * (targets["z"] - sources["z"]) * np.sin(theta)
    scale = 5.5 / 4.0 - 11.0 / 1680.0 * folded_deg(targets["tuning_angle"])
    weights: Floats = direction_rule_others(edges, sources, targets) * np.exp(-(phase_deg**2) / 2.0) * scale
    return weights
