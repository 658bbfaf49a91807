"""Networks that are not written, or not to the end: nothing half is left, and what cannot be said is refused."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.mechanisms import library
from neurosim.model.cell import Cell
from neurosim.model.connections import Connections
from neurosim.model.network import Network
from neurosim.model.point import SpikeTrain
from neurosim.sonata import write, write_edges
from tests.written_network import connected, coupled, invented, of_one, small_network, stubbed

# --- nothing half is left ---------------------------------------------------------------------------------------------


def test_what_is_there_is_kept_unless_asked(tmp_path: Path) -> None:
    net = of_one(stubbed())
    write(net, tmp_path / "c")
    with pytest.raises(SonataError, match="overwrite=True"):
        write(net, tmp_path / "c")
    (tmp_path / "c/notes.txt").write_text("mine")
    write(net, tmp_path / "c", run={"tstop_ms": 7.0}, overwrite=True)
    assert json.loads((tmp_path / "c/simulation_config.json").read_text())["run"]["tstop"] == 7.0
    assert (tmp_path / "c/notes.txt").read_text() == "mine"


def test_files_of_others_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c/node_sets.json").write_text("mine")
    with pytest.raises(SonataError, match=r"node_sets\.json is there"):
        write(of_one(stubbed()), tmp_path / "c")
    assert [p.name for p in (tmp_path / "c").iterdir()] == ["node_sets.json"]
    assert (tmp_path / "c/node_sets.json").read_text() == "mine"


@pytest.mark.parametrize("stop", ["write", "_write_part"])
def test_an_interrupted_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: str) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(write_edges.EdgeWriter, stop, interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(small_network(), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("moves", [0, 1, 5])
def test_an_interrupted_replacement_leaves_no_circuit_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moves: int
) -> None:
    net, replace = of_one(stubbed()), os.replace
    done: list[Any] = []

    def limited(*args: Any) -> None:
        if len(done) == moves:
            raise KeyboardInterrupt
        done.append(args)
        replace(*args)

    write(net, tmp_path / "c")
    monkeypatch.setattr(os, "replace", limited)
    with pytest.raises(KeyboardInterrupt):
        write(net, tmp_path / "c", overwrite=True)
    assert not (tmp_path / "c/config.json").exists()
    assert [p.name for p in tmp_path.iterdir()] == ["c"]


def test_links_do_not_lead_out_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "c").mkdir()
    (tmp_path / "c/network").symlink_to(tmp_path / "outside", target_is_directory=True)
    with pytest.raises(SonataError, match="outside the folder"):
        write(of_one(stubbed()), tmp_path / "c", overwrite=True)
    assert list((tmp_path / "outside").iterdir()) == []


# --- what cannot be said ----------------------------------------------------------------------------------------------

Case = tuple[Callable[[], Network], str]


def _with(change: Callable[[Cell], Any]) -> Callable[[], Network]:
    def make() -> Network:
        cell = stubbed()
        change(cell)
        return of_one(cell)

    return make


def _with_globals() -> Network:
    other = library.get("NaV")(alfac=3.0)
    return of_one(stubbed().insert("NaV", "soma"), stubbed().insert(other, "soma"))


def _named(name: str, cell: Any) -> Network:
    net = Network()
    net.add(name, 1, cell)
    return net


CASES: dict[str, Case] = {
    "section": (
        _with(lambda c: c.insert("pas", "dend[1]", g=3e-5)), r"pas\.g is 1e-05 at dend\[0\].* and 3e-05 at dend\[1\]"
    ),
    "part of a region": (
        _with(lambda c: c.insert("hh", "dend[1]")), r"hh is in some of the sections of dend, but not at dend\[0\]"
    ),
    "function": (
        _with(lambda c: c.insert("hh", "apic", gnabar=lambda um: 1e-3 * um)), r"hh\.gnabar is .* at apic\[0\]"
    ),
    "ra": (_with(lambda c: c.set("dend[2]", ra_ohm_cm=99.0)), r"ra_ohm_cm is .* at dend\[0\] and 99 at dend\[2\]"),
    "cm": (
        _with(lambda c: c.set("dend[2]", cm_uF_per_cm2=3.0)), r"cm_uF_per_cm2 is 1 at dend\[0\].* and 3 at dend\[2\]"
    ),
    "no capacitance": (_with(lambda c: c.set("apic", cm_uF_per_cm2=0.0)), "apic has cm_uF_per_cm2=0"),
    "concentration": (_with(lambda c: c.insert("Ca_HVA", "soma").set("soma", cai_mM=1e-3)), r"soma has cai=0\.001 mM"),
    "point process": (
        _with(lambda c: c.place("IClamp", "soma(0.5)")), r"soma\[0\]\(0\.5\) has the point process IClamp"
    ),
    "whole axon": (lambda: of_one(Cell(invented(1)).discretise(max_length_um=20.0).insert("pas")), "extensions=True"),
    "cylinder": (
        lambda: of_one(Cell.cylinder(18.8, 18.8).insert("hh")), r"area_um2 at x=0\.5 is 1110\.36.*extensions=True"
    ),
    "even nseg": (_with(lambda c: c.set("dend[0]", nseg=2)), r"'dend\[0\]' has 2 compartments"),
    "two spacings": (
        lambda: of_one(stubbed(), stubbed().discretise(max_length_um=5.0)), r"no run\.dL gives these numbers"
    ),
    "gap off the middle": (lambda: coupled("apic[0](0.1)"), r"coupled at apic\[0\]\(.*middle of a section"),
    "one-sided gap": (lambda: coupled("soma(0.5)", mutual=False), "row 0 has no other side"),
    "global": (_with_globals, r"NaV\.alfac=3 .*GLOBAL"),
    "mixed": (lambda: of_one(stubbed(), SpikeTrain([1.0])), "spike trains and cells in one population"),
    "name": (lambda: _named("../up", stubbed()), "becomes part of file names"),
    "attribute": (lambda: of_one(stubbed(), morphology="x"), "'morphology' has a meaning in SONATA"),
    "no membrane": (
        lambda: connected(c := stubbed(), [int(np.flatnonzero(c.tree.area_um2 == 0.0)[0])]), "has no membrane"
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_what_sonata_cannot_say_is_refused_with_its_place(tmp_path: Path, case: str) -> None:
    make, message = CASES[case]
    with pytest.raises(SonataError, match=message):
        write(make(), tmp_path / "c")
    assert list(tmp_path.iterdir()) == []


def test_synapses_on_spike_trains_and_events_to_cells_are_refused(tmp_path: Path) -> None:
    one = np.zeros(1, np.int32)
    for mechanism, cell, message in (
        (None, stubbed(), "which has a membrane"),
        ("ExpSyn", SpikeTrain([1.0]), "is a spike train"),
    ):
        net = of_one(cell)
        synapse = None if mechanism is None else library.get(mechanism)
        net.connections.append(Connections(synapse, one, one, one, np.ones(1), np.ones(1)))
        with pytest.raises(SonataError, match=message):
            write(net, tmp_path / "c")


def test_synapses_that_share_a_point_process_are_refused(tmp_path: Path) -> None:
    net = connected(stubbed(), [3, 4, 4])
    (c,) = net.connections
    own = np.array([0, 0, 1], np.int32)
    net.connections[0] = replace(c, instance=own)
    write(net, tmp_path / "c")
    net.connections[0] = replace(c, instance=0 * own)
    with pytest.raises(SonataError, match="rows 1 and 2 share one ExpSyn"):
        write(net, tmp_path / "d")


def test_settings_and_inputs_are_checked(tmp_path: Path) -> None:
    with pytest.raises(SonataError, match="no setting 'tstop'"):
        write(of_one(stubbed()), tmp_path / "c", run={"tstop": 1.0})
    with pytest.raises(SonataError, match="values that JSON has"):
        write(of_one(stubbed()), tmp_path / "c", inputs={"step": {"amp": float("nan")}})
    assert list(tmp_path.iterdir()) == []
