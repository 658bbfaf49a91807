"""Biophysical nodes: template, processing and parameters become a recipe.

    model_template    ctdb:Biophys1.hoc     SWC; parameters come with the processing
                      nml:<file>            SWC with the perisomatic stub; parameters from the NeuroML file
    model_processing  aibs_perisomatic, aibs_allactive, both _directed, extracellular (no effect without xstim);
                      neurosim_whole: the axon stays, and only what the genome names is inserted
    morphology        SWC, with marked sections (``swc_sections``), or sections as JSON (``write_cells.sections_of``)
    dynamics_params   Allen "fit" JSON; the H5 file may add ``gbar_NaV`` or ``soma.gbar_NaV`` per node

Rules: sonata-v1.md B4. Nodes with the same files and parameters share one recipe.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from neurosim.errors import ModelError, SonataError
from neurosim.morphology.section import Morphology
from neurosim.morphology.swc import read_swc
from neurosim.sonata.axon import with_stub
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.library import MechanismFolder
from neurosim.sonata.manifest import read_json
from neurosim.sonata.neuroml import paint_neuroml
from neurosim.sonata.nodes import Population
from neurosim.sonata.recipe import Painter, Recipe
from neurosim.sonata.sections import read_sections
from neurosim.sonata.swc_sections import is_marked, read_marked

REGIONS = ("soma", "axon", "dend", "apic")
BIOPHYS1 = ("ctdb:Biophys1.hoc", "ctdb:Biophys1")
WHOLE = "neurosim_whole"
PROCESSING = ("aibs_perisomatic", "aibs_allactive", "aibs_perisomatic_directed", "aibs_allactive_directed", WHOLE)


@dataclass(frozen=True)
class Model:
    """What decides a cell type: attributes of a node, as written."""

    template: str
    processing: tuple[str, ...]
    morphology: str
    dynamics: str | None
    parameters: tuple[tuple[str, float], ...]
    place: str
    key: str
    path: Path | None


def models_of(population: Population, rows: Any) -> list[Model]:
    """Return the model of each of these rows of a population; equal models are one object."""
    columns = {
        name: population.text(name) for name in ("model_template", "model_processing", "morphology", "dynamics_params")
    }
    seen: dict[tuple[Any, ...], Model] = {}
    models = []
    for row in rows:
        values = tuple(columns[name][row] for name in columns)
        facts = (*values, int(population.type_ids[row]), tuple(sorted(population.parameters_of(row).items())))
        if facts not in seen:
            seen[facts] = _model(population, int(row), values, facts[-1])
        models.append(seen[facts])
    return models


def _model(population: Population, row: int, values: tuple[Any, ...], parameters: Any) -> Model:
    template, processing, morphology, dynamics = values
    place = f"node type {population.type_ids[row]} of {population.name!r}"
    key = population.key.replace("nodes_file", "node_types_file")
    path = population.types.path

    def fail(message: str) -> SonataError:
        return SonataError(f"{place}: {message}", key=key, path=path)

    if template is None:
        raise fail(f"model_template is missing; allowed: {', '.join(BIOPHYS1)}, nml:<file>.")
    if template.startswith("hoc:"):
        raise fail(f"model_template {template!r}: hoc code is not run; convert the cell to ctdb: or nml:.")
    if template not in BIOPHYS1 and not template.startswith("nml:"):
        raise fail(f"model_template {template!r}; allowed: {', '.join(BIOPHYS1)}, nml:<file>.")
    if morphology is None:
        raise fail("morphology is missing; name an SWC file in components.morphologies_dir.")
    steps = tuple(step.strip() for step in (processing or "").split(",") if step.strip())
    for step in steps:
        if step not in (*PROCESSING, "extracellular"):
            raise fail(f"model_processing {step!r}; allowed: {', '.join((*PROCESSING, 'extracellular'))}.")
    if len([step for step in steps if step != "extracellular"]) > 1:
        raise fail(f"model_processing {processing!r}: only one of {', '.join(PROCESSING)}.")
    return Model(template, steps, morphology, dynamics, parameters, place, key, path)


class Kitchen:
    """Makes recipes, each once.

    Parameters
    ----------
    config : Config
        Gives the component folders; gets the notices.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.folder = MechanismFolder(config)
        self._recipes: dict[tuple[Any, ...], Recipe] = {}
        self._morphologies: dict[tuple[Path, tuple[str, ...]], Morphology] = {}
        self._nseg: dict[Morphology, tuple[int, ...]] = {}

    def recipe(self, model: Model) -> Recipe:
        """Return the recipe of a model."""
        facts = (model.template, model.processing, model.morphology, model.dynamics, model.parameters)
        if facts not in self._recipes:
            self._recipes[facts] = self._make(model)
        return self._recipes[facts]

    def _make(self, model: Model) -> Recipe:
        entry = Entry({}, model.key, model.path)
        step = next((s for s in model.processing if s != "extracellular"), None)
        if "extracellular" in model.processing:
            self.config.notice(f"{model.place}: model_processing 'extracellular' changes nothing without xstim")
        neuroml = model.template.startswith("nml:")
        fit = self._fit(model, entry)
        if fit is None and step is not None and not neuroml:
            raise self._error(model, f"model_processing {step!r} needs dynamics_params, which is missing.")
        if fit is not None and step is None:
            raise self._error(
                model,
                f"dynamics_params {model.dynamics!r} would not be used: "
                f"give model_processing (one of {', '.join(PROCESSING)}).",
            )
        if fit is None and neuroml and step not in (None, "aibs_perisomatic"):
            raise self._error(model, f"model_processing {step!r} of an nml: cell needs dynamics_params.")
        # A NeuroML cell gets the perisomatic stub first, and the stub of its processing only together with a fit file.
        stubs = ["aibs_perisomatic"] * neuroml + [step] * (fit is not None and step != WHOLE)
        try:
            morphology = self._morphology(model, entry, tuple(str(s) for s in stubs))
        except ModelError as error:
            if isinstance(error, SonataError):
                raise
            raise self._error(model, str(error)) from None
        path = self._find("biophysical_neuron_models_dir", model.template[4:], model, entry) if neuroml else None
        painter = Painter(morphology, self.folder, model.key, path if path is not None else model.path)
        if path is not None:
            paint_neuroml(painter, path)
        if fit is not None:
            painter.path = fit.file
            painter.key = model.key
            paint_fit(painter, fit, perisomatic=str(step).startswith("aibs_perisomatic"), leak=step != WHOLE)
        painter.path = model.path
        for name, value in model.parameters:
            self._override(painter, name, value, model)
        recipe = painter.finish(f"{model.template} {model.morphology}", morphology)
        return replace(recipe, nseg=self._nseg.get(morphology))

    def _error(self, model: Model, message: str) -> SonataError:
        return SonataError(f"{model.place}: {message}", key=model.key, path=model.path)

    def _find(self, component: str, written: str, model: Model, entry: Entry, suffix: str = "") -> Path:
        if not written.lower().endswith(suffix):
            written += suffix
        try:
            folder = None if Path(written).is_absolute() else self.config.component(component, entry, "")
            found = entry.find("", written, base=folder)
        except SonataError as error:
            if error.key is not None and error.key.startswith("components"):
                raise
            raise self._error(model, error.reason) from None
        self.config.opened.add(found.resolve())
        return found

    def _fit(self, model: Model, entry: Entry) -> Entry | None:
        if model.dynamics is None:
            return None
        path = self._find("biophysical_neuron_models_dir", model.dynamics, model, entry)
        content = read_json(path, model.key)
        if not isinstance(content, dict):
            raise SonataError("must hold a JSON object.", key=model.key, path=path)
        return Entry(content, "", path)

    def _morphology(self, model: Model, entry: Entry, stubs: tuple[str, ...]) -> Morphology:
        json = model.morphology.lower().endswith(".json")
        path = self._find("morphologies_dir", model.morphology, model, entry, "" if json else ".swc")
        if (path, stubs) not in self._morphologies:
            if stubs:
                before = self._morphology(model, entry, stubs[:-1])
                kind = {
                    "allactive": stubs[-1].startswith("aibs_allactive"),
                    "directed": stubs[-1].endswith("_directed"),
                }
                self._morphologies[path, stubs] = with_stub(before, **kind)
            else:
                marked = not json and is_marked(path)
                self._morphologies[path, stubs] = self._sections(path, model) if json or marked else read_swc(path)
        return self._morphologies[path, stubs]

    def _sections(self, path: Path, model: Model) -> Morphology:
        read = read_marked if path.suffix.lower() == ".swc" else read_sections
        morphology, nseg = read(path, model.key)
        self._nseg[morphology] = nseg
        return morphology

    def _override(self, painter: Painter, name: str, value: float, model: Model) -> None:
        where = f"{model.place}: dynamics_params/{name} of the H5 file"
        region, dot, variable = name.rpartition(".")
        if dot and region not in (*REGIONS, "all"):
            painter.fail(where, f"region {region!r}; allowed: {', '.join(REGIONS)}, all.")
        regions = painter.regions(region or "all")
        if not dot:
            regions = [r for r in regions if _has(painter, r, variable)] or regions[:1]
        if not regions:
            painter.fail(where, f"this cell has no {region}.")
        painter.assign(variable, value, regions, where)


