"""Senses of the worm: adaptation, fold changes, ON and OFF, touches, going on from a state."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from neurosim.errors import ModelError
from neurosim.models.worm.environment import Environment, Exponential, Field, Uniform
from neurosim.models.worm.model import WormModel
from neurosim.models.worm.senses import CHEMOSENSORS, TOUCH_CELLS, Senses

NAMES = tuple(cell for sensor in CHEMOSENSORS for cell in sensor.cells) + tuple(
    cell for cells in TOUCH_CELLS.values() for cell in cells
)


def _model(names: tuple[str, ...] = NAMES) -> WormModel:
    return cast(WormModel, SimpleNamespace(names=names, number=names.index))


@dataclass
class Pose:
    points_mm: np.ndarray = field(default_factory=lambda: np.zeros((26, 3)))


@dataclass(frozen=True)
class Stepped(Field):
    """A concentration that is multiplied at one second."""

    before: float
    factor: float

    def values(self, x_mm: np.ndarray, y_mm: np.ndarray, t_ms: float) -> np.ndarray:
        return np.full(np.shape(x_mm), self.before * (self.factor if t_ms >= 1000.0 else 1.0))


def _currents(substance: str, world: Field, until_ms: float = 60e3) -> dict[str, np.ndarray]:
    senses, environment = Senses(None, _model()), Environment({substance: world})
    rows = [senses.current_nA(environment, Pose(), t_ms) for t_ms in np.arange(0.0, until_ms, 5.0).tolist()]
    return dict(zip(senses.names, np.array(rows).T, strict=True))


def test_a_constant_concentration_gives_no_current() -> None:
    for substance, value in (("salt", 50.0), ("odour", 3.0), ("temperature", 20.0)):
        assert all((np.abs(of_cell) == 0.0).all() for of_cell in _currents(substance, Uniform(value), 2e3).values())


@pytest.mark.parametrize(
    ("cell", "substance", "rises", "falls"),
    [
        ("ASEL", "salt", 1, 0),
        ("ASER", "salt", -1, 1),
        ("AWAL", "odour", 1, 0),
        ("AWCR", "odour", -1, 1),
        ("AFDL", "temperature", 1, -1),
    ],
)
def test_on_and_off_cells_answer_steps_with_their_signs_and_adapt(
    cell: str, substance: str, rises: int, falls: int
) -> None:
    change = 1.01 if substance == "temperature" else 1.5
    for factor, sign in ((change, rises), (1 / change, falls)):
        current_nA = _currents(substance, Stepped(24.0, factor))[cell]
        extreme = current_nA[np.argmax(np.abs(current_nA))]
        assert np.sign(extreme) == sign
        assert abs(current_nA[-1]) <= 0.05 * abs(extreme)


def test_the_same_fold_change_gives_the_same_answer_on_any_background() -> None:
    weak, strong = (_currents("odour", Stepped(before, 1.05))["AWAL"] for before in (10.0, 1000.0))
    assert weak == pytest.approx(strong, rel=2e-3, abs=1e-7)


def test_only_the_place_of_the_nose_matters() -> None:
    environment = Environment({"odour": Exponential(5.0, 1.0)})
    straight, curled = np.zeros((26, 3)), np.zeros((26, 3))
    curled[1:, 1] = 3.0
    answers = []
    for body in (straight, curled):
        senses, pose = Senses(None, _model()), Pose(body.copy())
        senses.current_nA(environment, pose, 0.0)
        pose.points_mm[:] = body
        pose.points_mm[0, 0] = 0.4
        answers.append(senses.current_nA(environment, pose, 100.0))
    assert np.array_equal(answers[0], answers[1]) and answers[0].any()


def test_pairs_get_the_same_but_for_ase() -> None:
    found = _currents("odour", Stepped(1.0, 2.0), 3e3)
    assert np.array_equal(found["AWAL"], found["AWAR"]) and np.array_equal(found["AWCL"], found["AWCR"])


@pytest.mark.parametrize(
    ("where", "felt"),
    [
        ("head", {"ALML", "ALMR", "AVM"}),
        ("tail", {"PLML", "PLMR", "PVM"}),
        ("harsh tail", {"PLML", "PLMR", "PVM", "PVDL", "PVDR"}),
        ("nose", {"FLPL", "FLPR", "ASHL", "ASHR"}),
    ],
)
def test_a_touch_reaches_its_receptor_cells_only_and_ends(where: str, felt: set[str]) -> None:
    senses, environment = Senses(None, _model()), Environment()
    environment.touch(where, 100.0)
    before, during, after = (senses.current_nA(environment, Pose(), t_ms) for t_ms in (99.0, 300.0, 5000.0))
    assert {name for name, nA in zip(senses.names, during, strict=True) if nA > 0.0} == felt
    assert not before.any() and after.max() < 1e-9


def test_a_stronger_touch_gives_more_current() -> None:
    peaks = []
    for strength in (0.1, 0.5, 1.0):
        senses, environment = Senses(None, _model()), Environment()
        environment.touch("head", 0.0, strength)
        peaks.append(senses.current_nA(environment, Pose(), 10.0).max())
    assert 0.0 < peaks[0] < peaks[1] < peaks[2] <= 0.02


def test_filters_do_not_depend_on_how_often_they_are_asked() -> None:
    environment = Environment({"salt": Stepped(40.0, 1.3)})
    answers = []
    for times in ((0.0, 1000.0, 4000.0), (0.0, 1000.0, 1700.0, 2900.0, 4000.0)):
        senses = Senses(None, _model())
        answers.append([senses.current_nA(environment, Pose(), t_ms) for t_ms in times][-1])
    assert answers[0] == pytest.approx(answers[1], rel=1e-12)


def test_going_on_from_a_state_is_bitwise_the_same() -> None:
    environment = Environment({"salt": Stepped(40.0, 1.3)})
    senses, other = Senses(None, _model()), Senses(None, _model())
    for t_ms in (0.0, 990.0, 1010.0):
        senses.current_nA(environment, Pose(), t_ms)
    other.set_state(senses.state())
    assert np.array_equal(senses.current_nA(environment, Pose(), 1500.0), other.current_nA(environment, Pose(), 1500.0))


def test_cells_the_model_does_not_have_get_nothing() -> None:
    senses = Senses(None, _model(("AVAL", "AWCR", "PLML")))
    assert senses.names == ("AWCR", "PLML") and senses.gids.tolist() == [1, 2]


def test_time_does_not_run_backwards() -> None:
    senses, environment = Senses(None, _model()), Environment()
    senses.current_nA(environment, Pose(), 10.0)
    with pytest.raises(ModelError, match="t_ms=5 is before the last call's 10"):
        senses.current_nA(environment, Pose(), 5.0)
