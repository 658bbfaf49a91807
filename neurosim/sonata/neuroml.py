"""Channels and cable properties from a NeuroML 2 cell file.

Only ``biophysicalProperties`` and ``concentrationModel`` are read; the file's morphology is ignored, because SONATA
gives it as SWC. The XML is read by expat with every document type declaration refused, so that no entity is ever
expanded and no other file is ever opened.

Rules (as BMTK bionet 1.2): ``segmentGroup`` soma/somatic, axon/axonal, dend/basal/dendritic, apic/apical or all;
the element's id is the range variable to set (``gbar_NaV``); ``pas`` sets g and e; channels of ion na and k set ena
and ek to their erev; calcium follows Nernst; a concentration model sets gamma and decay.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from xml.parsers import expat

from neurosim.errors import SonataError
from neurosim.sonata.recipe import Painter

MAX_BYTES = 16 * 2**20
MAX_DEPTH = 64
GROUPS = {
    "soma": "soma", "somatic": "soma", "axon": "axon", "axonal": "axon", "dend": "dend", "basal": "dend",
    "dendritic": "dend", "apic": "apic", "apical": "apic", "all": "all",
}  # fmt: skip
UNITS = {
    "conductance": {"S_per_cm2": 1.0, "mS_per_cm2": 1e-3, "S_per_m2": 1e-4},
    "voltage": {"mV": 1.0, "V": 1e3},
    "resistivity": {"ohm_cm": 1.0, "kohm_cm": 1e3, "ohm_m": 100.0},
    "capacitance": {"uF_per_cm2": 1.0, "F_per_m2": 100.0},
    "time": {"ms": 1.0, "s": 1e3},
    "concentration": {"mM": 1.0, "M": 1e3, "mol_per_m3": 1.0},
    "length": {"um": 1.0, "cm": 1e4, "m": 1e6},
    "number": {},
}
USED = {"channelDensity", "channelDensityNernst", "resistivity", "specificCapacitance", "concentrationModel"}
IGNORED = {"species", "spikeThresh", "initMembPotential"}


@dataclass(frozen=True)
class Element:
    """One XML element: local name, attributes, line."""

    tag: str
    attributes: dict[str, str]
    line: int


def read_elements(path: Path, key: str) -> list[Element]:
    """Return the elements of a NeuroML file that describe the membrane, in the order of the file.

    Raises
    ------
    SonataError
        Not there, too large, not XML (with the line), a DTD or entity, an element that cannot be run.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SonataError(f"larger than {MAX_BYTES} bytes.", key=key, path=path)
        data = path.read_bytes()
    except OSError as error:
        raise SonataError(f"cannot be read: {error.strerror}.", key=key, path=path) from None
    parser = expat.ParserCreate(namespace_separator="}")
    elements: list[Element] = []
    inside: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        tag, line = name.rsplit("}", 1)[-1], parser.CurrentLineNumber
        if len(inside) >= MAX_DEPTH:
            raise SonataError("elements nested too deeply.", key=key, path=path, line=line)
        if tag in USED:
            elements.append(Element(tag, attributes, line))
        elif "membraneProperties" in inside and tag not in IGNORED:
            raise SonataError(
                f"<{tag}> cannot be run; allowed: {', '.join(sorted(USED))}.", key=key, path=path, line=line
            )
        inside.append(tag)

    def declaration(*_: object) -> None:
        raise SonataError(
            "a DOCTYPE is not allowed; remove it (entities are never expanded).",
            key=key,
            path=path,
            line=parser.CurrentLineNumber,
        )

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _name: inside.pop()
    parser.StartDoctypeDeclHandler = declaration
    parser.EntityDeclHandler = declaration
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SonataError(f"not XML: {expat.ErrorString(error.code)}.", key=key, path=path, line=error.lineno) from None
    return elements