def _has(painter: Painter, region: str, variable: str) -> bool:
    names = painter.paints[region].mechanisms
    owned = {f"{p.name}_{n}" for n in names for p in painter.mechanisms[n].parameters}
    return variable in owned | painter.reversals(region) | {"Ra", "cm"}


def paint_fit(painter: Painter, fit: Entry, *, perisomatic: bool, leak: bool = True) -> None:
    """Give the regions of a cell what an Allen fit file says.

    Parameters
    ----------
    painter : Painter
        Knows regions and mechanisms.
    fit : Entry
        The JSON object: ``passive``, ``genome``, ``conditions``.
    perisomatic : bool
        Ra, e_pas and cm for every region are required; all-active files may leave them to the genome.
    leak : bool
        Insert ``pas`` everywhere.
    """
    passive, everywhere = _first(fit, "passive"), list(painter.paints)
    if leak:
        painter.insert("pas", everywhere, "passive")
    for name, variable in (("ra", "Ra"), ("e_pas", "e_pas")):
        if perisomatic or name in passive:
            painter.assign(variable, _value(passive, name), everywhere, passive.path_of(name))
    given = set()
    for item in passive.entries("cm") if perisomatic or "cm" in passive else []:
        given.add(str(item.choice("section", REGIONS)))
        painter.assign("cm", _value(item, "cm"), painter.regions(str(item.get("section"))), item.key)
    missing = [r for r in everywhere if perisomatic and r not in given]
    if missing:
        passive.fail("cm", f"has no value for {missing[0]}, which the morphology has; add it.")
    for item in fit.entries("genome"):
        _gene(painter, item)
    for item in _first(fit, "conditions").entries("erev"):
        _reversal(painter, item)


