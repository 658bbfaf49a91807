"""The command line as a user types it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from neurosim import cli
from neurosim.errors import ModelError


def neurosim(*words: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "neurosim", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120)


def test_version_is_printed_without_loading_numerical_packages() -> None:
    code = (
        "import sys; sys.argv[1:] = ['--version']; import neurosim.cli as c\ntry: c.main()\nexcept SystemExit: pass\n"
    )
    code += "print(sorted({'numpy', 'numba', 'h5py'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == [f"neurosim {cli.neurosim_version()}", "[]"]


def test_help_lists_every_command() -> None:
    done = neurosim("--help")
    assert done.returncode == 0
    for name in cli.COMMANDS:
        assert f"\n    {name} " in done.stdout


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_explains_itself(command: str) -> None:
    done = neurosim(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: neurosim {command}" in done.stdout


@pytest.mark.parametrize("words", [[], ["no-such-command"], ["info", "--no-such-option"]])
def test_a_wrong_command_line_ends_with_2_and_the_usage(words: list[str]) -> None:
    done = neurosim(*words)
    assert done.returncode == 2
    assert "usage: neurosim" in done.stderr


@pytest.mark.parametrize("command", ["run", "check", "mech"])
def test_a_missing_file_is_one_line_that_names_it(command: str, tmp_path: Path) -> None:
    done = neurosim(command, tmp_path / "nowhere.file")
    assert done.returncode in (1, 2)
    assert "nowhere.file" in done.stderr + done.stdout
    assert "Traceback" not in done.stderr


def test_a_mistake_in_a_model_ends_with_2_and_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_: object) -> int:
        raise ModelError("parent comes after its child", path="cell.swc", line=3)

    monkeypatch.setattr("neurosim.cli.info.run", broken)
    assert cli.main(["info"]) == 2
    assert capsys.readouterr().err == "neurosim: cell.swc line 3: parent comes after its child\n"


def test_ctrl_c_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr("neurosim.cli.info.run", interrupted)
    assert cli.main(["info"]) == 130


def test_a_pipe_closed_by_its_reader_is_no_error() -> None:
    code = f"{sys.executable} -m neurosim info | true"
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stderr == ""


def test_info_is_readable_by_programs() -> None:
    found = json.loads(neurosim("info", "--json").stdout)
    assert found["neurosim"] == cli.neurosim_version()
    assert found["cores"] >= 1
