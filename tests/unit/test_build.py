"""Generated modules: one file for one text and one version of the kernels."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from neurosim.engine import build
from neurosim.errors import SimulationError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("NEUROSIM_CACHE_DIR", str(tmp_path / "cache"))
    before = set(sys.modules)
    yield tmp_path / "cache"
    for name in set(sys.modules) - before:
        if name.startswith("neurosim_generated_"):
            del sys.modules[name]


def test_a_text_is_written_once_and_imported_once(folder: Path) -> None:
    first = build.load_module("once", "value = object()")
    assert build.load_module("once", "value = object()") is first
    (path,) = folder.glob("*.py")
    assert path.read_text() == "value = object()"
    assert Path(str(first.__file__)) == path


def test_another_text_name_or_version_of_the_kernels_is_another_module(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.load_module("a", "x = 1")
    build.load_module("a", "x = 2")
    build.load_module("b", "x = 1")
    monkeypatch.setattr(build, "_support_digest", lambda: "newer kernels")
    build.load_module("a", "x = 1")
    assert len(list(folder.glob("*.py"))) == 4


def test_the_digest_of_the_kernels_covers_every_file_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from neurosim import kernels

    def digest() -> str:
        build._support_digest.cache_clear()
        return build._support_digest()

    here = digest()
    copy = tmp_path / "kernels"
    copy.mkdir()
    for path in Path(kernels.__path__[0]).glob("*.py"):
        (copy / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(kernels, "__path__", [str(copy)])
    assert digest() == here
    seen = {here}
    for path in sorted(copy.glob("*.py")):
        path.write_text(path.read_text() + "\n# changed\n")
        seen.add(digest())
    assert len(seen) == 1 + len(list(copy.glob("*.py")))
    build._support_digest.cache_clear()


def test_the_loop_over_steps_is_compiled_in_the_cache_folder(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Numba would keep it beside the package and not see that the sweeps it inlines have changed.
    monkeypatch.setattr(build, "_support_digest", lambda: "not loaded yet")
    loop = build.compiled("neurosim.engine.driver")
    assert Path(str(loop.__file__)).parent == folder
    assert loop.advance_range.py_func.__code__.co_filename == loop.__file__


def test_a_constant_of_a_compiled_module_can_be_another(folder: Path) -> None:
    assert build.compiled("neurosim.engine.driver").HAS_EVENTS is True
    assert build.compiled("neurosim.engine.driver", {"HAS_EVENTS": False}).HAS_EVENTS is False


def test_a_name_becomes_a_file_name(folder: Path) -> None:
    module = build.load_module("../Kv2.1/π " + "x" * 100, "y = 3")
    assert module.y == 3
    (path,) = folder.glob("*.py")
    assert len(path.name) < 90


def test_a_text_that_fails_leaves_no_module_behind(folder: Path) -> None:
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            build.load_module("broken", "x = 1 / 0")
    assert not [name for name in sys.modules if "broken" in name]


def test_no_temporary_file_is_left_when_the_disk_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(SimulationError, match="No space left on device; free space"):
        build.load_module("full", "x = 1")
    assert list(folder.iterdir()) == []


def test_the_folder_is_the_users_cache_without_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEUROSIM_CACHE_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert build.cache_folder() == tmp_path / "neurosim"
    assert (tmp_path / "neurosim").is_dir()
