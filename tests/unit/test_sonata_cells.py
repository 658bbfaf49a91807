from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from neurosim.errors import SonataError
from neurosim.morphology.swc import read_swc
from neurosim.sonata.axon import with_stub
from neurosim.sonata.circuit import Circuit, read
from neurosim.sonata.recipe import Paint
from tests.sonata_circuit import FIT, NML, branching, change, write_circuit
from tests.tolerances import CROSS_SIM


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return write_circuit(tmp_path)


def paint(circuit: Circuit, gid: int, region: str) -> Paint:
    return circuit.recipes[gid].paints[region]


def test_equal_nodes_share_one_cell(config: Path) -> None:
    circuit = read(config)
    assert list(circuit.cells) == [0, 1, 2, 3, 4, 5]
    assert list(circuit.recipes) == [2, 3, 4, 5]
    assert circuit.cells[2] is circuit.cells[5]
    assert len({circuit.cells[gid] for gid in circuit.recipes}) == 3


def test_the_perisomatic_stub_replaces_the_axon(config: Path) -> None:
    morphology = read(config).recipes[2].morphology
    assert morphology.names == ["soma[0]", *(f"dend[{i}]" for i in range(3)), *(f"apic[{i}]" for i in range(3)),
                                "axon[0]", "axon[1]"]  # fmt: skip
    first, second = morphology.sections[-2:]
    assert (first.length_um, first.diam_um, first.parent, first.parent_x) == (30.0, 1.0, 0, 0.5)
    assert (second.length_um, second.diam_um, second.parent, second.parent_x) == (30.0, 1.0, 7, 1.0)


def test_the_all_active_stub_keeps_the_diameters_and_joins_the_end(config: Path, tmp_path: Path) -> None:
    first, second = read(config).recipes[3].morphology.sections[-2:]
    whole = [s for s in read_swc(tmp_path / "components/morphologies/cell.swc").sections if s.region == "axon"]
    assert (first.diam_um, second.diam_um) == tuple(float(np.float32(whole[i].diam_um)) for i in (0, -1))
    assert (first.parent, first.parent_x) == (0, 1.0)


@pytest.mark.parametrize("allactive", [False, True])
def test_a_directed_stub_follows_the_last_axon_section(tmp_path: Path, allactive: bool) -> None:
    swc = tmp_path / "a.swc"
    swc.write_text(
        "1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 50 0 0 1 2\n4 2 0 -5 0 1 1\n5 2 0 -40 0 .5 4\n6 2 0 -90 0 .5 5\n"
    )
    morphology = read_swc(swc)
    found = with_stub(morphology, allactive=allactive, directed=True)
    points = [s.points for s in found.sections if s.region == "axon"]
    soma = morphology.sections[0].points
    assert points[0] is not None and points[1] is not None and soma is not None
    assert np.allclose(points[0][0, :3], soma[-1, :3], atol=1e-5)
    assert np.allclose(points[1][-1, :3] - points[0][0, :3], [0, -60, 0], atol=1e-5)
    assert abs(found.sections[-1].length_um / 30.0 - 1.0) < CROSS_SIM
    assert abs(found.sections[-2].length_um / 30.0 - 1.0) < CROSS_SIM
    assert found.sections[-2].parent_x == (1.0 if allactive else 0.5)
    assert (points[0][0, 3] == 1.0) == (not allactive)


def test_a_stub_needs_an_axon_when_it_is_made_from_one(tmp_path: Path) -> None:
    from neurosim.errors import MorphologyError

    swc = tmp_path / "a.swc"
    swc.write_text("1 1 0 0 0 5 -1\n2 3 5 0 0 1 1\n3 3 50 0 0 1 2\n")
    morphology = read_swc(swc)
    assert [s.name for s in with_stub(morphology).sections[-2:]] == ["axon[0]", "axon[1]"]
    with pytest.raises(MorphologyError, match="has no axon"):
        with_stub(morphology, allactive=True)


def test_a_cell_without_processing_keeps_its_axon(config: Path, tmp_path: Path) -> None:
    types = (tmp_path / "network/cells_types.csv").read_text()
    (tmp_path / "network/cells_types.csv").write_text(
        types.replace("aibs_perisomatic cell.swc fit.json", "NULL cell NULL")
    )
    change(config, "reports", {})
    morphology = read(config).recipes[2].morphology
    assert sum(s.region == "axon" for s in morphology.sections) == 3


