"""What ``neurosim run`` does when several processes were started together, and about checkpoints."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from neurosim.errors import NeurosimError
from neurosim.exchange import Exchange, SerialExchange

if TYPE_CHECKING:
    from neurosim.hpc.young import Pace
    from neurosim.simulation import Simulation
    from neurosim.sonata.circuit import Circuit
    from neurosim.sonata.session import Session

CHECKPOINTS = "checkpoints"
"""Folder of the checkpoints in that of the outputs."""
CUT = 85
"""Exit code of a run that was asked to stop and wrote a checkpoint: start it again with ``--resume``."""
AUTO = "auto"
WAYS = ("auto", "allgather", "neighbour", "two-level")


def add_options(parser: argparse.ArgumentParser) -> None:
    """Declare the options of several processes and of checkpoints."""
    ranks = parser.add_argument_group("several processes (mpiexec -n 4 neurosim run config.json)")
    ranks.add_argument("--exchange", choices=WAYS, default="auto", help="how spikes travel (default: what costs least)")
    ranks.add_argument("--no-overlap", action="store_true", help="wait for spikes instead of computing meanwhile")
    kept = parser.add_argument_group("checkpoints")
    kept.add_argument(
        "--checkpoint-every",
        type=_every,
        metavar="MS",
        help="write a checkpoint every so much simulated time; auto: as often as pays, by what one takes to write",
    )
    kept.add_argument(
        "--checkpoint-at-end",
        action="store_true",
        help="write one at the end too, and keep the files of ranks: --resume with a later --tstop-ms goes on",
    )
    kept.add_argument(
        "--resume", nargs="?", const="", metavar="DIR",
        help="go on from the newest checkpoint (in DIR; default: checkpoints in the folder of the outputs), with any "
        "number of processes; begin anew when there is none",
    )  # fmt: skip


def _every(text: str) -> float | str:
    if text == AUTO:
        return text
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0.0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; give a time above 0 ms, or {AUTO}")
    return number


def _wanted(args: argparse.Namespace) -> bool:
    """Return whether checkpoints were asked for."""
    return args.resume is not None or args.checkpoint_every is not None or args.checkpoint_at_end


def exchange_of(args: argparse.Namespace) -> Exchange:
    """Return the exchange of the processes that were started together; MPI is loaded for several only."""
    from neurosim.hpc.launcher import hinted, launched

    alone = (launched() or 1) == 1 and not hinted()
    if not alone or _wanted(args):
        _pass_signal_over()
    if alone:
        return SerialExchange()
    hpc = import_module("neurosim.hpc")
    exchange: Exchange = hpc.mpi_exchange(args.exchange, overlap=not args.no_overlap)
    return exchange


def _pass_signal_over() -> None:
    """Ignore SIGUSR1 but while the run listens to it.

    It must not end a process that still reads the circuit, nor one that is done: Python takes its own handlers off
    before it leaves, and a job that has written everything would seem to have failed.
    """
    if hasattr(signal, "SIGUSR1") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGUSR1, signal.SIG_IGN)


def failed(error: NeurosimError, exchange: Exchange) -> int:
    """Say what went wrong, once; end the others when they do not know. Return the exit code, or raise the error."""
    from neurosim.sonata.agreement import ElsewhereError, is_agreed

    if isinstance(error, ElsewhereError):
        return 2
    if exchange.alone:
        raise error
    if is_agreed(error):
        # All end by themselves, with their files closed.
        print(f"neurosim: rank {exchange.rank} of {exchange.size}: {error}", file=sys.stderr)
        return 2
    # The others wait for this process: whoever noticed that there are several ends them.
    sys.excepthook(type(error), error, error.__traceback__)
    return 2


class CheckpointKeeper:
    """Checkpoints of ``neurosim.hpc.checkpoint`` in a folder.

    Parameters
    ----------
    folder : Path
        Where they are written.
    exchange : Exchange
        The processes.
    every_ms : float, optional
        Simulated time between two.
    source : Path, optional
        Where the one to go on from is looked for; ``folder`` when omitted.
    pace : Pace, optional
        Says when one is due by the clock (``neurosim.hpc.young``).
    at_end : bool
        Write one at the end of the run.
    """

    def __init__(
        self,
        folder: Path,
        exchange: Exchange,
        every_ms: float | None = None,
        source: Path | None = None,
        *,
        pace: Pace | None = None,
        at_end: bool = False,
    ) -> None:
        self.folder, self.exchange, self.every_ms, self.source = folder, exchange, every_ms, source or folder
        self._pace, self.at_end = pace, at_end

    def due(self) -> bool:
        """Return whether one is due now, by the clock."""
        return self._pace is not None and self._pace.due()

    def write(self, sim: Simulation, extra: dict[str, Any]) -> Path:
        """Write the state of all processes, with some facts; return the folder."""
        from neurosim.hpc import checkpoint

        begun = time.monotonic()
        written = Path(checkpoint.write(self.folder, sim, extra=extra))
        if self._pace is not None:
            self._pace.wrote(time.monotonic() - begun)
        return written

    def load(self, sim: Simulation) -> dict[str, Any] | None:
        """Go on from the newest checkpoint and return its facts; None when there is none to go on from."""
        from neurosim.hpc import checkpoint

        newest = checkpoint.newest(self.source) if self.exchange.rank == 0 else None
        told = self.exchange.tell(str(newest or "").encode()).decode()
        if not told:
            return None
        facts: dict[str, Any] = checkpoint.load(Path(told), sim)
        return facts


def keeper_of(args: argparse.Namespace, circuit: Circuit) -> CheckpointKeeper | None:
    """Return who writes checkpoints; nobody in a run of one process that asks for none."""
    from neurosim.hpc.young import Pace

    if circuit.exchange.alone and not _wanted(args):
        return None
    source = Path(args.resume).absolute() if args.resume else None
    auto = args.checkpoint_every == AUTO
    return CheckpointKeeper(
        circuit.output_dir / CHECKPOINTS,
        circuit.exchange,
        None if auto else args.checkpoint_every,
        source,
        pace=Pace(circuit.exchange) if auto else None,
        at_end=args.checkpoint_at_end,
    )


def summary(circuit: Circuit, session: Session, spent_s: float) -> list[str]:
    """Return how the processes shared the work, in words; empty except in the first. Collective."""
    from neurosim.hpc.memory import footprint, resident_B

    share, exchange = circuit.share, circuit.exchange
    if share is None:
        return []
    held = footprint(session.sim.build())
    mine = {
        "load": float(share.costs_ns[share.own].sum()),
        "cells": int(share.own.sum()),
        "synapses": held.synapses_n,
        "synapse_B": held.wires,
        "resident_B": resident_B()[1],
        "waiting_s": float(getattr(getattr(exchange, "traffic", None), "calling_s", 0.0)),
    }
    every = [json.loads(text) for text in exchange.gather(json.dumps(mine).encode())]
    if not every:
        return []
    loads, mean = [one["load"] for one in every], sum(one["load"] for one in every) / len(every) or 1.0
    bytes_n, synapses_n = (sum(one[name] for one in every) for name in ("synapse_B", "synapses"))
    way = str(getattr(exchange, "way", "")) or "one process"
    lines = [
        f"  {exchange.size} processes: {_range(every, 'cells')} cells, load {min(loads) / mean:.3f} to "
        f"{max(loads) / mean:.3f} of the mean; spikes by {way}, "
        f"{_range(every, 'waiting_s', 1.0, 2)} of {spent_s:.2f} s in exchange and waiting",
        f"  memory of a process {_range(every, 'resident_B', 2.0**20)} MiB; {_range(every, 'synapses')} synapses"
        + (f", {bytes_n / synapses_n:.1f} B each" if synapses_n else ""),
    ]
    return lines


def _range(every: list[dict[str, float]], name: str, unit: float = 1.0, digits: int = 0) -> str:
    values = [one[name] / unit for one in every]
    low, high = (f"{value:.{digits}f}" for value in (min(values), max(values)))
    return low if low == high else f"{low} to {high}"
