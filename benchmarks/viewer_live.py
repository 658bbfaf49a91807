"""What watching costs: a network of 1,000 branching cells, unwatched and watched by three clients, slice by slice.

Clients are WebSocket connections of another process that look at everything: they send a view, subscribe to spikes,
node activity and the voltage of as many cells as a client gets, acknowledge each frame, and ask for spikes and rates
three times a second, as the page does. One more client can connect and never read (``--stalled``). Spikes of all runs
must be the same, bit for bit.

    python benchmarks/viewer_live.py [--slices 100] [--slice-ms 20] [--stalled]
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
from common import commit

CLIENTS_N = 3
CELLS_N = 1000


def simulation() -> Any:
    """Return the demonstration's patch, ready to run."""
    import neurosim as ns
    from neurosim.models.demo.patch import build_patch, parameters

    run = parameters()["run"]
    return ns.Simulation(
        build_patch(CELLS_N, seed=1, tstop_ms=run["tstop_ms"]),
        dt_ms=run["dt_ms"],
        celsius_degC=run["celsius_degC"],
        v_init_mV=run["v_init_mV"],
    )


def watched(sim: Any, kinds: list[str]) -> tuple[Any, list[subprocess.Popen[str]]]:
    """Publish a simulation and let clients of these kinds (``"reads"``, ``"stalls"``) connect."""
    show = sim.publish(open_browser=False)
    command = [sys.executable, str(Path(__file__).resolve()), "--client"]
    clients = [subprocess.Popen([*command, kind, show.url], stdout=subprocess.PIPE, text=True) for kind in kinds]
    time.sleep(4.0)
    return show, clients


def seconds(sim: Any, until_ms: float) -> tuple[float, float]:
    """Go on to a time; return wall time, and CPU time of this thread."""
    wall, thread = time.perf_counter(), time.thread_time()
    sim.run(until_ms=until_ms, progress=False)
    return time.perf_counter() - wall, time.thread_time() - thread


def compare(slices_n: int, slice_ms: float, kinds: list[str]) -> dict[str, Any]:
    """Run two equal simulations in turn, a slice of time each, one of them watched; return times and what was seen.

    The host of a virtual machine has other guests: what is compared must run within the same second.
    """
    plain, seen = simulation(), simulation()
    for sim in (plain, seen):
        sim.run(until_ms=1.0, progress=False)
    show, clients = watched(seen, kinds)
    before_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    times = {"unwatched": [], "watched": []}
    for k in range(slices_n):
        until_ms = 1.0 + (k + 1) * slice_ms
        pairs = [("unwatched", plain), ("watched", seen)]
        for name, sim in pairs if k % 2 else reversed(pairs):
            times[name].append(seconds(sim, until_ms))
    peak_MB = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    time.sleep(1.0)
    show.close()
    stalled = [c for c, kind in zip(clients, kinds, strict=True) if kind == "stalls"]
    for process in stalled:
        process.kill()
    told = [json.loads(c.communicate(timeout=60)[0] or "{}") for c in clients]
    wall, cpu = ({name: np.array(found)[:, i] for name, found in times.items()} for i in (0, 1))
    return {
        "slices_n": slices_n, "slice_ms": slice_ms, "clients": told, "spikes": len(plain.spikes),
        "same_spikes": plain.spikes.times_ms.tobytes() == seen.spikes.times_ms.tobytes()
        and plain.spikes.gids.tobytes() == seen.spikes.gids.tobytes(),
        "wall_s": {name: float(found.sum()) for name, found in wall.items()},
        "slower_median": float(np.median(wall["watched"] / wall["unwatched"]) - 1.0),
        "slower_total": float(wall["watched"].sum() / wall["unwatched"].sum() - 1.0),
        "slower_cpu_median": float(np.median(cpu["watched"] / cpu["unwatched"]) - 1.0),
        "grown_MB": peak_MB - before_MB,
    }  # fmt: skip


def client(kind: str, url: str) -> None:
    """Watch until the server goes; print what was seen."""
    from websockets.exceptions import ConnectionClosed
    from websockets.sync.client import connect

    from neurosim.viewer import wire

    base, token = url.split("/?token=")
    headers = {"Authorization": f"token {token}"}
    stream = base.replace("http://", "ws://") + "/ws/v1/stream"
    seen = {"frames": 0, "bytes": 0, "voltage_frames": 0, "polls": 0}

    def get(path: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(base + path, headers=headers), timeout=10) as answer:
            return bytes(answer.read())

    scene = json.loads(get("/api/scene"))
    low, high = (np.array(corner) for corner in scene["box_um"])
    over = threading.Event()

    def poll() -> None:
        while not over.wait(0.33):
            try:
                get("/api/spikes?start_ms=0&stop_ms=1e9&limit=20000")
                get("/api/rates?start_ms=0&stop_ms=1e9&bins=200")
                seen["polls"] += 1
            except OSError:
                return

    with connect(stream, additional_headers=headers, origin=base, subprotocols=[wire.PROTOCOL], max_size=None) as ws:
        ws.send(json.dumps({"type": "hello", "version": 1}))
        eye = [*((low + high) / 2)[:2].tolist(), float(high[2] + 2 * (high - low).max())]
        view = {"type": "view", "tag": 1, "eye": eye, "look": [0, 0, -1], "up": [0, 1, 0], "fov_deg": 45.0}
        ws.send(json.dumps({**view, "aspect": 1.6, "height_px": 900, "budget": 1_000_000, "detail": "auto"}))
        ranks = list(range(scene["n"]))
        ws.send(json.dumps({"type": "sub", "tag": 1, "spikes": True, "nodes": True, "voltage": ranks}))
        if kind == "stalls":
            time.sleep(600.0)
            return
        threading.Thread(target=poll, daemon=True).start()
        try:
            for message in ws:
                if isinstance(message, bytes):
                    frame = wire.decode(message)
                    seen["frames"] += 1
                    seen["bytes"] += len(message)
                    seen["voltage_frames"] += frame.kind == wire.VOLTAGE
                    ws.send(json.dumps({"type": "ack", "seq": frame.seq}))
        except ConnectionClosed:
            pass
    over.set()
    print(json.dumps(seen))


def main() -> None:
    """Run the rounds and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--slices", type=int, default=100)
    parser.add_argument("--slice-ms", type=float, default=20.0)
    parser.add_argument("--stalled", action="store_true", help="one more client that never reads")
    parser.add_argument("--client", nargs=2, metavar=("KIND", "URL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        client(*args.client)
        return
    simulation().run(until_ms=5.0, progress=False)  # compiles
    found = compare(args.slices, args.slice_ms, ["reads"] * CLIENTS_N + ["stalls"] * args.stalled)
    facts = {"machine": platform.platform(), "processor": platform.processor(), "cores": os.cpu_count()}
    print(json.dumps({"case": "viewer_live", "commit": commit(), **facts, **found}))


if __name__ == "__main__":
    main()