def test_nseg_follows_the_rule_of_dl(config: Path) -> None:
    cell = branching(read(config, dl_um=7.0), 2)
    for i, section in enumerate(cell.morphology.sections):
        assert len(cell.tree.compartments(i)) == 1 + 2 * int(section.length_um / 14.0)


def test_a_fit_file_paints_regions(config: Path) -> None:
    circuit = read(config)
    soma, axon, dend = (paint(circuit, 2, region) for region in ("soma", "axon", "dend"))
    assert (soma.ra_ohm_cm, soma.cm_uF_per_cm2, dend.cm_uF_per_cm2, axon.cm_uF_per_cm2) == (120.0, 1.0, 2.0, 1.1)
    assert list(soma.mechanisms) == ["pas", "NaTs", "Kv3_1", "Ca_LVA", "CaDynamics", "SK"]
    assert soma.mechanisms["CaDynamics"] == {"gamma": 0.01, "decay": 200.0}
    assert soma.mechanisms["pas"] == {"e": -85.0, "g": 0.0003}
    assert dend.mechanisms == {"pas": {"e": -85.0, "g": 0.00002}}
    assert soma.reversal_mV == {"ena": 53.0, "ek": -107.0}
    assert dend.reversal_mV == {}


def test_an_all_active_file_may_leave_cable_and_leak_to_the_genome(config: Path) -> None:
    circuit = read(config)
    soma, dend, apic, axon = (paint(circuit, 3, region) for region in ("soma", "dend", "apic", "axon"))
    assert (apic.ra_ohm_cm, apic.cm_uF_per_cm2) == (140.0, 3.5)
    assert (dend.ra_ohm_cm, dend.cm_uF_per_cm2) == (100.0, 1.0)
    assert soma.mechanisms["pas"] == {"g": 0.0005, "e": -80.0}
    assert dend.mechanisms == {"pas": {}}
    assert apic.reversal_mV == {}, "apic has no channel of na or k, so there is nothing to set"
    assert axon.reversal_mV == {}, "the file does not name the axon, which keeps the default"
    assert any("glob" in text for text in circuit.config.notices)


def test_a_neuroml_file_paints_regions_in_base_units(config: Path) -> None:
    circuit = read(config)
    soma, dend, apic = (paint(circuit, 4, region) for region in ("soma", "dend", "apic"))
    assert soma.ra_ohm_cm == apic.ra_ohm_cm == 120.0
    assert (soma.cm_uF_per_cm2, dend.cm_uF_per_cm2) == (1.0, 1.8)
    assert soma.mechanisms["CaDynamics"] == {"gamma": 0.002, "decay": 300.0}
    assert soma.mechanisms["Kv3_1"] == {"gbar": 0.25}
    assert soma.reversal_mV == {"ena": 50.0, "ek": -100.0}
    assert dend.mechanisms == {"pas": {"g": 0.00005, "e": -87.0}}
    assert apic.mechanisms == {"pas": {"g": 0.0001, "e": -86.0}}


def test_the_file_of_the_user_replaces_our_mechanism_and_says_so(config: Path, tmp_path: Path) -> None:
    from importlib.resources import files

    folder = tmp_path / "components/mechanisms/modfiles"
    folder.mkdir(parents=True)
    text = files("neurosim.mechanisms.library").joinpath("NaTs.mod").read_text(encoding="utf-8")
    (folder / "sodium.mod").write_text(text, encoding="utf-8")
    (folder / "comment.mod").write_text("COMMENT\nSUFFIX Kv3_1\nENDCOMMENT\nNEURON {\n SUFFIX other\n}\n")
    change(config, "components.mechanisms_dir", "$PARTS/mechanisms")
    circuit = read(config)
    assert any("sodium.mod" in text and "used instead" in text for text in circuit.config.notices)
    assert circuit.recipes[2].mechanisms["NaTs"].origin != circuit.recipes[2].mechanisms["Kv3_1"].origin


def test_two_files_of_one_mechanism_are_refused(config: Path, tmp_path: Path) -> None:
    folder = tmp_path / "components/mechanisms"
    folder.mkdir(parents=True)
    for name in ("a.mod", "b.mod"):
        (folder / name).write_text(f": {name}\nNEURON {{\n SUFFIX NaTs\n}}\n")
    change(config, "components.mechanisms_dir", "$PARTS/mechanisms")
    with pytest.raises(SonataError, match="both define NaTs") as caught:
        read(config)
    assert caught.value.key == "components.mechanisms_dir"


