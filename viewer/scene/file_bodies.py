"""``FileBodies``: the different bodies of a circuit's cells, numbered while nodes are read and built one at a time.

A body is built as for a run, with the stub and the compartments that its processing gives it. Where that cannot be
done, because a mechanism is missing for instance, the plain SWC file is shown and a notice says so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neurosim.errors import ModelError
from neurosim.model.cell import Cell
from neurosim.sonata.biophysical import Kitchen, Model, models_of
from neurosim.sonata.config import Config
from neurosim.sonata.entry import Entry
from neurosim.sonata.nodes import Population
from neurosim.sonata.planning import build_cell
from neurosim.viewer.scene.scene import NO_TEMPLATE
from neurosim.viewer.scene.skeleton import Template
from neurosim.viewer.scene.templates import key_of, template_of

MODEL_COLUMNS = frozenset(("model_type", "model_template", "model_processing", "morphology", "dynamics_params"))
"""Attributes that decide a body."""
NO_BODY = -1
_SAID = 5


class FileBodies:
    """Bodies by number.

    Parameters
    ----------
    config : Config

    Attributes
    ----------
    notices : list of str
        What is not shown as it is.
    """

    def __init__(self, config: Config) -> None:
        self.notices: list[str] = []
        self._config, self._kitchen = config, Kitchen(config)
        self._numbers: dict[Model | str, int] = {}
        self._template: list[int] = []
        self._plain: dict[str, str] = {}
        self._pointlike: dict[str, str] = {}

    def number(self, population: Population, row: int) -> int:
        """Return the body of a biophysical node; ``NO_BODY`` when it has no morphology."""
        body: Model | str
        try:
            body = models_of(population, [row])[0]
        except ModelError as error:
            morphology = population.text("morphology")[row]
            if morphology is None:
                self._pointlike.setdefault(f"node type {population.type_ids[row]}", str(error))
                return NO_BODY
            body = str(morphology)
            self._plain.setdefault(body, str(error))
        return self._numbers.setdefault(body, len(self._numbers))

    def templates(self) -> Iterator[tuple[Template, list[str]]]:
        """Yield templates and the names of their compartments, each built when it is asked for.

        Bodies that look the same share a template.
        """
        by_key: dict[bytes, int] = {}
        for body in self._numbers:
            cell = self._built(body)
            if cell is None:
                self._template.append(NO_TEMPLATE)
                continue
            key = key_of(cell)
            known = by_key.get(key)
            if known is None and len(by_key) >= NO_TEMPLATE:
                self._pointlike[cell.name] = f"a file has at most {NO_TEMPLATE} templates"
                self._template.append(NO_TEMPLATE)
                continue
            self._template.append(by_key.setdefault(key, len(by_key)))
            if known is None:
                yield template_of(cell), [cell.label(node) for node in range(len(cell.tree))]
        self._say(self._plain, "shown as in the SWC file, with other compartments than in a run")
        self._say(self._pointlike, "drawn as points")

    @property
    def template_of_body(self) -> NDArray[np.uint16]:
        """Template of each body, the last for ``NO_BODY``; after ``templates``."""
        return np.array([*self._template, NO_TEMPLATE], np.uint16)

    def _built(self, body: Model | str) -> Cell | None:
        name = body if isinstance(body, str) else body.morphology
        if isinstance(body, Model):
            try:
                return build_cell(self._kitchen.recipe(body), self._config.run.dl_um)
            except ModelError as error:
                self._plain.setdefault(name, str(error))
        try:
            return self._swc(name)
        except ModelError as error:
            self._pointlike[name] = f"{self._plain.pop(name, '')} {error}".strip()
            return None

    def _swc(self, name: str) -> Cell:
        file = name if name.lower().endswith(".swc") else f"{name}.swc"
        folder = None
        if not Path(file).is_absolute():
            folder = self._config.component("morphologies_dir", Entry({}, "", self._config.path), "")
        found = Entry({}, "", self._config.path).find("", file, base=folder)
        self._config.opened.add(found.resolve())
        return Cell.from_swc(found, max_length_um=self._config.run.dl_um)

    def _say(self, reasons: dict[str, str], how: str) -> None:
        names = list(reasons)
        if names:
            more = f" and {len(names) - _SAID} more" if len(names) > _SAID else ""
            self.notices.append(f"{how}: {', '.join(names[:_SAID])}{more} ({reasons[names[0]]})")
