"""Which backend draws, and what is said when none can."""

from __future__ import annotations

import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from neurosim.errors import MissingExtraError
from neurosim.viewer.gl import backend
from neurosim.viewer.gl.backend import NoGraphicsError, offscreen_application, window_application
from neurosim.viewer.gl.worker import on_gl_thread
from tests.gl_canvas import needs_gl


def without_display(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")


def test_a_window_without_a_display_is_refused_before_any_backend_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    without_display(monkeypatch)
    tried: list[str] = []
    monkeypatch.setattr(backend, "need_vispy", lambda what: SimpleNamespace(Application=tried.append))
    with pytest.raises(NoGraphicsError, match="DISPLAY"):
        window_application()
    assert tried == []


def test_a_window_without_glfw_and_qt_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISPLAY", ":7")
    monkeypatch.setattr(backend, "WINDOWS", ("none_such",))
    with pytest.raises(MissingExtraError, match=r"neurosim\[desktop\]"):
        window_application()


def test_without_vispy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vispy.app", None)
    with pytest.raises(MissingExtraError, match=r"VisPy.*neurosim\[viewer\]"):
        offscreen_application()


def test_without_egl_and_osmesa_it_names_the_packages_and_the_reasons(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(app: Any) -> Any:
        raise RuntimeError("no such device")

    monkeypatch.setattr(backend, "_egl", fails)
    monkeypatch.setattr(backend, "find_library", lambda name: None)
    monkeypatch.delenv("OSMESA_LIBRARY", raising=False)
    with pytest.raises(NoGraphicsError, match=r"no such device.*OSMesa.*libegl-mesa0.*libosmesa6"):
        offscreen_application()


def test_osmesa_draws_where_there_is_no_egl(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(backend, "need_vispy", lambda what: SimpleNamespace(Application=made.append))
    monkeypatch.setattr(backend, "_egl", lambda app: (_ for _ in ()).throw(RuntimeError("none")))
    monkeypatch.setattr(backend, "find_library", lambda name: "libOSMesa.so.8")
    monkeypatch.setattr(
        backend,
        "import_module",
        lambda name: SimpleNamespace(fix_osmesa_gl_lib=lambda: made.append(os.environ["OSMESA_LIBRARY"])),
    )
    monkeypatch.delenv("OSMESA_LIBRARY", raising=False)
    offscreen_application()
    assert made == ["libOSMesa.so.8", "osmesa"]


@pytest.mark.parametrize(
    ("environment", "seen"),
    [({}, "surfaceless"), ({"DISPLAY": ":7"}, None), ({"EGL_PLATFORM": "device"}, "device")],
)
def test_surfaceless_is_chosen_only_without_a_display_and_not_left_behind(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], seen: str | None
) -> None:
    without_display(monkeypatch)
    monkeypatch.delenv("EGL_PLATFORM", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with backend._surfaceless():
        assert os.environ.get("EGL_PLATFORM") == seen
    assert os.environ.get("EGL_PLATFORM") == environment.get("EGL_PLATFORM")


def test_importing_the_drawing_modules_imports_no_vispy() -> None:
    names = "backend camera drawing movie painter picture pilot still view_state window worker notebook overlay"
    lines = "".join(f"import neurosim.viewer.gl.{name}\n" for name in names.split())
    check = f"{lines}import sys\nprint(sorted(m for m in sys.modules if m.split('.')[0] in ('vispy', 'PIL', 'av')))"
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@needs_gl
def test_a_mistake_in_the_drawing_thread_reaches_the_caller_and_the_thread_goes_on() -> None:
    def wrong() -> None:
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        on_gl_thread(wrong)
    assert on_gl_thread(lambda: on_gl_thread(lambda: 3)) == 3