def test_parameters_of_the_h5_file_come_last(config: Path, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "network/cells_nodes.h5", "a") as file:
        file["nodes/cells/0/dynamics_params/gbar_NaTs"] = [0.1, 0.2, 0.3, 0.1]
        file["nodes/cells/0/dynamics_params/dend.g_pas"] = [1e-3, 1e-3, 1e-3, 1e-3]
    circuit = read(config)
    assert paint(circuit, 2, "soma").mechanisms["NaTs"] == {"gbar": 0.1}
    assert paint(circuit, 3, "axon").mechanisms["NaTs"] == {"gbar": 0.2}
    assert paint(circuit, 2, "dend").mechanisms["pas"]["g"] == 1e-3
    assert paint(circuit, 2, "soma").mechanisms["pas"]["g"] == 0.0003
    assert circuit.cells[2] is circuit.cells[5]
    assert circuit.cells[2] is not circuit.cells[4]


def _fit(change: Any) -> str:
    content = json.loads(json.dumps(FIT))
    change(content)
    return json.dumps(content)


@pytest.mark.parametrize(
    ("spoil", "key"),
    [
        (lambda f: f["genome"][0].update(mechanism="NaTx"), "genome[0].mechanism"),
        (lambda f: f["genome"][0].update(name="gbar_Nats"), "genome[0].name"),
        (lambda f: f["genome"][0].update(value="much"), "genome[0].value"),
        (lambda f: f["genome"][0].update(section="head"), "genome[0].section"),
        (lambda f: f["genome"][0].pop("value"), "genome[0].value"),
        (lambda f: f.pop("passive"), "passive"),
        (lambda f: f["passive"][0].pop("ra"), "passive[0].ra"),
        (lambda f: f["passive"][0].update(ra=-3), "passive[0].ra"),
        (lambda f: f["passive"][0]["cm"].pop(), "passive[0].cm"),
        (lambda f: f["conditions"][0]["erev"][0].update(ena=None), "conditions[0].erev[0].ena"),
        (lambda f: f.update(genome={}), "genome"),
    ],
)
def test_a_wrong_fit_file_is_refused_at_its_key(config: Path, tmp_path: Path, spoil: Any, key: str) -> None:
    (tmp_path / "components/models/fit.json").write_text(_fit(spoil))
    with pytest.raises(SonataError) as caught:
        read(config)
    assert key in str(caught.value)
    assert caught.value.path is not None and caught.value.path.name == "fit.json"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('<?xml version="1.0"?>', '<!DOCTYPE a [<!ENTITY x "y">]>', "DOCTYPE"),
        ("</neuroml>", "", "not XML"),
        ('ionChannel="Kv3_1"', 'ionChannel="Kv31"', "Kv3_1"),
        ('condDensity="0.8 S_per_cm2"', 'condDensity="0.8 S"', "condDensity"),
        ('segmentGroup="basal"', 'segmentGroup="basalt"', "segmentGroup"),
        ('id="gbar_Kv3_1"', 'id="gmax_Kv3_1"', "gbar_Kv3_1"),
        ('<channelDensity id="g_pas_all"', '<channelDensityGHK id="g_pas_all"', "not XML|cannot be run"),
        ('erev="50.0 mV"', "", "erev"),
    ],
)
def test_a_wrong_neuroml_file_is_refused(config: Path, tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in NML
    (tmp_path / "components/models/cell.nml").write_text(NML.replace(old, new))
    with pytest.raises(SonataError, match=words) as caught:
        read(config)
    assert caught.value.path is not None and caught.value.path.name == "cell.nml"


def test_entities_are_never_expanded(config: Path, tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><neuroml>&b;</neuroml>'
    (tmp_path / "components/models/cell.nml").write_text(bomb)
    with pytest.raises(SonataError, match="DOCTYPE"):
        read(config)


def test_depth_that_differs_is_not_read_and_said(config: Path, tmp_path: Path) -> None:
    (tmp_path / "components/models/cell.nml").write_text(NML.replace('depth="0.1 um"', 'depth="0.2 um"'))
    assert any("depth=0.2 is not read" in text for text in read(config).config.notices)
