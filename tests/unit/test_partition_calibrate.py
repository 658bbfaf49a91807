"""Times of this machine: measured once, kept, and used by name. How long anything takes is not looked at."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

from neurosim.engine.cost import Coefficients
from neurosim.hpc import calibrate

NAMES = {f.name for f in fields(Coefficients)} | {"compartment_ns", "event_ns", "lookup_ns"}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrate, "_STEPS", {"passive": 100, "channels": 20, "events": 40})
    monkeypatch.setattr(calibrate, "REPEATS", 2)


def test_all_times_are_measured_and_can_be() -> None:
    found = calibrate.measured()

    assert set(found) == NAMES
    assert all(np.isfinite(x) and x >= 0.0 for x in found.values())
    # A compartment with channels takes longer than one without.
    assert found["compartment_ns"] > found["node_ns"] > 0.0


@pytest.fixture
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(calibrate, "cache_folder", lambda: tmp_path)
    return tmp_path


def count_measuring(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    times: list[int] = []

    def measured() -> dict[str, float]:
        times.append(1)
        return {name: float(len(times)) for name in NAMES}

    monkeypatch.setattr(calibrate, "measured", measured)
    return times


def test_a_machine_is_measured_once(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    times = count_measuring(monkeypatch)

    assert calibrate.calibrated() == calibrate.calibrated()
    assert calibrate.coefficients() == Coefficients(**{f.name: 1.0 for f in fields(Coefficients)})
    assert len(times) == 1 and len(list(folder.iterdir())) == 1
    assert calibrate.calibrated(again=True)["node_ns"] == 2.0 == calibrate.calibrated()["node_ns"]


def test_another_processor_is_measured_anew(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    times = count_measuring(monkeypatch)
    calibrate.calibrated()

    monkeypatch.setattr(calibrate, "_processor", lambda: "another")
    calibrate.calibrated()

    assert len(times) == 2 and len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"node_ns": 1.0}', '{"node_ns": "fast"}'])
def test_a_file_that_is_none_of_ours_is_measured_again(
    monkeypatch: pytest.MonkeyPatch, folder: Path, text: str
) -> None:
    times = count_measuring(monkeypatch)
    calibrate.calibrated()
    next(folder.iterdir()).write_text(text)

    assert set(calibrate.calibrated()) == NAMES
    assert len(times) == 2
