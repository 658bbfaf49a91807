"""One process of ``equality.py``: run a model, or a part of a run, and print the hashes of spikes and final state.

Usage: mpiexec -n N python benchmarks/equality_rank.py MODEL FOLDER [--threads N] [--exchange KIND] [--stop-at MS]
[--go-on]. With ``--stop-at`` a checkpoint is written there, with ``--go-on`` the run continues from it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from equality_models import MODELS

from neurosim.engine.bygid import digest, merged
from neurosim.engine.state import state_of
from neurosim.hpc import checkpoint, mpi_exchange
from neurosim.lookout import Sight


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--exchange", default="allgather")
    parser.add_argument("--until", type=float)
    parser.add_argument("--stop-at", type=float)
    parser.add_argument("--go-on", action="store_true")
    args = parser.parse_args()
    exchange = mpi_exchange(args.exchange)
    make, stop_ms = MODELS[args.model]
    sim = make(exchange, args.threads, args.folder)
    kept, before = args.folder / "checkpoints", args.folder / "spikes.npz"
    if args.go_on:
        found = checkpoint.newest(kept)
        assert found is not None, f"no checkpoint in {kept}"
        checkpoint.load(found, sim)
    sim.run(until_ms=args.stop_at or args.until or stop_ms, progress=False)
    spikes = together(exchange, sim)
    if args.stop_at:
        checkpoint.write(kept, sim)
        if spikes is not None:
            np.savez(before, times=spikes[0], gids=spikes[1])
        return
    state = exchange.gather(packed(state_of(sim.build())))
    if spikes is None:
        return
    if args.go_on:
        with np.load(before) as first:
            spikes = np.concatenate([first["times"], spikes[0]]), np.concatenate([first["gids"], spikes[1]])
    sha = hashlib.sha256(spikes[0].tobytes() + spikes[1].tobytes()).hexdigest()
    whole = merged([unpacked(part) for part in state])
    print(json.dumps({"spikes_n": len(spikes[0]), "spikes": sha, "state": digest(whole)}), flush=True)


def together(exchange: Any, sim: Any) -> tuple[Any, Any] | None:
    """Return all spikes in process 0, in order of time, then of gid."""
    nothing = np.zeros(0, np.float32)
    gids, times = np.asarray(sim.spikes.gids, np.int64), np.asarray(sim.spikes.times_ms)
    parts = exchange.gather(Sight(gids, times, nothing, np.zeros(0), nothing.reshape(0, 0)).packed())
    if not parts:
        return None
    sights = [Sight.unpacked(part) for part in parts]
    gids, times = (np.concatenate([getattr(s, name) for s in sights]) for name in ("cells", "times_ms"))
    order = np.lexsort((gids, times))
    return times[order], gids[order]


def packed(arrays: dict[str, Any]) -> bytes:
    """Return arrays as bytes."""
    import io

    out = io.BytesIO()
    np.savez(out, **{name.replace("/", "|"): array for name, array in arrays.items()})
    return out.getvalue()


def unpacked(message: bytes) -> dict[str, Any]:
    """Return what ``packed`` packed."""
    import io

    with np.load(io.BytesIO(message), allow_pickle=False) as file:
        return {name.replace("|", "/"): file[name] for name in file.files}


if __name__ == "__main__":
    main()
