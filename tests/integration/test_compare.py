"""The comparison of a .mod file with NEURON: `neurosim mech --against-neuron`."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from neurosim.errors import MechanismError, MissingExtraError
from neurosim.mechanisms import compare, library, loads, protocols
from neurosim.mechanisms.protocols import Run

MODS = Path(__file__).resolve().parents[1] / "data" / "mods"
POOL_READER = """
    NEURON { SUFFIX reader USEION ca READ cai, ica USEION k READ ek, ko WRITE ik RANGE gbar, x }
    PARAMETER { gbar = 0 (S/cm2) }
    ASSIGNED { v cai ica ek ko ik x }
    BREAKPOINT { x = cai*ica*ko  ik = gbar*(v - ek) }
    """


@pytest.fixture(scope="module")
def neuron() -> None:
    pytest.importorskip("neuron")
    try:
        compare.nrnivmodl()
    except MissingExtraError as error:
        pytest.skip(str(error))


def test_a_good_file_is_within_the_tolerance_and_a_bent_one_is_not(neuron: None, tmp_path: Path) -> None:
    text = (MODS / "ghk_table.mod").read_text(encoding="utf-8")
    mech = loads(text)
    folder = tmp_path / "built"
    good = compare.compare_mechanism(mech, text, folder)
    assert good.worst <= compare.TOLERANCE
    assert {r.column for r in good.rows} >= {"v", "ica", "cai", "cao", "ghk_table.o"}
    assert good.still == ()

    # The same NEURON build against a neurosim that ignores the tables.
    runs = protocols.standard_runs(mech)
    bent = compare.judge(
        mech.name, mech.variant(tables=False), protocols.drivers(mech), runs, compare.in_neuron(runs, folder)
    )
    assert 1e-6 < bent.worst < 1.0


def test_the_command_prints_a_table_and_its_exit_code_tells(neuron: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main("pas") == 0
    out = capsys.readouterr().out
    assert "pas.i" in out
    assert "clamp" in out
    assert "within 1e-09" in out


def test_the_exit_code_is_that_of_the_worst_file(monkeypatch: pytest.MonkeyPatch) -> None:
    outcomes = {
        "good": compare.Report("good", (compare.Row("clamp", "v", 1e-12, 1.0, 1.0),)),
        "far": compare.Report("far", (compare.Row("clamp", "v", 1e-8, 1.0, 1.0),)),
        "lost": compare.Report("lost", (compare.Row("clamp", "v", math.inf, 1.0, 1.0),)),
        "skipped": compare.Report("skipped", skipped="no membrane"),
    }
    monkeypatch.setattr(compare, "report", lambda path, **options: outcomes[path])
    assert compare.main("good") == 0
    assert compare.main(["good", "far"]) == 1
    assert compare.main("far", tolerance=1e-7) == 0
    assert compare.main(["lost", "good"]) == 1
    assert compare.main(["far", "skipped", "good"]) == 2


def test_a_synapse_is_not_compared_and_the_reason_is_printed(neuron: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare.main(MODS / "nmda.mod") == 2
    assert "NET_RECEIVE needs events" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("NEURON { ARTIFICIAL_CELL a }\nNET_RECEIVE(w) { }", "no membrane"),
        ("NEURON { SUFFIX s POINTER p }\nASSIGNED { p q }\nINITIAL { q = p }", "the POINTER p needs another cell"),
        ("NEURON { SUFFIX s }\nASSIGNED { q }\nINITIAL { q = exprand(2) }", "random numbers depend on a stream"),
        ("NEURON { SUFFIX s }\nASSIGNED { q }\nINITIAL { q = 2 }", "^$"),
    ],
)
def test_what_the_protocols_cannot_drive_is_skipped_with_a_reason(text: str, reason: str) -> None:
    assert re.search(reason, compare.why_not(loads(text)))


def test_a_refused_file_is_reported_with_its_line(
    neuron: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.mod"
    path.write_text("NEURON { SUFFIX bad RANGE a }\nASSIGNED { a v }\nBREAKPOINT {\n a = b\n}\n", encoding="utf-8")
    assert compare.main(path) == 2
    assert "bad.mod line 4" in capsys.readouterr().err


def test_what_neuron_cannot_build_is_said_in_its_words(neuron: None, tmp_path: Path) -> None:
    with pytest.raises(MechanismError, match=r"NEURON cannot build broken: .*line"):
        compare.build({"broken": "NEURON { SUFFIX broken RANGE }\nBREAKPOINT { a = }"}, tmp_path / "x")


def test_without_neuron_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r'NEURON: pip install "neurosim\[bench\]"'):
        compare.main("pas")


def test_without_a_compiler_it_is_named(monkeypatch: pytest.MonkeyPatch, neuron: None) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(MissingExtraError, match="C\\+\\+ compiler"):
        compare.main("pas")


def test_an_unknown_parameter_is_an_error_before_anything_is_built() -> None:
    with pytest.raises(MechanismError, match=r"gnabra.*did you mean gnabar"):
        compare.report("hh", parameters={"gnabra": 1.0})


# --- without NEURON ---------------------------------------------------------------------------------------------------


def test_drivers_move_what_is_read_and_not_written() -> None:
    assert set(protocols.drivers(loads(POOL_READER))) == {"drive_clamp", "drive_cai", "drive_ca_i", "drive_ko"}
    assert set(protocols.drivers(library.get("CaDynamics"))) == {"drive_clamp", "drive_ca_i"}
    assert set(protocols.drivers(library.get("pas"))) == {"drive_clamp"}


def test_a_conductance_of_zero_is_raised_and_a_given_value_kept() -> None:
    mech = loads(POOL_READER)
    assert protocols.lively(mech) == {"gbar": 1e-3}
    assert protocols.standard_runs(mech, {"gbar": 0.5})[0].insert[0] == ("reader", {"gbar": 0.5})


def test_names_that_neuron_has_are_changed_in_record_and_text() -> None:
    mech, text = compare.rename(library.get("hh"), "NEURON {\n SUFFIX  hh\n} : hh")
    assert (mech.name, text) == ("filehh", "NEURON {\n SUFFIX  filehh\n} : hh")
    assert compare.rename(library.get("Ih"), "SUFFIX Ih") == (library.get("Ih"), "SUFFIX Ih")


def test_the_error_is_relative_to_the_magnitude_up_to_the_first_value_that_is_not_finite() -> None:
    theirs = {"v": np.array([1.0, -4.0, 2.0, math.nan, 0.0]), "w": np.zeros(5)}
    row = compare.difference("clamp", "v", {"v": np.array([1.0, -4.0, 2.2, 9.0, 9.0])}, theirs)
    assert (row.magnitude, row.span) == (4.0, 6.0)
    assert math.isclose(row.error, 0.05)
    assert compare.difference("clamp", "w", {"w": np.full(5, 1e-3)}, theirs).error == 1e-3
    assert compare.difference("clamp", "v", {"v": np.full(5, math.nan)}, theirs).error == math.inf
    assert compare.difference("clamp", "v", None, theirs).error == math.inf


def test_a_variable_that_never_moves_is_named() -> None:
    rows = (
        compare.Row("clamp", "ek", 0.0, 77.0, 0.0),
        compare.Row("clamp", "v", 0.0, 65.0, 0.0),
        compare.Row("spikes", "v", 0.0, 65.0, 100.0),
    )
    assert compare.Report("x", rows).still == ("ek",)
    assert "ek" in compare.table(compare.Report("x", rows))


def test_a_run_survives_its_way_to_neurons_process() -> None:
    run = Run("a", insert=(("hh", {"el": -50.0}),), record=("v", "hh.m"), ions={"ek": -90.0})
    assert json.loads(json.dumps(asdict(run)))["insert"] == [["hh", {"el": -50.0}]]


def test_ion_values_of_a_run_reach_the_cell() -> None:
    run = Run("a", insert=(("leak_k", {}), ("pas", {})), record=("v", "ek", "ik"), steps=4, ions={"ek": -90.0})
    found = protocols.perform(run, {})
    assert found["ek"].tolist() == [-90.0] * 5
    assert found["ik"][0] == pytest.approx(1e-5 * 25.0)
    assert protocols.perform(replace(run, ions={}), {})["ek"][0] == -77.0
