"""``neurosim view`` as a user types it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from websockets.sync.client import connect

from neurosim import cli
from tests.viewer_server import (
    PATIENCE_s,
    end_of,
    hello,
    showing,
)


def view(*words: str, **env: str) -> subprocess.Popen[str]:
    clean = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    command = [sys.executable, "-m", "neurosim", "view", *words]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, text=True, env={**clean, **env}, stdout=pipe, stderr=pipe)


def test_view_wants_something_to_view(tmp_path: Path) -> None:
    done = view(str(tmp_path / "nowhere"))
    assert "nowhere" in done.communicate(timeout=60)[1]
    assert done.returncode == 2


@pytest.mark.parametrize("address", ["ftp://127.0.0.1/", "file:///etc/passwd", "javascript://x", "http://"])
def test_view_opens_web_addresses_only(address: str) -> None:
    done = view(address)
    assert "begin with http://" in done.communicate(timeout=60)[1]
    assert done.returncode == 2


def test_view_of_a_server_says_whether_it_answers() -> None:
    with showing() as show:
        there = view(show.url, "--no-browser")
        assert there.communicate(timeout=60) == (f"{show.url}\n", "")
        assert there.returncode == 0
    gone = view(show.url, "--no-browser")
    out = gone.communicate(timeout=60)[1]
    assert "nothing answers there" in out
    assert show.token not in out
    assert gone.returncode == 2


@pytest.fixture
def spikes(tmp_path: Path) -> Path:
    """Return a file of three spikes."""
    with h5py.File(tmp_path / "spikes.h5", "w") as file:
        group = file.create_group("spikes/cells")
        group["node_ids"] = np.array([0, 1, 2], np.uint64)
        group["timestamps"] = np.array([1.0, 2.0, 3.0])
        group["timestamps"].attrs["units"] = "ms"
    return tmp_path / "spikes.h5"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_view_serves_until_it_is_told_and_ends_with_an_open_socket(number: int, spikes: Path) -> None:
    serving = view(str(spikes), "--quiet")
    try:
        assert serving.stdout is not None
        address, token = re.fullmatch(r"(http://127\.0\.0\.1:\d+/)\?token=(\S+)\n", serving.stdout.readline()).groups()  # type: ignore[union-attr]
        where = {"uri": f"{address.replace('http', 'ws')}ws/v1/stream", "origin": address.rstrip("/")}
        key = {"Authorization": f"token {token}"}
        with connect(**where, additional_headers=key, subprotocols=["nv1"], proxy=None) as ws:
            assert hello(ws)["version"] == 1
            with socket.create_connection(("127.0.0.1", int(address.split(":")[2][:-1])), PATIENCE_s) as tcp:
                tcp.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
                assert tcp.recv(100).startswith(b"HTTP/1.1 400")
            serving.send_signal(number)
            assert serving.wait(PATIENCE_s) == 0
            assert end_of(ws)[0] in (1001, 1012)
        assert serving.communicate(timeout=10) == ("", "")
    finally:
        serving.kill()
        serving.communicate()


def test_view_says_what_it_shows_and_how_it_ends(spikes: Path) -> None:
    serving = view(str(spikes))
    try:
        assert serving.stdout is not None
        lines = [serving.stdout.readline() for _ in range(3)]
        assert lines[0] == f"showing   {spikes}\n"
        assert re.fullmatch(r"watch     http://127\.0\.0\.1:\d+/\?token=\S{43}\n", lines[1])
        assert lines[2].startswith("Ctrl-C ends it.")
    finally:
        serving.terminate()
        assert serving.communicate(timeout=30)[1] == ""


def test_view_refuses_another_host_and_a_taken_port_in_one_line(
    spikes: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with showing() as show:
        port = str(show.server.port)
        for words, told in ((["--host", "0.0.0.0"], "--allow-remote"), (["--port", port], "cannot listen")):
            assert cli.main(["view", str(spikes), "--no-browser", *words]) == 2
            error = capsys.readouterr().err
            assert error.count("\n") == 1
            assert told in error


def test_a_browser_is_told_a_file_and_not_the_token(tmp_path: Path) -> None:
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/argv\ncp "${{1#file://}}" {tmp_path}/page.html\n')
    script.chmod(0o700)
    with showing() as show:
        done = view(show.url, BROWSER=f"{script} %s")
        assert done.communicate(timeout=60)[1] == ""
        assert show.token not in (tmp_path / "argv").read_text()
        assert show.url in (tmp_path / "page.html").read_text()
