"""The worm's network: details agree, contacts that are joined keep their current, voltages stay physical.

Kind of evidence: another discretisation, invariance, and the bounds of membrane voltages.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import neurosim as ns
from neurosim.errors import ModelError
from neurosim.models.worm import build, network, packages
from neurosim.models.worm.loop import published_model
from neurosim.models.worm.model import MUSCLES, NEURONS, WormModel
from tests.tolerances import ROUNDOFF

for package in packages.PACKAGES:
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")


@pytest.fixture(scope="module")
def model() -> WormModel:
    return build.published()


# --- what it is made of -----------------------------------------------------------------------------------------------


def test_gids_are_the_numbers_of_the_cells(model: WormModel) -> None:
    net = network.network_of(model, detail="point")
    assert [len(net[name]) for name in ("neurons", "muscles")] == [NEURONS, MUSCLES]
    assert [cell.name for cell in net.cells if isinstance(cell, ns.Cell)] == list(model.names)
    assert net["muscles"].gids[0] == NEURONS


def test_every_gap_junction_has_an_equal_other_side(model: WormModel) -> None:
    for detail in network.DETAILS:
        gaps = [c for c in network.network_of(model, detail=detail).couplings if c.mechanism.name == "Gap"]
        assert len(gaps) == 2
        for c in gaps:
            columns = (c.source_gid, c.source_node, c.target_gid, c.target_node)
            there = dict(zip(zip(*(a.tolist() for a in columns), strict=True), np.asarray(c.values["g"]), strict=True))
            assert all(there[key[2:] + key[:2]] == g for key, g in there.items())


def test_joined_contacts_keep_the_conductance_of_every_pair(model: WormModel) -> None:
    for detail in network.DETAILS:
        coupling = network.network_of(model, detail=detail).couplings[0]
        found, expected = np.zeros((NEURONS, NEURONS)), np.zeros((NEURONS, NEURONS))
        np.add.at(found, (coupling.source_gid, coupling.target_gid), coupling.values["gmax"])
        np.add.at(expected, (model.chemical.pre, model.chemical.post), model.chemical.conductance_uS)
        assert np.allclose(found, expected, rtol=ROUNDOFF, atol=0.0)


def test_the_network_does_not_depend_on_the_order_of_the_contacts(model: WormModel) -> None:
    order = np.random.Generator(np.random.Philox(1)).permutation(len(model.chemical))
    shuffled = replace(model, chemical=model.chemical.taken(order))
    one, two = (network.network_of(m).couplings[0] for m in (model, shuffled))
    assert all(
        np.array_equal(a, b)
        for a, b in (
            (one.source_node, two.source_node),
            (one.target_node, two.target_node),
            (np.asarray(one.values["gmax"]), np.asarray(two.values["gmax"])),
        )
    )


def test_the_whole_cell_in_one_compartment_has_its_area_and_conductance(model: WormModel) -> None:
    whole, point = (network.network_of(model, detail=detail).cells for detail in ("full", "point"))
    for a, b in zip(whole[::10], point[::10], strict=True):
        assert isinstance(a, ns.Cell)
        assert isinstance(b, ns.Cell)
        assert len(b.tree) == 1
        # The point has the area of the sections' mean diameters, the pieces that of the cones between points.
        assert b.tree.area_um2.sum() == pytest.approx(a.tree.area_um2.sum(), rel=1e-3)
        for one, other in zip(a.record.densities, b.record.densities, strict=True):
            if "gbar" in one.values:
                sums = [
                    float(np.sum(d.values["gbar"] * c.tree.area_um2[d.nodes])) for c, d in ((a, one), (b, other))
                ]  # fmt: skip
                assert sums[0] == pytest.approx(sums[1], rel=1e-3)


def test_channels_without_conductance_are_not_there(model: WormModel) -> None:
    cell = network.network_of(model, detail="point").cells[model.number("AWCL")]
    assert isinstance(cell, ns.Cell)
    names = {mechanism.name for mechanism in cell.mechanisms()}
    assert names == {"pas", "shl1", "kqt3", "egl19", "unc2", "irk", "WormCa"}


def test_pieces_of_the_full_detail_are_short(model: WormModel) -> None:
    cells = network.network_of(model, detail="full", pieces_um=5.0).cells[:NEURONS:20]
    for cell in cells:
        assert isinstance(cell, ns.Cell)
        assert cell.tree.length_um[cell.tree.section_idx > 0].max() <= 5.0 * (1.0 + ROUNDOFF)


def test_adaptive_compartments_are_few(model: WormModel) -> None:
    cells = network.network_of(model).cells
    assert sum(len(cell.tree) for cell in cells if isinstance(cell, ns.Cell)) <= 4500


@pytest.mark.parametrize("options", [{"detail": "fine"}, {"detail": "point", "pieces_um": 1.0}])
def test_a_wrong_detail_is_refused(model: WormModel, options: dict[str, object]) -> None:
    with pytest.raises(ModelError, match=r"allowed: full, adaptive, point"):
        network.network_of(model, **options)  # type: ignore[arg-type]


# --- what it does -----------------------------------------------------------------------------------------------------


def _somata_mV(net: ns.Network, steps_nA: list[tuple[float, np.ndarray]], dt_ms: float = 0.5) -> np.ndarray:
    """Somatic voltages every 5 ms while currents flow into the neurons: (duration in ms, current of each) in turn."""
    sim = ns.Simulation(net, dt_ms=dt_ms, v_init_mV=-55.0)
    drive, sensor = sim.drive(range(NEURONS)), sim.sense("v_mV", range(len(net.cells)))
    rows = []
    for duration_ms, current_nA in steps_nA:
        drive.set(current_nA)
        for _ in range(round(duration_ms / 5.0)):
            sim.advance(5.0)
            rows.append(sensor.values().copy())
    return np.array(rows)


def test_adaptive_compartments_give_the_voltages_of_short_ones(model: WormModel) -> None:
    """Kind of evidence: another discretisation, all cells, steps of +3 and -3 pA into the soma."""
    steps = [(100.0, np.zeros(NEURONS)), (100.0, np.full(NEURONS, 3e-3)), (100.0, np.full(NEURONS, -3e-3))]
    fine, coarse = (_somata_mV(network.network_of(model, detail=detail), steps) for detail in ("full", "adaptive"))
    error_mV = np.sqrt(((coarse - fine) ** 2).mean(axis=0))[:NEURONS]
    assert np.ptp(fine, axis=0)[:NEURONS].min() > 2.0  # every cell answers
    assert np.median(error_mV) < 0.2
    assert error_mV.max() < 2.0


def test_the_network_rests_at_physical_voltages(model: WormModel) -> None:
    v_mV = _somata_mV(network.network_of(model), [(2500.0, np.zeros(NEURONS))])
    assert -80.0 < v_mV[-1].min() < v_mV[-1].max() < -10.0
    assert np.ptp(v_mV[-40:], axis=0).max() < 1.0


def test_all_somata_stay_physical_while_sensory_cells_are_driven() -> None:
    """The worm that crawls, with 10 pA out of and into every sensory cell: more than any demo stimulus."""
    model = published_model()
    sensory = np.array([kind == "sensory" for kind in model.kind[:NEURONS]])
    steps = [
        (500.0, np.zeros(NEURONS)), (500.0, np.where(sensory, -0.01, 0.0)), (500.0, np.where(sensory, 0.01, 0.0)),
    ]  # fmt: skip
    v_mV = _somata_mV(network.network_of(model), steps)
    assert v_mV.min() > -100.0
    assert v_mV.max() < 60.0
    assert np.ptp(v_mV, axis=0)[:NEURONS][sensory].min() > 5.0  # they are driven