def paint_neuroml(painter: Painter, path: Path) -> None:
    """Give the regions of a cell what a NeuroML file says.

    Sections take the elements of their own group in the order of the file; a later element with the same id replaces an
    earlier one.
    """
    elements = read_elements(path, painter.key)
    if not elements:
        painter.fail("", "has no channelDensity, resistivity or specificCapacitance; nothing would happen.")
    for region in painter.paints:
        chosen: dict[str, Element] = {}
        for element in elements:
            group = _group(element, painter)
            if group in ("all", region):
                chosen[element.attributes.get("id", element.tag)] = element
        for element in chosen.values():
            _apply(element, region, painter)


def _group(element: Element, painter: Painter) -> str:
    written = element.attributes.get("segmentGroup", "all" if element.tag == "resistivity" else "")
    if written.lower() not in GROUPS:
        painter.fail(
            f"<{element.tag} id={element.attributes.get('id')!r}>",
            f"segmentGroup {written!r}; allowed: {', '.join(GROUPS)}.",
            element.line,
        )
    return GROUPS[written.lower()]


def _apply(element: Element, region: str, painter: Painter) -> None:
    where = f"<{element.tag} id={element.attributes.get('id')!r}>"

    def value(attribute: str, kind: str) -> float:
        return _quantity(element, attribute, kind, painter, where)

    def need(attribute: str) -> str:
        if not element.attributes.get(attribute):
            painter.fail(where, f"attribute {attribute} is missing.", element.line)
        return element.attributes[attribute]

    if element.tag == "resistivity":
        painter.assign("Ra", value("value", "resistivity"), [region], where)
    elif element.tag == "specificCapacitance":
        painter.assign("cm", value("value", "capacitance"), [region], where)
    elif element.tag == "concentrationModel":
        name = need("id")
        painter.insert(name, [region], where)
        for parameter, kind in (("gamma", "number"), ("decay", "time")):
            painter.assign(f"{parameter}_{need('type')}", value(parameter, kind), [region], where)
        _remark_defaults(element, name, painter, where)
    elif need("ionChannel") == "pas":
        painter.insert("pas", [region], where)
        painter.assign("g_pas", value("condDensity", "conductance"), [region], where)
        painter.assign("e_pas", value("erev", "voltage"), [region], where)
    else:
        painter.insert(need("ionChannel"), [region], where)
        painter.assign(need("id"), value("condDensity", "conductance"), [region], where)
        if element.attributes.get("ion") in ("na", "k"):
            variable = f"e{element.attributes['ion']}"
            if variable not in painter.reversals(region):
                painter.fail(where, f"{need('ionChannel')} does not use the ion {element.attributes['ion']}.")
            painter.assign(variable, value("erev", "voltage"), [region], where)


def _remark_defaults(element: Element, name: str, painter: Painter, where: str) -> None:
    """Say when depth or minCai differ from the mechanism's: as in BMTK they are not read."""
    defaults = painter.mechanisms[name].defaults
    for attribute, kind in (("depth", "length"), ("minCai", "concentration")):
        if attribute in element.attributes and attribute in defaults:
            given = _quantity(element, attribute, kind, painter, where)
            if abs(given - defaults[attribute]) > 1e-12 * abs(defaults[attribute]):
                place = f"{painter.path.name if painter.path else ''} line {element.line}"
                keeps = f"{name} keeps {defaults[attribute]:g}"
                painter.folder.config.notice(f"{place}: {attribute}={given:g} is not read (as in BMTK); {keeps}")


def _quantity(element: Element, attribute: str, kind: str, painter: Painter, where: str) -> float:
    words = element.attributes.get(attribute, "").split()
    try:
        number = float(words[0])
        factor = UNITS[kind][words[1]] if len(words) == 2 else 1.0
        if len(words) > 2 or number != number or number in (float("inf"), float("-inf")):
            raise ValueError
    except (IndexError, ValueError, KeyError):
        painter.fail(
            where,
            f"{attribute}={element.attributes.get(attribute)!r} is not a {kind}; "
            f"write a number and a unit of {', '.join(UNITS[kind]) or 'none'}.",
            element.line,
        )
    return number * factor
