"""The progress bar."""

from __future__ import annotations

import io

import pytest

from neurosim.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_written_when_stderr_is_not_a_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    with Progress(10.0, label="run") as bar:
        bar.update(5.0)
    assert capfd.readouterr() == ("", "")


def test_a_terminal_sees_simulated_time_and_speed() -> None:
    screen = Terminal()
    with Progress(10.0, label="run", stream=screen) as bar:
        bar.update(4.0)
        bar.update(10.0)
    last = screen.getvalue().rstrip().split("\r")[-1]
    assert last.startswith("run 100%")
    assert "10/10 ms" in last
    assert "x real time" in last


def test_an_interrupted_run_shows_where_it_stopped() -> None:
    screen = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress(10.0, stream=screen) as bar:
        bar.update(3.0)
        raise KeyboardInterrupt
    assert "3/10 ms" in screen.getvalue().rstrip().split("\r")[-1]


def test_a_resumed_run_counts_speed_from_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.0, 2.0])
    monkeypatch.setattr("neurosim.progress.perf_counter", lambda: next(clock))
    with Progress(3000.0, start_ms=1000.0, enabled=False) as bar:
        bar.update(2000.0)
        assert bar.times_real_time == 0.5


def test_many_updates_draw_few_times() -> None:
    screen = Terminal()
    with Progress(1e5, stream=screen) as bar:
        for k in range(100_000):
            bar.update(float(k))
    assert screen.getvalue().count("\r") < 40
