"""The motor circuit: what its parameters say is what the contacts sum up to, and nothing else is changed.

Kind of evidence: invariants of ``equipped`` and of ``Stretch`` on the published model.
"""

from __future__ import annotations

import numpy as np
import pytest

from neurosim.models.worm import build, packages, parameters
from neurosim.models.worm.ablation import ablated
from neurosim.models.worm.body.body import ROWS
from neurosim.models.worm.model import TRANSMITTERS, Contacts, WormModel
from neurosim.models.worm.motor import DORSAL, SUMS, VENTRAL, equipped, in_tail, leak_uS, roles
from neurosim.models.worm.polarity import exceptions_of
from neurosim.models.worm.steering import steered
from neurosim.models.worm.stretch import Stretch, window
from tests.tolerances import ROUNDOFF

for package in packages.PACKAGES:
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")

MOTOR = parameters.load("motor")


@pytest.fixture(scope="module")
def published() -> WormModel:
    return build.published()


@pytest.fixture(scope="module")
def model(published: WormModel) -> WormModel:
    return equipped(published)


def _sum_over_leak(model: WormModel, contacts: Contacts, rows: np.ndarray) -> np.ndarray:
    n = len(model.names)
    return np.bincount(contacts.post[rows], contacts.conductance_uS[rows], n) / leak_uS(model)


def test_who_is_connected_to_whom_stays_as_published(published: WormModel, model: WormModel) -> None:
    for kind in ("chemical", "electrical", "neuromuscular", "muscular"):
        before, after = getattr(published, kind), getattr(model, kind)
        for column in ("pre", "post"):
            assert np.array_equal(getattr(before, column), getattr(after, column)), (kind, column)
        assert (after.conductance_uS >= 0.0).all()
        classes = np.array(model.cell_class)
        tyramine = (classes[after.pre] == "RIM") & (classes[after.post] == "SMD")
        assert np.array_equal(before.transmitter[~tyramine], after.transmitter[~tyramine])
        assert (after.transmitter[tyramine] == TRANSMITTERS.index("tyramine")).all()


def test_the_animal_that_crawls_has_one_sign_a_cell_and_transmitter_but_for_stated_receptors(model: WormModel) -> None:
    stated = {**exceptions_of(parameters.load("synapses")), **exceptions_of(MOTOR)}
    assert all(isinstance(MOTOR[key][2], str) and MOTOR[key][2] for key in MOTOR if key.startswith("exception."))
    signs: dict[tuple[int, int], set[bool]] = {}
    used: set[tuple[str, str]] = set()
    for contacts in (steered(model).chemical, model.neuromuscular):
        excites = contacts.reversal_mV > -35.0
        for pre, post, sent, sign in zip(contacts.pre, contacts.post, contacts.transmitter, excites, strict=True):
            onto = "muscle" if model.kind[post] == "muscle" else model.cell_class[post]
            pair = next(
                (key for key in ((model.names[pre], onto), (model.cell_class[pre], onto)) if key in stated), None
            )
            if pair is None or (pair[0] == pair[1] and sign):
                signs.setdefault((int(pre), int(sent)), set()).add(bool(sign))
            else:
                used.add(pair)
                assert (int(sent), 1 if sign else -1) == stated[pair], pair
    assert [key for key, found in signs.items() if len(found) > 1] == []
    assert used >= {("AVA", "AVB"), ("AVB", "AVA"), ("RIM", "SMD"), ("SMD", "SMD"), ("RMD", "RMD"), ("SMB", "SMB")}


def test_contacts_stay_where_they_are_but_those_of_ava_and_avb_which_are_at_the_soma(
    published: WormModel, model: WormModel
) -> None:
    drives = np.isin(model.cell_class, ("AVA", "AVB"))
    for kind in ("chemical", "electrical", "neuromuscular", "muscular"):
        before, after = getattr(published, kind), getattr(model, kind)
        for side in ("pre", "post"):
            mine = drives[getattr(after, side)] & (kind != "muscular")
            for column, at_soma in ((f"{side}_section", 0), (f"{side}_x", 0.5)):
                now = getattr(after, column)
                assert (now[mine] == at_soma).all()
                assert np.array_equal(now[~mine], getattr(before, column)[~mine])


def test_other_neurons_keep_their_membranes(published: WormModel, model: WormModel) -> None:
    changed = {*roles(model), *(model.number(name) for name in ("AVAL", "AVAR", "AVBL", "AVBR"))}
    others = [k for k, kind in enumerate(model.kind) if kind != "muscle" and k not in changed]
    for name, values in published.densities.items():
        for key, column in values.items():
            assert np.array_equal(column[others], model.densities[name][key][others]), (name, key)
    assert not model.densities["plateau"]["gbar"][others].any()


@pytest.mark.parametrize("role", ["B", "A", "D"])
def test_each_role_drives_the_muscles_it_reaches_equally(model: WormModel, role: str) -> None:
    mine = {cell: side for cell, (name, side) in roles(model).items() if name == role}
    contacts = model.neuromuscular
    sides = np.array([{"D": DORSAL, "V": VENTRAL}[n[1]] if k == "muscle" else 0 for n, k in zip(
        model.names, model.kind, strict=True)])  # fmt: skip
    rows = np.array([mine.get(pre) == sides[post] for pre, post in zip(contacts.pre, contacts.post, strict=True)])
    sums = _sum_over_leak(model, contacts, rows)
    assert sums[sums > 0.0] == pytest.approx(MOTOR[f"{role}.muscle"], rel=ROUNDOFF)
    assert np.count_nonzero(sums) >= 60


