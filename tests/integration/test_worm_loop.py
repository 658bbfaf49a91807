"""The closed loop: deterministic, interrupted without a trace, watched, ablated.

Kind of evidence: invariance and consistency of the whole; what the animal does is measured in docs/worm-report.md.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.errors import ModelError, SimulationError
from neurosim.models.worm.environment.environment import ODOUR, PLACES, Environment
from neurosim.models.worm.environment.field import Exponential
from neurosim.models.worm.loop import ClosedLoop, published_model
from neurosim.models.worm.model import NEURONS, WormModel

for package in ("c302", "cect", "wormneuroatlas"):
    pytest.importorskip(package, reason=f"{package} is not installed: pip install 'neurosim[worm]'")

SHORT_MS = 100.0


@pytest.fixture(scope="module")
def model() -> WormModel:
    return published_model()


def loop(model: WormModel, **options: Any) -> ClosedLoop:
    """The smallest detail: what is tested here does not depend on it."""
    environment = Environment({ODOUR: Exponential(10.0, 1.5, (2.0, 0.5))})
    return ClosedLoop(**{"model": model, "detail": "point", "seed": 5, "environment": environment, **options})


def same(one: ClosedLoop, two: ClosedLoop) -> bool:
    a, b = one.observation(), two.observation()
    return all(
        np.array_equal(getattr(a, name), getattr(b, name))
        for name in ("time_ms", "points_mm", "curvature_per_mm", "activation", "voltage_mV")
    )


@pytest.fixture(scope="module")
def straight(model: WormModel) -> ClosedLoop:
    """A run without a break."""
    whole = loop(model)
    whole.run(2 * SHORT_MS)
    return whole


def test_the_same_seed_gives_the_same_bits_with_one_thread_and_two(model: WormModel, straight: ClosedLoop) -> None:
    again = loop(model, threads=2)
    again.run(2 * SHORT_MS)
    assert same(straight, again)
    other = loop(model, seed=6)
    other.run(2 * SHORT_MS)
    assert not same(straight, other)


def test_a_run_that_is_kept_and_resumed_is_bitwise_the_same(
    model: WormModel, straight: ClosedLoop, tmp_path: Path
) -> None:
    first, second = loop(model), loop(model)
    first.run(SHORT_MS)
    first.save(tmp_path / "state.h5")
    second.resume(tmp_path / "state.h5")
    assert same(first, second) and [p.name for p in tmp_path.iterdir()] == ["state.h5"]
    second.run(SHORT_MS)
    assert same(straight, second)


def test_a_state_of_another_seed_is_refused(model: WormModel, straight: ClosedLoop, tmp_path: Path) -> None:
    straight.save(tmp_path / "state.h5")
    with pytest.raises(SimulationError, match="seed is 5 there and 7 here"):
        loop(model, seed=7).resume(tmp_path / "state.h5")


def test_reset_goes_back_to_the_beginning(model: WormModel, straight: ClosedLoop) -> None:
    used = loop(model)
    used.stimulate("AVAL", 0.02)
    used.ablate_now("AVBL")
    used.run(SHORT_MS)
    used.reset()
    assert used.time_ms == 0.0 and used.ablated == ()
    used.run(2 * SHORT_MS)
    assert same(straight, used)


def test_a_stimulus_reaches_its_cell_and_a_cell_that_is_not_there_is_refused(
    model: WormModel, straight: ClosedLoop
) -> None:
    driven = loop(model)
    driven.step({"AIYL": 0.005})
    driven.run(2 * SHORT_MS - driven.control_ms)
    cell = model.number("AIYL")
    assert driven.voltage_mV[cell] > straight.voltage_mV[cell] + 1.0
    with pytest.raises(ModelError, match="no cell 'AVXL'"):
        driven.stimulate("AVXL", 0.02)


def test_an_ablated_cell_hears_nothing_and_says_nothing(model: WormModel) -> None:
    before, live = loop(model, ablate=["AVAL"]), loop(model)
    live.ablate_now("AVAL")
    for one in (before, live):
        one.run(SHORT_MS)
    others = [k for k in range(NEURONS) if k != model.number("AVAL")]
    assert np.allclose(before.voltage_mV[others], live.voltage_mV[others], rtol=0.0, atol=1e-6)
    assert live.ablated == ("AVAL",)


def test_somata_stay_within_minus_100_and_60_mV_under_odour_and_every_touch(model: WormModel) -> None:
    felt = loop(model, detail="adaptive")
    seen: list[tuple[float, float]] = []
    felt.watchers.append(lambda now: seen.append((now.cell_voltage_mV.min(), now.cell_voltage_mV.max())))
    felt.run(1000.0)
    for where in PLACES:
        felt.touch(where)
        felt.run(400.0)
    lowest, highest = np.array(seen).T
    assert lowest.min() > -100.0 and highest.max() < 60.0
    assert highest.max() - lowest.min() > 50.0, "the animal is at work"


def test_a_cell_that_is_taken_out_after_a_resumed_run_leaves_the_others_out(model: WormModel, tmp_path: Path) -> None:
    first, second = loop(model), loop(model)
    for name in ("AVAL", "AVAR"):
        first.ablate_now(name)
        first.run(SHORT_MS / 2)
        if name == "AVAL":
            first.save(tmp_path / "state.h5")
    second.resume(tmp_path / "state.h5")
    second.ablate_now("AVAR")
    second.run(SHORT_MS / 2)
    assert second.ablated == ("AVAL", "AVAR") and same(first, second)


def test_a_page_can_be_opened_again_after_it_was_closed(model: WormModel) -> None:
    pytest.importorskip("uvicorn", reason="the viewer is not installed: pip install 'neurosim[viewer]'")
    shown = loop(model)
    for _ in range(2):
        show = shown.publish()
        with pytest.raises(ModelError, match="shown already"):
            shown.publish()
        shown.run(shown.control_ms)
        show.close()
        shown.simulation.broadcast().close()
        shown.run(shown.control_ms)
    assert len(shown.watchers) == 1


def test_a_watched_loop_shows_its_body_and_goes_the_same_way(model: WormModel, straight: ClosedLoop) -> None:
    pytest.importorskip("uvicorn", reason="the viewer is not installed: pip install 'neurosim[viewer]'")
    from neurosim.broadcast import Act, Place

    shown = loop(model)
    show = shown.publish()
    try:
        queue = shown.simulation.broadcast()
        shown.run(2 * SHORT_MS)
        assert same(straight, shown)
        (body,) = shown.scenery.world().bodies
        assert np.array_equal(body.points_mm, shown.body.points_mm.astype(np.float32))
        queue.ask(Act("touch", Place(-1), name="head"))
        queue.ask(Act("ablate", Place(model.number("AVAL"))))
        shown.run(shown.control_ms)
        assert [touch.where for touch in shown.environment.touches] == ["head"] and shown.ablated == ("AVAL",)
        assert [act.kind for act in shown.simulation.acts] == ["touch", "ablate"]
    finally:
        show.close()
