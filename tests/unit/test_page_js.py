"""The page's own modules (queries, addresses, words, traces) tested by node; see tests/js/page.test.mjs."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

NODE = shutil.which("node")
TESTS = Path(__file__).resolve().parents[1] / "js" / "page.test.mjs"


@pytest.mark.skipif(NODE is None, reason="node is not installed")
def test_the_modules_of_the_page_pass_their_tests() -> None:
    done = subprocess.run([str(NODE), "--test", str(TESTS)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "# fail 0" in done.stdout