def test_avb_drives_every_b_cell_and_ava_every_a_cell_alike(model: WormModel) -> None:
    joined, leak = model.electrical, leak_uS(model)
    role_of = {cell: role for cell, (role, _side) in roles(model).items()}
    for role, driver in (("B", "AVB"), ("A", "AVA")):
        mine = np.array([role_of.get(cell) == role for cell in range(len(leak))])
        drives = np.array([name == driver for name in model.cell_class])
        sums = np.zeros(len(leak))
        for here, there in ((joined.pre, joined.post), (joined.post, joined.pre)):
            rows = mine[here] & drives[there]
            sums += np.bincount(here[rows], joined.conductance_uS[rows], len(leak)) / leak
        assert sums[sums > 0.0] == pytest.approx(MOTOR[f"{role}.from_{driver}"], rel=ROUNDOFF)
        assert np.count_nonzero(sums) >= (18 if role == "B" else 15)


@pytest.mark.parametrize(("post", "name"), list(SUMS))
def test_command_neurons_receive_what_their_parameter_says(model: WormModel, post: str, name: str) -> None:
    contacts, classes = model.chemical, np.array(model.cell_class)
    rows = np.isin(classes[contacts.pre], SUMS[post, name]) & (classes[contacts.post] == post)
    sums = _sum_over_leak(model, contacts, rows)
    assert sums[sums > 0.0] == pytest.approx(MOTOR[f"{post}.{name}"], rel=ROUNDOFF)
    assert np.count_nonzero(sums) == 2


def test_tail_cells_are_the_last_a_cells(model: WormModel) -> None:
    found = {model.names[cell] for cell in roles(model) if in_tail(model, cell, MOTOR)}
    assert "DA9" in found
    assert "VA12" in found
    assert all(name[:2] in ("DA", "VA") for name in found)


# --- stretch ----------------------------------------------------------------------------------------------------------


def _bend(first: int, last: int, curvature: float = 0.1) -> np.ndarray:
    kap = np.zeros(ROWS)
    kap[first:last] = curvature
    return kap


def _currents(model: WormModel, kap: np.ndarray) -> dict[str, float]:
    stretch = Stretch(None, model)
    values = stretch.current_nA(kap, np.zeros((4, ROWS)))
    return {model.names[k]: float(x) for k, x in zip(stretch.gids, values, strict=True)}


def test_a_straight_body_gives_no_current(model: WormModel) -> None:
    assert not any(_currents(model, np.zeros(ROWS)).values())


def test_b_cells_follow_a_bend_in_front_of_them_and_not_one_behind(model: WormModel) -> None:
    in_front, behind = _currents(model, _bend(6, 11)), _currents(model, _bend(19, 24))
    assert in_front["DB4"] > 0.0 > in_front["VB6"]
    assert behind["DB4"] == behind["VB6"] == 0.0


def test_a_cells_follow_a_bend_behind_them_and_not_one_in_front(model: WormModel) -> None:
    in_front, behind = _currents(model, _bend(0, 5)), _currents(model, _bend(14, 20))
    assert behind["DA4"] > 0.0 > behind["VA5"]
    assert in_front["DA4"] == in_front["VA5"] == 0.0


def test_head_cells_counteract_the_bend_of_the_neck(model: WormModel) -> None:
    found = _currents(model, _bend(4, 10))
    assert found["SMDDL"] < 0.0 < found["SMDVL"]


def test_stretch_currents_saturate(model: WormModel) -> None:
    stretch = Stretch(None, model)
    values = stretch.current_nA(_bend(0, ROWS, 1e3), np.zeros((4, ROWS)))
    leak = leak_uS(model)[stretch.gids]
    assert np.abs(values).max() <= MOTOR["saturation"] * leak.max() * (1.0 + ROUNDOFF)
    assert stretch.largest_nA == pytest.approx(MOTOR["saturation"] * leak, rel=ROUNDOFF)


def test_a_bend_that_lasts_is_no_longer_felt_and_its_end_is(model: WormModel) -> None:
    stretch = Stretch(None, model)
    kap, strain = _bend(6, 11), np.zeros((4, ROWS))
    first = np.abs(stretch.current_nA(kap, strain)).max()
    stretch.current_nA(kap, strain, elapsed_ms=5.0 * MOTOR["adaptation"])
    kept = stretch.state()
    lasting, straight = stretch.current_nA(kap, strain), stretch.current_nA(np.zeros(ROWS), strain)
    assert np.abs(lasting).max() < 0.05 * first
    assert np.abs(straight).max() > 0.5 * first
    stretch.reset()
    assert np.abs(stretch.current_nA(kap, strain)).max() == first
    stretch.set_state(kept)
    assert np.array_equal(stretch.current_nA(kap, strain), lasting)


def test_a_cell_without_muscles_feels_nothing(model: WormModel) -> None:
    cut = ablated(model, "edges:neuromuscular")
    assert len(Stretch(None, cut).gids) == 0


@pytest.mark.parametrize(("centre", "half"), [(-4.0, 2.0), (0.0, 0.5), (11.3, 3.2), (30.0, 1.0)])
def test_windows_have_a_sum_of_one_wherever_they_lie(centre: float, half: float) -> None:
    assert window(centre, half).sum() == pytest.approx(1.0, rel=ROUNDOFF)
