"""The ten ablations: what is taken away, what is looked at, and which way it goes in the animal.

Directions are general knowledge of the papers named, not their tables: only the sign of an effect is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from neurosim.models.worm import measures
from neurosim.models.worm.report import protocols
from neurosim.models.worm.report.protocols import Run, Size
from neurosim.models.worm.track import Track

Measure = Callable[[Track], float]

AFTER_MS = (500.0, 2500.0)
"""When a touch is answered: after its beginning."""


def forward_speed(track: Track) -> float:
    """Return the mean speed forward before the first touch, mm/s."""
    return float(measures.velocity_mm_per_s(track.between(protocols.SETTLE_MS, protocols.HEAD_MS)).mean())


def speed_after(track: Track, t_ms: float) -> float:
    """Return the mean speed forward in the time in which a touch at ``t_ms`` is answered, mm/s."""
    return float(measures.velocity_mm_per_s(track.between(t_ms + AFTER_MS[0], t_ms + AFTER_MS[1])).mean())


def speed_before(track: Track, t_ms: float) -> float:
    """Return the mean speed forward in the two seconds before, mm/s."""
    return float(measures.velocity_mm_per_s(track.between(t_ms - 2000.0, t_ms)).mean())


def ava_reversal(track: Track) -> float:
    """Return the speed backward while AVD and AVE are driven, mm/s; 0 where it goes forward."""
    return max(-speed_after(track, protocols.AVA_MS), 0.0)


def cocontraction(track: Track) -> float:
    """Return how much dorsal and ventral muscles of one row are active together, 0 (they alternate) to 1 (equal)."""
    part = track.between(protocols.SETTLE_MS, protocols.HEAD_MS + AFTER_MS[1]).activation
    dorsal, ventral = part[:, :2].mean(axis=1), part[:, 2:].mean(axis=1)
    most = np.maximum(dorsal, ventral).sum()
    return float(np.minimum(dorsal, ventral).sum() / most) if most > 0.0 else 0.0


def backward_share(track: Track) -> float:
    """Return the part of the free time spent going backward."""
    part = track.between(protocols.SETTLE_MS, protocols.HEAD_MS)
    speed = measures.velocity_mm_per_s(part)
    return float((speed < -measures.SLOW_MM_PER_S).mean())


@dataclass(frozen=True)
class Case:
    """One ablation.

    Parameters
    ----------
    name : str
    ablate : tuple of str
    what : str
        The effect, in words.
    measure : function of a track
    sign : int
        -1 where the measure falls in the animal, 1 where it rises.
    source : str
    """

    name: str
    ablate: tuple[str, ...]
    what: str
    measure: Measure
    sign: int
    source: str


CASES = (
    Case("AVB, PVC", ("class:AVB", "class:PVC"), "forward movement is lost or slow", forward_speed, -1,
         "Chalfie et al. 1985, doi:10.1523/JNEUROSCI.05-04-00956.1985"),
    Case("AVA, AVE", ("class:AVA", "class:AVE"), "no reversal (AVD and AVE driven)", ava_reversal, -1,
         "Chalfie et al. 1985"),
    Case("B motor neurons", ("class:DB", "class:VB"), "forward movement is lost", forward_speed, -1,
         "Chalfie et al. 1985; Wen et al. 2012, doi:10.1016/j.neuron.2012.08.039"),
    Case("A motor neurons", ("class:DA", "class:VA"), "no reversal (AVD and AVE driven)", ava_reversal, -1,
         "Chalfie et al. 1985; Gao et al. 2018, doi:10.7554/eLife.29915"),
    Case("D motor neurons", ("class:DD", "class:VD"), "both sides contract together (shrinker)", cocontraction, 1,
         "McIntire et al. 1993, doi:10.1038/364337a0"),
    Case("AIY", ("class:AIY",), "more reversals", backward_share, 1, "Gray et al. 2005, doi:10.1073/pnas.0409009101"),
    Case("RIB", ("class:RIB",), "slower forward", forward_speed, -1,
         "RIB is active in forward movement: Kato et al. 2015, doi:10.1016/j.cell.2015.09.034; not re-checked"),
    Case("no chemical synapses between neurons", ("edges:chemical",), "forward movement is lost", forward_speed, -1,
         "nearly paralysed without release: unc-13, Richmond et al. 1999, doi:10.1038/14755 (there at muscles too)"),
    Case("no gap junctions", ("edges:gap", "edges:muscular"), "slow, uncoordinated forward movement", forward_speed, -1,
         "unc-7 and unc-9: Starich et al. 1993; Kawano et al. 2011, doi:10.1016/j.neuron.2011.09.005"),
)  # fmt: skip
"""Nine of them are examinations; the tenth, AWC, is chemotaxis to odour (``protocols.sensors``)."""

AWC_SOURCE = "Bargmann et al. 1993, doi:10.1016/0092-8674(93)80053-H"


def slug(case: Case) -> str:
    """Return the case's name for file names."""
    return "".join(letter if letter.isalnum() else "-" for letter in case.name)


def ablations(size: Size) -> list[Run]:
    """Return the examinations of ablated animals."""
    return [protocols.examined(seed, case.ablate, slug(case)) for case in CASES for seed in range(size.ablation_seeds)]
