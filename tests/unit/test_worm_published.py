"""The worm from published data: counts of the source, signs, gap junctions, shapes, places of contacts.

Kind of evidence: the packages' own figures (worm reference C.1 to C.4) and invariants of the builder.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from neurosim.errors import MissingExtraError, ModelError
from neurosim.models.worm import (
    build,
    cached,
    connectome,
    contacts,
    expression,
    morphologies,
    packages,
    parameters,
    polarity,
)
from neurosim.models.worm.ablation import ablated
from neurosim.models.worm.classes import KINDS, class_and_kind
from neurosim.models.worm.connectome import Connectome
from neurosim.models.worm.model import NEURONS, TRANSMITTERS, Contacts, WormModel
from tests.tolerances import ROUNDOFF

for package in packages.PACKAGES:
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")


@pytest.fixture(scope="module")
def wired() -> Connectome:
    return connectome.read()


@pytest.fixture(scope="module")
def model() -> WormModel:
    return build.published()


# --- the source -------------------------------------------------------------------------------------------------------


def test_the_connectome_has_the_counts_of_cook_2019(wired: Connectome) -> None:
    found = [(int(np.count_nonzero(m)), float(m.sum())) for m in (wired.chemical, wired.neuromuscular, wired.muscular)]
    assert found == [(3709, 20965.0), (956, 5515.0), (192, 2854.0)]
    assert wired.chemical.max() == 75
    assert np.count_nonzero(wired.neuromuscular.any(axis=1)) == 162
    # 2,196 entries and 14 of them of a cell with itself.
    assert np.count_nonzero(wired.gap) == 2196 - 14


def test_no_neuron_is_isolated(wired: Connectome) -> None:
    reached = wired.chemical.any(axis=0) | wired.chemical.any(axis=1) | wired.gap.any(axis=1)
    assert reached.all()


def test_the_transmitters_are_those_of_wang_2024(wired: Connectome) -> None:
    only = [wired.transmitters.count((TRANSMITTERS.index(name),)) for name in ("acetylcholine", "glutamate", "GABA")]
    assert only == [148, 70, 31]
    assert wired.transmitters.count(()) == 20


def test_every_neuron_has_a_class_and_a_kind() -> None:
    cells = parameters.load("cells")
    found = [class_and_kind(name, cells) for name in connectome.neuron_names()]
    assert len({cell_class for cell_class, _ in found}) == 118
    assert {kind for _, kind in found} == set(KINDS)
    assert class_and_kind("RMDDL", cells) == ("RMD", "head")
    assert class_and_kind("IL1DL", cells) == ("IL1", "sensory")
    assert class_and_kind("MVL23", cells) == ("MVL", "muscle")


def test_an_unknown_cell_is_named() -> None:
    with pytest.raises(ModelError, match=r"no class holds the cell 'DB03x'"):
        class_and_kind("DB03x", parameters.load("cells"))


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"needs cect: pip install"):
        packages.file_of("cect", "cache")


# --- expression -------------------------------------------------------------------------------------------------------


def test_expression_scales_other_classes_by_their_transcripts_within_bounds(model: WormModel) -> None:
    cells = parameters.load("cells").replaced(expression__exponent=0.5)
    found = expression.factors(model.names, model.cell_class, model.kind, cells)
    low, high = cells["expression.bounds"]
    for factor in found.values():
        assert factor.min() >= low
        assert factor.max() <= high
        fitted = [model.number(name) for name in ("AWCL", "AIYR", "AVAL", "RIML", "VD5", "MDL01")]
        assert np.allclose(factor[fitted], 1.0, rtol=ROUNDOFF)
    # Single cells and parts of classes have rows of their own in the table.
    kqt = found["kqt3"]
    assert kqt[model.number("ASEL")] != kqt[model.number("ASER")]
    assert found["egl19"][model.number("RMDL")] != found["egl19"][model.number("RMDDL")]


def test_expression_is_left_out_by_default(model: WormModel) -> None:
    kinds = np.array(model.kind)
    for column, kind in enumerate(KINDS):
        for channel in ("egl19", "shl1", "slo1_unc2"):
            expected = parameters.load("cells")[f"gbar.{channel}"][column]
            assert (model.densities[channel]["gbar"][kinds == kind] == expected).all()


# --- signs ------------------------------------------------------------------------------------------------------------


def _sign(rows: Contacts) -> np.ndarray:
    return np.where(rows.reversal_mV > -35.0, 1, -1)


def _exceptions() -> set[tuple[str, str]]:
    keys = (key.split(".") for key in parameters.load("synapses") if key.startswith("exception."))
    return {(pre, post) for _, pre, post in keys}


def test_every_presynaptic_cell_and_transmitter_has_one_sign_but_for_stated_exceptions(model: WormModel) -> None:
    exceptions = _exceptions()
    signs: dict[tuple[int, int], set[int]] = {}
    others = 0
    for rows in (model.chemical, model.neuromuscular):
        for pre, post, transmitter, sign in zip(rows.pre, rows.post, rows.transmitter, _sign(rows), strict=True):
            target = "muscle" if post >= NEURONS else model.cell_class[post]
            if {(model.names[pre], target), (model.cell_class[pre], target)} & exceptions:
                others += 1
            else:
                signs.setdefault((int(pre), int(transmitter)), set()).add(int(sign))
    assert [key for key, found in signs.items() if len(found) > 1] == []
    assert 0 < others < 100


def test_motor_neurons_excite_muscles_with_acetylcholine_and_inhibit_them_with_gaba(model: WormModel) -> None:
    rows = model.neuromuscular
    sign = _sign(rows)
    for classes, expected in ((("DA", "DB", "VA", "VB", "AS", "SMD", "RMD"), 1), (("DD", "VD", "RME"), -1)):
        of_them = np.isin(np.array(model.cell_class)[rows.pre], classes)
        assert of_them.sum() > 20
        assert set(sign[of_them].tolist()) == {expected}


def test_left_and_right_cells_of_a_class_act_alike(model: WormModel) -> None:
    first: dict[tuple[str, int], int] = {}
    rows, exceptions = model.chemical, _exceptions()
    for pre, post, transmitter, sign in zip(rows.pre, rows.post, rows.transmitter, _sign(rows), strict=True):
        target = model.cell_class[post]
        if not {(model.names[pre], target), (model.cell_class[pre], target)} & exceptions:
            assert first.setdefault((model.cell_class[pre], int(transmitter)), int(sign)) == sign


def test_published_receptors_make_exceptions(model: WormModel) -> None:
    for pre, post, transmitter, sign in (
        ("AWC", "AIB", "glutamate", 1),
        ("ASER", "AIB", "glutamate", 1),
        ("ASEL", "AIB", "glutamate", -1),
        ("AWC", "AIY", "glutamate", -1),
        ("AIY", "AIZ", "acetylcholine", -1),
        ("AIY", "RIB", "acetylcholine", 1),
        ("RIM", "AVB", "tyramine", -1),
    ):
        rows = model.chemical
        classes, names = np.array(model.cell_class), np.array(model.names)
        found = ((classes[rows.pre] == pre) | (names[rows.pre] == pre)) & (classes[rows.post] == post)
        assert found.any()
        assert set(_sign(rows)[found].tolist()) == {sign}
        assert set(rows.transmitter[found].tolist()) == {TRANSMITTERS.index(transmitter)}


def test_the_signs_come_from_the_table_where_nothing_else_is_known() -> None:
    predictions = polarity.read_predictions()
    assert predictions.transmitter["VA1"] == "acetylcholine"
    assert predictions.sections["AIYL"] == {"+": 43.0, "-": 122.0}


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_the_shapes_have_the_path_and_the_area_of_the_files(model: WormModel) -> None:
    neurons = model.morphologies[:NEURONS]
    path_um = sum(s.length_um for shape in neurons for s in shape.sections[1:])
    area_um2 = sum(math.pi * s.length_um * s.diam_um for shape in neurons for s in shape.sections)
    assert path_um == pytest.approx(94_000, rel=0.005)
    assert area_um2 == pytest.approx(151_458, rel=0.005)
    # Sections are unbranched chains here; pieces of other chains are a few more or less.
    assert sum(int(contacts.nseg_at_most(s, 2.0).sum()) for s in neurons) == pytest.approx(47_136, rel=0.03)


def test_a_soma_has_the_area_of_the_sphere(model: WormModel) -> None:
    soma = model.morphologies[model.number("DB3")].sections[0]
    assert soma.name == "soma"
    assert soma.length_um * soma.diam_um == pytest.approx(3.8910155**2, rel=1e-5)


def test_every_neurite_leads_to_the_soma(model: WormModel) -> None:
    for shape in model.morphologies:
        assert shape.sections[0].parent == -1
        assert all(0 <= s.parent < i for i, s in enumerate(shape.sections) if i)


def test_muscles_lie_around_the_neurites_on_their_sides(model: WormModel) -> None:
    hull = morphologies.Hull.of(model.morphologies[:NEURONS])
    for shape, name in zip(model.morphologies[NEURONS:], model.names[NEURONS:], strict=True):
        (strand,) = shape.sections
        assert strand.length_um * strand.diam_um == pytest.approx(60.0 * 20.0, rel=1e-5)
        assert strand.points is not None
        for x, y, z, _ in strand.points.tolist():
            centre, radii = hull.at(y)
            offset = np.array([x, z]) - centre
            assert tuple(offset > 0) == (name[2] == "L", name[1] == "D")
            assert (np.abs(offset) < radii + 8.0).all()
            assert np.linalg.norm(offset / (radii + 8.0)) == pytest.approx(1.0, abs=1e-4)


def test_a_file_without_a_soma_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.nml"
    file.write_text('<neuroml><segment id="0"><distal x="0" y="0" z="0" diameter="1"/></segment></neuroml>')
    with pytest.raises(ModelError, match=r"first segment must be the soma"):
        morphologies.read(file, "x")


def test_a_file_with_entities_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.nml"
    file.write_text('<!DOCTYPE x [<!ENTITY a "aaaa">]><neuroml>&a;</neuroml>')
    with pytest.raises(ModelError, match=r"declares a document type"):
        morphologies.read(file, "x")


# --- contacts ---------------------------------------------------------------------------------------------------------


def test_every_published_pair_has_contacts(model: WormModel, wired: Connectome) -> None:
    for rows, weights, first in (
        (model.chemical, wired.chemical, 0),
        (model.electrical, np.triu(wired.gap), 0),
        (model.neuromuscular, wired.neuromuscular, NEURONS),
    ):
        found = np.zeros(weights.shape, bool)
        found[rows.pre, rows.post - first] = True
        assert np.array_equal(found, weights > 0)


def test_a_gap_junction_is_one_row(model: WormModel) -> None:
    for rows in (model.electrical, model.muscular):
        assert (rows.pre < rows.post).all()
        assert np.isnan(rows.reversal_mV).all()
        assert (rows.conductance_uS > 0.0).all()


def test_the_conductance_of_a_pair_grows_smoothly_with_its_weight(model: WormModel, wired: Connectome) -> None:
    total = np.zeros((NEURONS, NEURONS))
    np.add.at(total, (model.electrical.pre, model.electrical.post), model.electrical.conductance_uS)
    i, j = np.nonzero(np.triu(wired.gap))
    expected = parameters.load("synapses")["gap_uS"] * 0.7 * 20.49 * np.tanh(0.02184 * wired.gap[i, j])
    assert np.allclose(total[i, j], expected, rtol=ROUNDOFF)


def test_contacts_are_where_the_neurites_are_near(model: WormModel) -> None:
    """Kind of evidence: the nearest pair of pieces by brute force; a contact is at most a few um further apart."""
    pieces = {i: contacts.pieces_of(model.morphologies[i], 2.0) for i in range(0, NEURONS, 9)}
    rows = model.chemical
    for k in range(len(rows)):
        pre, post = int(rows.pre[k]), int(rows.post[k])
        if pre not in pieces or post not in pieces:
            continue
        here, there = (
            p.centre_um[(p.section == section) & (np.abs(p.x - x) < 1e-9)][0]
            for p, section, x in (
                (pieces[pre], rows.pre_section[k], rows.pre_x[k]),
                (pieces[post], rows.post_section[k], rows.post_x[k]),
            )
        )
        least = min(
            float(np.linalg.norm(pieces[post].centre_um - point, axis=1).min()) for point in pieces[pre].centre_um
        )
        count = np.count_nonzero((rows.pre == pre) & (rows.post == post))
        assert np.linalg.norm(here - there) <= least + 3.0 + 2.0 * count


def test_a_piece_serves_a_pair_once(model: WormModel) -> None:
    for rows in (model.chemical, model.electrical):
        for section, x in ((rows.pre_section, rows.pre_x), (rows.post_section, rows.post_x)):
            table = np.column_stack([rows.pre, rows.post, section, x])
            assert len(np.unique(table, axis=0)) == len(table)


def test_places_are_taken_by_distance_and_once() -> None:
    here, there = np.array([[0.0, 0, 0], [10, 0, 0], [20, 0, 0]]), np.array([[0.0, 1, 0], [10, 3, 0], [20, 9, 0]])
    assert contacts.nearest(here, there, np.array([0.5, 0.5])).tolist() == [[0, 1], [0, 1]]
    assert contacts.nearest(here, there, np.array([8.8])).tolist() == [[2], [2]]
    assert contacts.nearest(here[:1], there, np.full(5, 1.0)).shape == (2, 1)


def test_draws_of_a_pair_do_not_depend_on_others() -> None:
    rule = contacts.Rule("chemical", parameters.load("contacts"), 0)
    assert np.array_equal(rule.distances_um(3, 7, 5)[:2], rule.distances_um(3, 7, 2))
    assert not np.array_equal(rule.distances_um(3, 7, 2), rule.distances_um(7, 3, 2))


# --- what is kept -----------------------------------------------------------------------------------------------------


def _equal(one: WormModel, two: WormModel) -> bool:
    tables = all(
        np.array_equal(value, getattr(getattr(two, kind), key), equal_nan=True)
        for kind in ("chemical", "electrical", "neuromuscular", "muscular")
        for key, value in vars(getattr(one, kind)).items()
    )
    shapes = all(
        a.names == b.names
        and all(
            s.points is not None
            and t.points is not None
            and np.array_equal(s.points, t.points)
            and (s.parent, s.parent_x) == (t.parent, t.parent_x)
            for s, t in zip(a.sections, b.sections, strict=True)
        )
        for a, b in zip(one.morphologies, two.morphologies, strict=True)
    )
    densities = all(
        np.array_equal(column, two.densities[mechanism][key])
        for mechanism, values in one.densities.items()
        for key, column in values.items()
    )
    return tables and shapes and densities and (one.names, one.kind) == (two.names, two.kind)


def test_what_is_kept_is_what_was_made(model: WormModel, tmp_path: Path) -> None:
    path = tmp_path / "worm.h5"
    cached.write(path, model)
    again = cached.read(path)
    assert again is not None
    assert _equal(model, again)
    assert [file.name for file in tmp_path.iterdir()] == ["worm.h5"]


def test_a_broken_file_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "worm.h5"
    path.write_bytes(b"broken")
    assert cached.read(path) is None


def test_where_nothing_can_be_kept_nothing_is_written(model: WormModel, tmp_path: Path) -> None:
    cached.write(tmp_path / "missing" / "worm.h5", model)
    assert list(tmp_path.iterdir()) == []


# --- ablation ---------------------------------------------------------------------------------------------------------


def test_an_ablated_cell_has_no_contact_and_others_keep_theirs(model: WormModel) -> None:
    less = ablated(model, "AVAL", "MDL05")
    gone = [model.number("AVAL"), model.number("MDL05")]
    for kind in ("chemical", "electrical", "neuromuscular", "muscular"):
        before, after = getattr(model, kind), getattr(less, kind)
        touched = np.isin(before.pre, gone) | np.isin(before.post, gone)
        assert touched.any()
        assert len(after) == len(before) - touched.sum()
        assert not np.isin([after.pre, after.post], gone).any()
    assert less.names == model.names


def test_a_class_is_all_its_cells(model: WormModel) -> None:
    one, two = ablated(model, "class:AVB"), ablated(model, "AVBL", "AVBR")
    assert _equal(one, two)


def test_edges_transmitters_and_receptors_go_alone(model: WormModel) -> None:
    no_gap, no_gaba = ablated(model, "edges:gap"), ablated(model, "transmitter:GABA")
    assert (len(no_gap.electrical), len(no_gap.chemical)) == (0, len(model.chemical))
    gaba = TRANSMITTERS.index("GABA")
    for rows in (no_gaba.chemical, no_gaba.neuromuscular):
        assert len(rows) > 0
        assert not (rows.transmitter == gaba).any()
    no_receptor = ablated(model, "receptor:GABA-muscle")
    assert len(no_receptor.chemical) == len(model.chemical)
    assert not (no_receptor.neuromuscular.transmitter == gaba).any()


def test_every_gene_of_the_table_takes_something_away(model: WormModel) -> None:
    def content(m: WormModel) -> float:
        rows = sum(len(getattr(m, kind)) for kind in ("chemical", "electrical", "neuromuscular", "muscular"))
        return rows + sum(float(values["gbar"].sum()) for values in m.densities.values() if "gbar" in values)

    genes = parameters.load("genes")
    whole = content(model)
    assert [gene for gene in genes if not content(ablated(model, f"gene:{gene}")) < whole - 1e-9] == []


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("AVX", r"no cell 'AVX'; did you mean"),
        ("class:AVZ", r"no class 'AVZ'; did you mean"),
        ("edges:all", r"no kind of edges 'all'"),
        ("gene:unc-2x", r"no gene 'unc-2x'; did you mean"),
        ("receptor:GABA", r"has no sign"),
        ("colour:red", r"is not understood; allowed: a cell, or class"),
    ],
)
def test_what_is_not_there_cannot_be_taken_away(model: WormModel, what: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        ablated(model, what)
