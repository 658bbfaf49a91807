"""Print what NEURON makes of SWC texts and trees; run as a script in a process of its own by the tests beside it.

Standard input: JSON ``{"swc": [text…], "trees": [[section…]…]}``, a section being ``{name, points | length_um, diam_um,
parent, parent_x, nseg, ra_ohm_cm, e_pas_mV}``. Standard output: one JSON line with the answers.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from neuron import h


def sections_of_swc(text: str) -> list[dict[str, Any]]:
    """Read with Import3d, and describe the sections in creation order."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "cell.swc"
        path.write_text(text)
        reader = h.Import3d_SWC_read()
        reader.quiet = 1
        reader.input(str(path))
        h.Import3d_GUI(reader, 0).instantiate(None)
    found = []
    for section in h.allsec():
        parent = section.parentseg()
        found.append(
            {
                "name": indexed(section.name()),
                "parent": None if parent is None else indexed(parent.sec.name()),
                "parent_x": None if parent is None else parent.x,
                "length_um": section.L,
                "points": [
                    [section.x3d(i), section.y3d(i), section.z3d(i), section.diam3d(i)] for i in range(section.n3d())
                ],
            }
        )
    clear()
    return found


def indexed(name: str) -> str:
    """Name an only section of a region as the first of many."""
    return name if name.endswith("]") else f"{name}[0]"


def tree_in_neuron(description: list[dict[str, Any]]) -> dict[str, Any]:
    """Build the sections, and measure geometry, path distance, shape and three passive steps."""
    sections = [h.Section(name=one["name"]) for one in description]
    for section, one in zip(sections, description, strict=True):
        if one.get("points"):
            for point in one["points"]:
                section.pt3dadd(*point)
        else:
            section.L, section.diam = one["length_um"], one["diam_um"]
        section.Ra, section.nseg = one["ra_ohm_cm"], one["nseg"]
        section.insert("pas")
        for segment in section:
            segment.pas.e = one["e_pas_mV"]
    for section, one in zip(sections, description, strict=True):
        if one["parent"] >= 0:
            section.connect(sections[one["parent"]](one["parent_x"]), 0)
    h.distance(0, sections[0](0))
    out: dict[str, Any] = {
        "lambda_um": [h.lambda_f(100, sec=section) for section in sections],
        "sections": [
            {
                "length_um": section.L,
                "area": [segment.area() for segment in section],
                "ri": [segment.ri() for segment in section],
                "ri_end": section(1).ri(),
                "diam": [segment.diam for segment in section],
                "path": [h.distance(segment) for segment in section],
            }
            for section in sections
        ],
    }
    h.dt = 0.1
    h.finitialize(-65.0)
    for _ in range(3):
        h.fadvance()
    for section, answers in zip(sections, out["sections"], strict=True):
        answers["v"] = [segment.v for segment in section.allseg()]
    if not any(one.get("points") for one in description):
        h.define_shape()
        for section, answers in zip(sections, out["sections"], strict=True):
            last = section.n3d() - 1
            answers["ends"] = [[section.x3d(i), section.y3d(i), section.z3d(i)] for i in (0, last)]
    del sections
    clear()
    return out


def clear() -> None:
    """Delete every section: NEURON's state is global."""
    for section in list(h.allsec()):
        h.delete_section(sec=section)


def main() -> None:
    """Answer the questions on standard input."""
    h.load_file("stdrun.hoc")
    h.load_file("import3d.hoc")
    questions = json.load(sys.stdin)
    answers = {
        "swc": [sections_of_swc(text) for text in questions["swc"]],
        "trees": [tree_in_neuron(tree) for tree in questions["trees"]],
    }
    sys.stdout.write("\nANSWERS" + json.dumps(answers) + "\n")


if __name__ == "__main__":
    main()