def _gene(painter: Painter, item: Entry) -> None:
    section = item.text("section")
    if section == "glob":
        painter.folder.config.notice(f"{item.file and item.file.name}: {item.key}: section 'glob' is not used")
        return
    item.choice("section", REGIONS)
    regions = painter.regions(section)
    mechanism = item.get("mechanism", "")
    if mechanism:
        painter.insert(item.text("mechanism"), regions, item.path_of("mechanism"))
    painter.assign(item.text("name"), _value(item, "value"), regions, item.path_of("name"))


def _reversal(painter: Painter, item: Entry) -> None:
    section = item.choice("section", REGIONS)
    for name in item.values:
        if name != "section" and name not in ("ena", "ek"):
            painter.folder.config.notice(
                f"{item.file and item.file.name}: {item.path_of(name)}: only ena and ek are set"
            )
    for region in painter.regions(section):
        for name in ("ena", "ek"):
            if name in painter.reversals(region):
                painter.assign(name, _value(item, name), [region], item.path_of(name))


def _first(fit: Entry, name: str) -> Entry:
    entries = fit.entries(name)
    if not entries:
        fit.fail(name, "is missing; a fit file has one.")
    return entries[0]


def _value(item: Entry, name: str) -> float:
    """Return a number that may be written as a string."""
    value = item.get(name)
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            item.fail(name, f"must be a number, got {value!r}.")
    return item.as_number(name, value)
