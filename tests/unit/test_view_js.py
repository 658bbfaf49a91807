"""The tests of the page's modules that need no browser, run by node."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1] / "js" / "view.test.mjs"


def test_the_modules_of_the_3d_view_pass_their_tests_in_node() -> None:
    program = shutil.which("node")
    if program is None:
        pytest.skip("no program named node")
    done = subprocess.run([program, "--test", str(TESTS)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
    assert "# fail 0" in done.stdout
