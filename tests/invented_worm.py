"""A worm that nobody published: 302 neurons and 95 muscles of invented shapes and contacts, made in a moment."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from neurosim.models.worm.model import MUSCLES, NEURONS, TRANSMITTERS, Contacts, WormModel
from neurosim.morphology.section import Morphology, Section

KINDS = ("sensory", "inter", "command", "head", "motor")


def invented_worm(seed: int = 1, contacts_n: int = 400) -> WormModel:
    """Return the model; equal seeds give equal models."""
    rng = np.random.default_rng(seed)
    neurons = [f"N{k:03d}" for k in range(NEURONS)]
    muscles = [f"M{k:02d}" for k in range(MUSCLES)]
    kinds = [KINDS[k % len(KINDS)] for k in range(NEURONS)] + ["muscle"] * MUSCLES
    shapes = [_neuron(rng, name) for name in neurons] + [_muscle(name) for name in muscles]
    n = len(kinds)
    muscle = np.array([kind == "muscle" for kind in kinds])
    ca = np.where(muscle | (rng.random(n) < 0.5), 0.0, rng.uniform(1e-4, 1e-3, n))
    return WormModel(
        tuple(neurons + muscles),
        tuple(kinds),
        tuple(name[:2] for name in neurons + muscles),
        tuple(shapes),
        {
            "pas": {"g": rng.uniform(1e-5, 1e-4, n), "e": rng.uniform(-70.0, -40.0, n)},
            "egl19": {"gbar": ca},
            "shl1": {"gbar": np.where(muscle, 0.0, rng.uniform(1e-4, 1e-2, n))},
        },
        {"ra_ohm_cm": rng.uniform(100.0, 300.0, n), "cm_uF_per_cm2": rng.choice([1.0, 2.0, 7.0], n)},
        _contacts(rng, shapes, contacts_n, 0, 0, chemical=True),
        _contacts(rng, shapes, contacts_n // 2, 0, 0, chemical=False),
        _contacts(rng, shapes, contacts_n // 2, 0, 1, chemical=True),
        _contacts(rng, shapes, contacts_n // 4, 1, 1, chemical=False),
    )


def _neuron(rng: np.random.Generator, name: str) -> Morphology:
    """Return a soma with two neurites, the first forked; positions of float32."""
    x, y, z = rng.uniform(-300.0, 300.0, 3)
    size = rng.uniform(2.0, 5.0)
    soma = Section("soma", np.array([[x, y - size / 2, z, size], [x, y + size / 2, z, size]]))
    sections = [soma]
    for k, parent in enumerate((0, 0, 1, 1)):
        points = rng.uniform(5.0, 30.0, (3, 3)).cumsum(axis=0) * rng.choice([-1.0, 1.0], 3)
        start = np.array([x, y, z]) if parent == 0 else np.asarray(sections[1].points)[-1, :3]
        places = np.vstack([start, start + points])
        cloud = np.column_stack([places, rng.uniform(0.2, 0.8, len(places))])
        sections.append(Section(f"neurite[{k}]", cloud, parent=parent, parent_x=1.0 if parent else 0.5))
    return Morphology(tuple(sections), name)


def _muscle(name: str) -> Morphology:
    return Morphology((Section("soma", np.array([[80.0, -30.0, 80.0, 20.0], [80.0, 30.0, 80.0, 20.0]])),), name)


def _contacts(
    rng: np.random.Generator, shapes: list[Morphology], n: int, source: int, target: int, *, chemical: bool
) -> Contacts:
    """Return contacts between neurons (0) or muscles (1); some share their places."""
    bounds = ((0, NEURONS), (NEURONS, NEURONS + MUSCLES))
    pre, post = (rng.integers(*bounds[end], n).astype(np.int32) for end in (source, target))
    pre[n // 2 : n // 2 + n // 8], post[n // 2 : n // 2 + n // 8] = pre[: n // 8], post[: n // 8]

    def section(cells: NDArray[Any]) -> NDArray[np.int32]:
        return np.array([rng.integers(len(shapes[c].sections)) for c in cells], np.int32)

    code = rng.integers(len(TRANSMITTERS), size=n).astype(np.int8)
    # One sign for each cell and transmitter.
    excites = (pre.astype(int) * 7 + code) % 3 > 0
    return Contacts(
        pre, post, section(pre), rng.random(n), section(post), rng.random(n), rng.uniform(1e-5, 1e-3, n),
        code if chemical else np.full(n, -1, np.int8),
        np.where(excites, 0.0, -70.0) if chemical else np.full(n, np.nan),
    )  # fmt: skip
