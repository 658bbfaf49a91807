"""``docs/worm-report.md``: the table of behaviour beside published values, with figures; rows that fail say so."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from neurosim.models.worm import parameters
from neurosim.models.worm.report import comparison, judge, protocols
from neurosim.models.worm.report.comparison import Comparison
from neurosim.models.worm.report.judge import Effect, Row
from neurosim.models.worm.report.protocols import Size
from neurosim.models.worm.track import Track

_VERDICT = {True: "reached", False: "**not reached**", None: "not judged"}

_CAPTIONS = {
    "crawl.png": "Crawling on agar, seed 0: curvature over time and body, speed, postures.",
    "exam.png": "The examination, seed 0: speed while head and tail are touched and AVD and AVE are driven.",
    "gait.png": "From water to agar; nothing but drag changes.",
    "taxis.png": "Paths of the nose, turned so that the peak (circle) lies to the right; the index of every start.",
    "ablations.png": "What is measured in ablated animals, relative to intact ones.",
    "atlas.png": "Rank correlation with the functional atlas on the half left out of the fit.",
}


@dataclass(frozen=True)
class Findings:
    """All that the report is made of.

    Parameters
    ----------
    size : Size
    tracks : mapping of str to Track
    failed : mapping of str to str
        Runs that could not be simulated.
    compared : Comparison or None
    """

    size: Size
    tracks: Mapping[str, Track]
    failed: Mapping[str, str]
    compared: Comparison | None

    def rows(self) -> list[Row]:
        """Return all rows of the table."""
        of = (judge.crawl_rows, judge.gait_rows, judge.taxis_rows, judge.touch_rows)
        found = [row for each in of for row in each(self.tracks, self.size)]
        return [*found, judge.ablation_row(self.effects()), *comparison.rows(self.compared)]

    def effects(self) -> list[Effect]:
        """Return the ten ablations."""
        return judge.effects(self.tracks, self.size)


def text(found: Findings, pictures: Sequence[Path], beside: Path) -> str:
    """Return the report.

    Parameters
    ----------
    found : Findings
    pictures : sequence of Path
    beside : Path
        Folder of the report, from which pictures are linked.
    """
    rows = found.rows()
    judged = [row.reached for row in rows if row.reached is not None]
    parts = [
        "# The worm's report",
        "Written by `neurosim report worm`. Every number is measured on simulated tracks, as a tracker under a "
        "microscope would have them. No oscillator and no wave is imposed: muscles are driven by the model's own "
        "neurons. What is fitted, and what is a guess, stands in `models/worm/params/*.toml`.",
        f"**{sum(judged)} of {len(judged)} judged rows are reached**; {len(rows) - len(judged)} are not judged.",
        _runs(found),
        _table(rows),
        "## Ablations",
        "The measure of intact and of ablated animals, mean over seeds. Right: it changes by a fifth or more the way "
        "it does in the animal. Nothing is put in the place of what is gone.",
        _effects(found.effects()),
    ]
    parts += ["## What the rows do not show", _LIMITS]
    if found.compared is not None:
        parts += ["## Functional atlas", _atlas(found.compared)]
    if found.failed:
        parts += ["## Runs that failed", "\n".join(f"- `{key}`: {why}" for key, why in sorted(found.failed.items()))]
    if pictures:
        parts.append("## Figures")
        parts += [_picture(path, beside) for path in pictures]
    parts += ["## How well the numbers are known", _tally(), "## How things are measured", _HOW]
    return "\n\n".join(parts) + "\n"


def _runs(found: Findings) -> str:
    size = found.size
    said = (
        f"Runs: {len(found.tracks)} simulated. Crawl {size.crawl_seeds} seeds of {size.crawl_ms / 1e3:g} s; gait "
        f"{len(size.gait_media)} media, {size.gait_seeds} seeds; chemotaxis {size.starts} starts of "
        f"{size.taxis_ms / 1e3:g} s at one compartment a cell, and every control from {size.control_starts} or more of "
        f"them; touch {size.exam_seeds} seeds; ablations "
        f"{size.ablation_seeds} seeds."
    )
    starts_n = sum(key.startswith("taxis/gradient-start") for key in found.tracks)
    if 0 < starts_n < size.starts:
        said += f" **Only {starts_n} of the {size.starts} starts are there: that row is not judged.**"
    if size == protocols.FULL:
        return said
    return said + " **This is not the full size: too few runs, or too short, to judge by.**"


def _table(rows: Sequence[Row]) -> str:
    lines = ["| what | asked | found | | published |", "|---|---|---|---|---|"]
    lines += [f"| {r.what} | {r.asked} | {r.found} | {_VERDICT[r.reached]} | {r.published} |" for r in rows]
    return "\n".join(lines)


def _effects(found: Sequence[Effect]) -> str:
    lines = ["| without | in the animal | intact | ablated | direction | source |", "|---|---|---|---|---|---|"]
    verdict = {True: "right", False: "**wrong**", None: "no runs"}
    for effect in found:
        numbers = "| | " if effect.right is None else f"| {effect.intact:.3g} | {effect.ablated:.3g} "
        lines.append(f"| {effect.name} | {effect.what} {numbers}| {verdict[effect.right]} | {effect.source} |")
    return "\n".join(lines)


def _atlas(made: Comparison) -> str:
    lines = [
        "One neuron after the other is depolarised in the network alone; the mean change of every soma's voltage is "
        f"compared with dFF over the {made.pairs_n} pairs with q < 0.05 whose stimulated class was left out of the "
        "fit.",
        "| rank correlation with dFF | as it is | with gains of the readout |\n|---|---|---|\n"
        f"| simulated | {made.simulated:.3f} ({_range(made.interval)}) | {made.gained:.3f} "
        f"({_range(made.gained_interval)}) |\n"
        f"| simulated, half of the fit | {made.fitted:.3f} | |\n"
        f"| raw anatomy: number of contacts | {made.anatomy:.3f} | {made.gained_anatomy:.3f} |\n"
        f"| partners of contacts shuffled | {_list(made.shuffled)} | {_list(made.gained_shuffled)} |\n"
        f"| gains alone: the responding neuron's mean in the other half | | {made.average:.3f} |",
        "Gains of the readout are each neuron's mean dFF in the half of the fit, times a saturating answer whose two "
        "numbers are chosen inside that half.",
        "Telling pairs with q < 0.05 from all others, area under the curve: simulated "
        f"{made.separation:.3f}, number of contacts {made.separation_anatomy:.3f}; chance is 0.5.",
    ]
    return "\n\n".join(lines)


def _range(interval: tuple[float, float]) -> str:
    return f"95 %: {interval[0]:.3f} to {interval[1]:.3f}"


def _list(values: Sequence[float]) -> str:
    return ", ".join(f"{value:.3f}" for value in values)


def _picture(path: Path, beside: Path) -> str:
    caption = _CAPTIONS.get(path.name, path.stem)
    return f"![{caption}]({Path(os.path.relpath(path, beside)).as_posix()})\n\n*{caption}*"


def _tally() -> str:
    counts = parameters.tally()
    return "Numbers in `params/*.toml` by status: " + ", ".join(f"{n} {name}" for name, n in counts.items()) + "."


_HOW = f"""- Speed: of the centre along the direction from tail to head; crawling is measured from \
{protocols.SETTLE_MS / 1e3:g} s on.
- Chemotaxis index: mean over time of 1 - d / d(0), 0 where d > d(0); d is the distance of the nose from the peak \
(Izquierdo and Lockery 2010). Starts lie all around the peak, {protocols.PEAK_DISTANCE_MM:g} mm away; \
p by drawing labels again.
- Touch: answered between 0.5 and 2.5 s after it begins.
- Means are given with the standard deviation over runs."""


_LIMITS = """- A reversal does not end by itself: AVA stays active after a touch of the head. The animal goes backward \
for some seconds, then falters on the spot, until its tail is touched.
- The tail is touched after the head, in the same run. "Faster than before" is from backward, or from standing, to \
forward; an animal that crawls forward does not crawl faster when its tail is touched, as its speed hardly depends \
on AVB.
- Without RIB the animal goes backward from the start, it is not only slower: RIB inhibits AVE, which otherwise makes \
AVA active.
- AIY is nearly silent here, and AWC is while odour rises: taking them away changes next to nothing."""


def write(found: Findings, pictures: Sequence[Path], path: Path) -> Path:
    """Write the report."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text(found, pictures, path.parent), encoding="utf-8")
    return path
