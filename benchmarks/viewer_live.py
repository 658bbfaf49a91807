"""What watching costs: a network of 1,000 branching cells, run unwatched and watched by three clients, in turn.

Clients are WebSocket connections of another process that look at everything: they send a view, subscribe to spikes,
node activity and the voltage of as many cells as a client gets, acknowledge each frame, and ask for spikes and rates
three times a second, as the page does. One more client can connect and never read (``--stalled``). Spikes of all runs
must be the same, bit for bit.

    python benchmarks/viewer_live.py [--rounds 3] [--until-ms 200] [--stalled]
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


def timed(until_ms: float, clients: list[str]) -> dict[str, Any]:
    """Run once, watched by the clients named (``"reads"`` or ``"stalls"``); return times, spikes and what they saw."""
    sim = simulation()
    sim.build()
    sim.run(until_ms=1.0, progress=False)
    show, watchers = None, []
    if clients:
        show = sim.publish(open_browser=False)
        command = [sys.executable, str(Path(__file__).resolve()), "--client"]
        watchers = [subprocess.Popen([*command, kind, show.url], stdout=subprocess.PIPE, text=True) for kind in clients]
        time.sleep(4.0)
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun, thread = time.perf_counter(), time.thread_time()
    sim.run(until_ms=1.0 + until_ms, progress=False)
    wall_s, thread_s = time.perf_counter() - begun, time.thread_time() - thread
    after = resource.getrusage(resource.RUSAGE_SELF)
    out: dict[str, Any] = {
        "wall_s": wall_s,
        "run_cpu_s": thread_s,
        "cpu_s": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "peak_MB": after.ru_maxrss / 1024,
        "spikes": len(sim.spikes),
        "hash": hash((sim.spikes.times_ms.tobytes(), sim.spikes.gids.tobytes())),
    }
    if show is not None:
        time.sleep(1.0)
        show.close()
        out["clients"] = [json.loads(w.communicate(timeout=60)[0] or "{}") for w in watchers]
    return out


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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--until-ms", type=float, default=200.0)
    parser.add_argument("--stalled", action="store_true", help="one more client that never reads")
    parser.add_argument("--client", nargs=2, metavar=("KIND", "URL"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.client:
        client(*args.client)
        return
    watchers = ["reads"] * CLIENTS_N + ["stalls"] * args.stalled
    runs: dict[str, list[dict[str, Any]]] = {"unwatched": [], "watched": []}
    timed(5.0, [])  # compiles
    for _ in range(args.rounds):
        for name, clients in (("unwatched", []), ("watched", watchers)):
            runs[name].append(timed(args.until_ms, clients))
            print(name, json.dumps(runs[name][-1]), flush=True)
    same = len({run["hash"] for both in runs.values() for run in both}) == 1
    wall = {name: float(np.median([run["wall_s"] for run in both])) for name, both in runs.items()}
    best = {name: min(run["wall_s"] for run in both) for name, both in runs.items()}
    print(json.dumps({
        "case": "viewer_live", "commit": commit(), "machine": platform.platform(), "cores": os.cpu_count(),
        "until_ms": args.until_ms, "wall_s": wall,
        "slower_median": wall["watched"] / wall["unwatched"] - 1.0,
        "slower_best": best["watched"] / best["unwatched"] - 1.0, "same_spikes": same,
    }))  # fmt: skip


if __name__ == "__main__":
    main()
