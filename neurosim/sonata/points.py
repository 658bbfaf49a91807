"""Point nodes: ``model_template`` and ``dynamics_params`` become a point cell.

A template ``nrn:<name>`` is an artificial cell by its NMODL name, without regard to case, from the user's ``.mod``
files first, then from neurosim's library. ``dynamics_params`` is a JSON file in ``components.point_neuron_models_dir``
and may be given node by node in the H5 file. As in BMTK, ``tau`` and ``refrac`` of IntFire1 are in seconds (``tau_ms``
wins, which ``writer`` adds where seconds would be rounded); parameters of any other cell are in the units of its
mechanism.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import Any

from neurosim.errors import MechanismError, ModelError, SonataError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.model.point import PointCell
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.library import MechanismFolder
from neurosim.sonata.manifest import read_json
from neurosim.sonata.nodes import Population
from neurosim.units import MS_PER_S

IN_SECONDS = {"intfire1": ("tau", "refrac")}
HARMLESS = frozenset(("type", "name", "level_of_detail"))


@dataclass
class PointCells:
    """Makes point cells, each once.

    Parameters
    ----------
    config : Config
        Gives the component folders.
    folder : MechanismFolder
        Where mechanisms come from.
    """

    config: Config
    folder: MechanismFolder
    _cells: dict[tuple[Any, ...], PointCell] = field(default_factory=dict)

    def of(self, population: Population, rows: Any) -> list[PointCell]:
        """Return the cell of each of these rows of a population; equal cells are one object."""
        templates, dynamics = population.text("model_template"), population.text("dynamics_params")
        cells = []
        for row in rows:
            own = tuple(sorted(population.parameters_of(row).items()))
            facts = (templates[row], dynamics[row], own)
            if facts not in self._cells:
                self._cells[facts] = self._make(population, int(row), *facts)
            cells.append(self._cells[facts])
        return cells

    def _make(self, population: Population, row: int, template: Any, dynamics: Any, own: Any) -> PointCell:
        place = f"node type {population.type_ids[row]} of {population.name!r}"
        entry = Entry({}, population.key.replace("nodes_file", "node_types_file"), population.types.path)
        if template is None or (":" in template and not template.lower().startswith(("nrn:", "mod:"))):
            entry.fail(
                "", f"{place}: model_template {template!r} of a point node; allowed: nrn:<name>, such as nrn:IntFire1."
            )
        mechanism = self._mechanism(template.split(":", 1)[-1], place, entry)
        given = self._file(dynamics, place, entry) if dynamics is not None else entry
        seconds = IN_SECONDS.get(mechanism.name.lower(), ())
        values: dict[str, float] = {}
        exact_ms: dict[str, float] = {}
        exact = {f"{name}_ms": name for name in seconds}
        for name in given.values:
            if name in mechanism.defaults:
                values[name] = float(given.number(name))
            elif name in exact:
                exact_ms[exact[name]] = float(given.number(name))
            elif name not in HARMLESS and not name.startswith(("_", "#")):
                given.fail(name, f"{mechanism.name} has no such parameter; it has {', '.join(mechanism.defaults)}.")
        for name in seconds:
            if name not in values and name not in dict(own):
                given.fail(name, f"{place}: is missing; {mechanism.name} needs it, in seconds.")
        for name, value in own:
            if name not in mechanism.defaults:
                entry.fail(
                    "",
                    f"{place}: dynamics_params/{name} of the H5 file: {mechanism.name} has "
                    f"{', '.join(mechanism.defaults)}.",
                )
            values[name] = value
        values = {name: value * MS_PER_S if name in seconds else value for name, value in values.items()} | exact_ms
        try:
            return PointCell(mechanism.variant(None, tables=None, **values), name=place)
        except ModelError as error:
            raise SonataError(f"{place}: {error.reason}", key=entry.key, path=given.file) from None

    def _mechanism(self, name: str, place: str, entry: Entry) -> Mechanism:
        from neurosim.mechanisms import library

        names = [*self.folder.files, *library.names()]
        found = name if name in names else next((n for n in names if n.lower() == name.lower()), None)
        if found is None:
            lower = {n.lower(): n for n in names}
            near = [lower[n] for n in difflib.get_close_matches(name.lower(), lower, 3)]
            hint = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names)}."
            entry.fail(
                "", f"{place}: no point cell {name!r}; {hint} Other .mod files go into components.mechanisms_dir."
            )
        mechanism = self.folder.get(found, entry.key, entry.file)
        try:
            PointCell(mechanism)
        except MechanismError as error:
            entry.fail("", f"{place}: {error.reason}.")
        return mechanism

    def _file(self, dynamics: str, place: str, entry: Entry) -> Entry:
        folder = self.config.component("point_neuron_models_dir", entry, "")
        try:
            path = entry.find("", dynamics, base=folder)
        except SonataError as error:
            raise SonataError(f"{place}: {error.reason}", key=entry.key, path=entry.file) from None
        self.config.opened.add(path.resolve())
        content = read_json(path, entry.key)
        if not isinstance(content, dict):
            raise SonataError("must hold a JSON object.", key=entry.key, path=path)
        return Entry(content, "", path)
