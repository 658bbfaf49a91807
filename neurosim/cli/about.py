"""What ``neurosim info WHAT`` says: cells, contacts and parameters of the worm, or of a SONATA circuit."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.errors import MissingExtraError, NeurosimError

if TYPE_CHECKING:
    from neurosim.sonata.config import Config
    from neurosim.sonata.nodes import Population

WORM = "worm"
COLUMNS = ("kind", "model_type")
"""Columns of nodes by which they are counted, the first that a population has."""


def of(what: str) -> tuple[dict[str, Any], list[str]]:
    """Return facts by name and lines for people.

    Parameters
    ----------
    what : str
        ``worm``, or the path of a configuration or of a folder with ``config.json``.
    """
    path = Path(what)
    if what == WORM and not path.exists():
        return _worm()
    path = path / "config.json" if path.is_dir() else path
    if not path.is_file():
        raise NeurosimError(f"info: no file {path}; give worm, a SONATA configuration, or a folder with config.json")
    return _circuit(path)


def _worm() -> tuple[dict[str, Any], list[str]]:
    from neurosim.models.worm import loop, summary

    known = summary.tally()
    try:
        found = summary.facts(loop.published_model())
        lines = summary.lines(found)
    except MissingExtraError as error:
        found, lines = {}, [f"model          not made: {error}"]
    return {**found, "parameters": known}, [*lines, *summary.tally_lines(known)]


def _circuit(path: Path) -> tuple[dict[str, Any], list[str]]:
    """Return what the files of a circuit hold; a worm's with its contacts."""
    from neurosim.sonata.config import load
    from neurosim.sonata.nodes import read_populations

    config = load(path)
    populations = read_populations(config)
    found: dict[str, Any] = {
        "config": str(path),
        "nodes": {p.name: _nodes(p) for p in populations},
        "edges": _edges(config, [p.name for p in populations]),
    }
    lines = [f"config         {path}"]
    for name, counts in found["nodes"].items():
        kinds = ", ".join(f"{n} {kind}" for kind, n in counts.items() if kind != "all")
        lines.append(f"nodes          {name}: {counts['all']}{f' ({kinds})' if kinds else ''}")
    for name, edge in found["edges"].items():
        lines.append(
            f"edges          {name}: {edge['edges']} from {edge['source']} to {edge['target']}; "
            f"{', '.join(edge['templates']) or 'no template'}{', both sides' if edge['both_sides'] else ''}"
        )
    if _is_worm(populations):
        from neurosim.models.worm import store, summary

        found["worm"] = summary.facts(store.read(path))
        found["parameters"] = summary.tally()
        lines += [*summary.lines(found["worm"]), *summary.tally_lines(found["parameters"])]
    return found, lines


def _nodes(population: Population) -> dict[str, int]:
    column = next((name for name in COLUMNS if population.attribute(name) is not None), None)
    words = [] if column is None else population.text(column).tolist()
    return {"all": len(population), **{str(word): n for word, n in sorted(Counter(map(str, words)).items())}}


def _edges(config: Config, names: list[str]) -> dict[str, Any]:
    from neurosim.sonata.edge_files import read_edges

    found = {}
    for edges in read_edges(config, names):
        columns = edges.types.columns
        templates = dict.fromkeys(str(word) for word in columns.get("model_template", ()) if word is not None)
        both = [str(word).lower() in ("1", "1.0", "true") for word in columns.get("is_gap_junction", ())]
        found[edges.name] = {
            "source": edges.source,
            "target": edges.target,
            "edges": edges.count,
            "templates": list(templates),
            "both_sides": any(both),
        }
    return found


def _is_worm(populations: list[Population]) -> bool:
    from neurosim.models.worm.model import MUSCLES, NEURONS

    return [(p.name, len(p)) for p in populations] == [("neurons", NEURONS), ("muscles", MUSCLES)]
