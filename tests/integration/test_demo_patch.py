"""The demonstration's patch: its files, its activity, and the command that runs it, small."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.request import Request, urlopen

import h5py
import numpy as np
import pytest

import neurosim as ns
from neurosim.model.cell import Cell
from neurosim.model.point import SpikeTrain
from neurosim.models.demo.patch import BASKETS, INPUT, PYRAMIDS, build_patch, parameters, write_patch
from neurosim.sonata import read_network

CELLS_N, TSTOP_MS = 20, 60.0


def run_demo(folder: Path, *more: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run the command where nobody sits at a terminal."""
    words = ["demo", "--patch", "--output", str(folder), "--cells", str(CELLS_N), "--tstop-ms", f"{TSTOP_MS:g}", *more]
    command = [sys.executable, "-m", "neurosim", *words]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=280, env=env)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder of a finished small demonstration, and what it said."""
    folder = tmp_path_factory.mktemp("patch") / "here"
    done = run_demo(folder, "--no-view")
    assert done.stderr == "", "no bar and no warning when this is not a terminal"
    return folder, done.stdout


def spikes_of(folder: Path) -> list[tuple[str, int, float]]:
    with h5py.File(folder / "output/spikes.h5") as file:
        return [
            (name, node, time)
            for name in file["spikes"]
            for node, time in zip(
                file[f"spikes/{name}/node_ids"][:].tolist(), file[f"spikes/{name}/timestamps"][:].tolist(), strict=True
            )
        ]


def test_demo_without_a_page_ends_with_its_files(demo: tuple[Path, str]) -> None:
    folder, said = demo
    assert "watch" not in said
    for name in ("config.json", "output/spikes.h5", "output/soma_v.h5", "output/tree_v.h5", "demo.png"):
        assert str(folder / name) in said
        assert (folder / name).is_file()
    with h5py.File(folder / "output/soma_v.h5") as file:
        assert sum(len(file[f"report/{p}/mapping/node_ids"]) for p in (PYRAMIDS, BASKETS)) == CELLS_N
    assert len(spikes_of(folder)) > 0


def test_demo_with_a_page_ends_by_itself_where_nobody_sits(demo: tuple[Path, str], tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    done = run_demo(tmp_path / "d", "--no-plot")
    lines = done.stdout.splitlines()
    watch = next(k for k, line in enumerate(lines) if line.startswith("watch     http://127.0.0.1:"))
    running = next(k for k, line in enumerate(lines) if line.startswith("running"))
    assert watch < running, "the address comes before the run begins"
    assert spikes_of(tmp_path / "d") == spikes_of(demo[0]), "watched or not, the results are the same"


def test_demo_goes_on_without_a_page_when_the_server_is_missing(tmp_path: Path) -> None:
    blocker = tmp_path / "blocked" / "uvicorn"
    blocker.mkdir(parents=True)
    (blocker / "__init__.py").write_text("raise ImportError('blocked')\n")
    env = {**os.environ, "PYTHONPATH": str(tmp_path / "blocked")}
    done = run_demo(tmp_path / "d", "--no-plot", env=env)
    assert [line for line in done.stdout.splitlines() if line.startswith("no page: ") and "neurosim[viewer]" in line]
    assert (tmp_path / "d/output/spikes.h5").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="terminals of another kind")
def test_at_a_terminal_the_page_stays_with_a_replay_until_ctrl_c(tmp_path: Path) -> None:
    pytest.importorskip("uvicorn")
    import pty

    ours, theirs = pty.openpty()
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")}
    command = [sys.executable, "-m", "neurosim", "demo", "--patch", "--output", str(tmp_path / "d"), "--no-plot"]
    command += ["--cells", "5", "--tstop-ms", "20"]
    program = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True)
    os.close(theirs)
    said = ""
    try:
        while "until Ctrl-C" not in said:
            said += os.read(ours, 4096).decode(errors="replace")
        found = re.search(r"(http://127\.0\.0\.1:\d+/)\?token=([\w-]+)", said)
        assert found is not None, said
        asked = Request(found[1] + "api/scene", headers={"Authorization": f"token {found[2]}"})
        with urlopen(asked, timeout=60) as answer:
            scene = json.load(answer)
        assert (scene["live"], scene["n"], scene["stop_ms"]) == (False, 5, 20.0)
        program.send_signal(signal.SIGINT)
        assert program.wait(60) == 0
    finally:
        program.kill()
        program.wait()
        os.close(ours)


def test_the_same_seed_writes_the_same_files_and_another_does_not(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        write_patch(tmp_path / name, cells_n=CELLS_N, seed=seed, tstop_ms=TSTOP_MS)
    files = sorted(p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file())
    assert len(files) > 20
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    nodes = "network/pyramids_nodes.h5"
    assert (tmp_path / "a" / nodes).read_bytes() != (tmp_path / "c" / nodes).read_bytes()


def test_files_hold_places_turns_and_layers(demo: tuple[Path, str]) -> None:
    network = read_network(demo[0] / "config.json")
    twin = build_patch(CELLS_N, tstop_ms=TSTOP_MS)
    for name in (PYRAMIDS, BASKETS):
        read, built = network.populations[name], twin.populations[name]
        assert np.array_equal(np.asarray(read.positions_um), np.asarray(built.positions_um))
        for column in ("layer", "rotation_angle_yaxis"):
            assert read.attributes[column].tolist() == built.attributes[column].tolist()


def test_every_soma_lies_in_its_layer_and_twelve_trees_or_more_differ() -> None:
    net = build_patch(300, tstop_ms=1.0)
    within = {layer["name"]: (-layer["bottom_um"], -layer["top_um"]) for layer in parameters()["layer"]}
    for name in (PYRAMIDS, BASKETS):
        population = net.populations[name]
        places = np.asarray(population.positions_um)
        for y, layer in zip(places[:, 1], population.attributes["layer"], strict=True):
            low, high = within[str(layer)]
            assert low <= y <= high
    assert len({id(cell) for name in (PYRAMIDS, BASKETS) for cell in net.populations[name].cells}) >= 12


def test_a_thousand_cells_can_all_be_coloured_by_voltage() -> None:
    net = build_patch(1000, tstop_ms=1.0)
    nodes_n = sum(len(cell.tree) for cell in net.cells if isinstance(cell, Cell))
    assert 50_000 < nodes_n <= 100_000, "the limit of the stream"


def test_input_spikes_keep_their_mean_rate_and_vary() -> None:
    net = build_patch(10, tstop_ms=4000.0)
    times = [cell.times_ms for cell in net.populations[INPUT].cells if isinstance(cell, SpikeTrain)]
    rate_Hz = sum(map(len, times)) / len(times) / 4.0
    assert rate_Hz == pytest.approx(parameters()["drive"]["rate_Hz"], rel=0.25)
    counts = np.histogram(np.concatenate(times), np.arange(0.0, 4001.0, 40.0))[0]
    assert counts.var() > 3.0 * counts.mean(), "more than a steady Poisson process varies"


@pytest.mark.slow
def test_the_patch_is_neither_silent_nor_in_a_seizure() -> None:
    run, tstop_ms = parameters()["run"], 1000.0
    net = build_patch(1000, tstop_ms=tstop_ms)
    sim = ns.Simulation(net, dt_ms=run["dt_ms"], celsius_degC=run["celsius_degC"], v_init_mV=run["v_init_mV"])
    sim.detect(threshold_mV=run["spike_threshold_mV"])
    sim.run(until_ms=tstop_ms)
    gids, times = np.asarray(sim.spikes.gids, int), np.asarray(sim.spikes.times_ms)
    pyramids = net.populations[PYRAMIDS]
    own = (gids >= pyramids.first_gid) & (gids < pyramids.first_gid + len(pyramids))
    assert 2.0 < own.sum() / len(pyramids) / (1e-3 * tstop_ms) < 10.0
    counts = np.histogram(times[own], np.arange(100.0, tstop_ms + 1.0, 20.0))[0] / len(pyramids) / 0.02
    assert counts.max() < 30.0, "never more than about half of the cells within 20 ms"
    assert (counts < 0.5).mean() < 0.3, "silent for less than a third of the time"
    assert counts.max() > 3.0 * np.median(counts), "it waxes and wanes"
