"""``neurosim mech``: what it prints and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.cli import main

GOOD = (
    "NEURON { SUFFIX leak NONSPECIFIC_CURRENT i RANGE g }\nPARAMETER { g = 1e-4 (S/cm2) }\n"
    "BREAKPOINT { i = g*(v + 70) }\n"
)


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "leak.mod"
    path.write_text(GOOD)
    return str(path)


@pytest.fixture
def bad(tmp_path: Path) -> str:
    path = tmp_path / "bad.mod"
    path.write_text(GOOD.replace("g*(", "gg*("))
    return str(path)


def test_a_file_is_shown(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mech", good]) == 0
    assert "i = g*(v + 70)" in capsys.readouterr().out


def test_a_mechanism_of_the_library_is_shown_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mech", "pas"]) == 0
    assert "i = g*(v - e)" in capsys.readouterr().out


def test_generated_source_is_printed(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mech", "--source", good]) == 0
    out = capsys.readouterr().out
    assert "def current(" in out
    compile(out, "source", "exec")


def test_nmodl_is_printed(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mech", "--nmodl", good]) == 0
    assert "SUFFIX leak" in capsys.readouterr().out


def test_one_wrong_file_does_not_hide_the_others(good: str, bad: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mech", "--quiet", bad, good]) == 2
    said = capsys.readouterr()
    assert "bad.mod line 3: undefined name 'gg'; did you mean g?" in said.err
    assert "leak: 1 parameters, 0 states" in said.out


def test_an_unknown_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mech", "nats"]) == 2
    assert "did you mean NaTs" in capsys.readouterr().err


def test_generated_source_holds_the_event_programs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "fire.mod"
    path.write_text(
        "NEURON { POINT_PROCESS fire }\nASSIGNED { v }\n"
        "NET_RECEIVE(w, a) { INITIAL { a = 1 } WATCH (v > w0()) 2 FOR_NETCONS (x, y) { x = y } net_event(t) }\n"
        "FUNCTION w0() { w0 = 3 }\n"
    )
    assert main(["mech", "--source", str(path)]) == 0
    out = capsys.readouterr().out
    assert [n for n in ("receive", "connect", "watch", "netcons0") if f"def {n}(" not in out] == []
    compile(out, "source", "exec")
