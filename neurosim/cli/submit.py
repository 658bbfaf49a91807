"""``neurosim submit``: write a readable job script for Slurm, for one run or many, and hand it in."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.hpc.job import Job

_EPILOG = """
One run goes to the folder of the outputs, many to folders 0000, 0001 … in it, with the table runs.csv. A job that is
cut off by its time writes a checkpoint and goes back to the queue until it is done. neurosim collect says how far it
is.

  neurosim submit config.json --nodes 8 --time 02:00:00
  neurosim submit config.json --time 30 --seeds 0-19 --set inputs.step.amp=0.1,0.2 --output sweep
"""


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the sub-command."""
    parser = subparsers.add_parser(
        "submit",
        help="write a job script for Slurm and hand it in",
        description="Write a job script for Slurm that runs a SONATA configuration on a cluster, and hand it in.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", type=Path, help="SONATA configuration, such as config.json")
    parser.add_argument("--output", type=Path, metavar="DIR", help="folder of the job instead of output.output_dir")
    parser.add_argument("--print", action="store_true", dest="only_print", help="print the script and do nothing")
    parser.add_argument("--test", action="store_true", help="ask Slurm when it could start, and do nothing")
    _add_size(parser.add_argument_group("size"))
    _add_place(parser.add_argument_group("cluster"))
    _add_going_on(parser.add_argument_group("going on after the limit"))
    _add_sweep(parser.add_argument_group("many runs"))


def _add_size(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--time", required=True, metavar="T", help="limit: 30 (minutes), 02:00:00, 1-12 (days-hours)")
    group.add_argument("--nodes", type=int, default=1, metavar="N", help="nodes (default 1)")
    group.add_argument("--tasks-per-node", type=int, default=1, metavar="N", help="processes on each (default 1)")
    group.add_argument(
        "--threads", "--cpus-per-task", type=int, default=1, metavar="N", help="threads of each process (default 1)"
    )
    group.add_argument("--mem", default="", metavar="M", help="memory of a node, such as 64G")


def _add_place(group: argparse._ArgumentGroup) -> None:
    for name in ("account", "partition", "qos"):
        group.add_argument(f"--{name}", default="", metavar="NAME", help=f"{name} of the job")
    group.add_argument("--job-name", default="", metavar="NAME", help="name (default: the configuration's)")
    group.add_argument("--module", action="append", default=[], metavar="NAME", help="module to load; repeat for more")
    group.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="variable to set; repeat")
    group.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="further option of sbatch: constraint=cpu"
    )
    group.add_argument(
        "--view", type=int, default=0, metavar="PORT", help="let the run be watched at this port of its first node"
    )
    group.add_argument("--launcher", default="srun", help="srun (default; MPICH, Cray, Intel) or mpiexec (Open MPI)")
    group.add_argument("--mpi", default="pmi2", metavar="WORD", help="what srun --mpi is (default pmi2)")


def _add_going_on(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--signal-before", type=int, default=120, metavar="S", help="write a checkpoint S s before the limit (120)"
    )
    group.add_argument(
        "--requeue", action=argparse.BooleanOptionalAction, default=True, help="then go back to the queue (default)"
    )
    group.add_argument("--restarts", type=int, default=100, metavar="N", help="at most so often (default 100)")
    group.add_argument(
        "--checkpoint-every", default="", metavar="MS", help="checkpoints in between, every so much model time, or auto"
    )


def _add_sweep(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--seeds", metavar="0-19", help="one run for each seed of the random numbers")
    group.add_argument(
        "--set", action="append", default=[], metavar="KEY=V1,V2",
        help="one run for each value of a key of the configuration, such as inputs.step.amp; repeat for combinations",
    )  # fmt: skip
    group.add_argument("--at-once", type=int, default=0, metavar="N", help="at most N of the runs at a time")


def run(args: argparse.Namespace) -> int:
    """Run the sub-command; return 0."""
    from neurosim.errors import NeurosimError
    from neurosim.hpc import submit
    from neurosim.hpc.sweep import runs_of, seeds_from
    from neurosim.sonata.config import load

    config = load(args.config)
    job = _job(args, (args.output or config.output_dir).absolute())
    runs = runs_of(job.config, seeds_from(args.seeds) if args.seeds else [], _parameters(args.set))
    if job.view_port and len(runs) > 1:
        raise NeurosimError(
            f"submit: --view {job.view_port} is one port and these are {len(runs)} runs; watch one run."
        )
    if args.only_print or args.test:
        submit.check(job, runs, config)
        print(submit.test(job, runs, args.at_once) if args.test else submit.text_of(job, runs, args.at_once), end="")
        print(end="\n" if args.test else "")
        return 0
    script = submit.write(job, runs, config, args.at_once)
    number = submit.hand_in(job, script)
    many = f" of {len(runs)} runs" if len(runs) > 1 else ""
    print(f"job {number}{many}, {script}")
    print(f"  squeue --jobs {number}             where it is in the queue")
    if runs[0].output == ".":
        print(f"  tail -f {job.folder / 'job.out'}")
    print(f"  neurosim collect {job.folder}   what is done and what is missing")
    if job.view_port:
        print(f"  ssh -L {job.view_port}:127.0.0.1:{job.view_port} NODE   then the address that job.out says")
    return 0


def _job(args: argparse.Namespace, folder: Path) -> Job:
    """Return what the command line asks for."""
    from neurosim.errors import NeurosimError
    from neurosim.hpc.job import Job

    env = []
    for text in args.env:
        name, equals, value = text.partition("=")
        if not equals:
            raise NeurosimError(f"submit: --env {text!r} is not allowed; give NAME=VALUE.")
        env.append((name, value))
    return Job(
        config=args.config.absolute(),
        folder=folder,
        time=args.time,
        nodes=args.nodes,
        tasks_per_node=args.tasks_per_node,
        threads=args.threads,
        account=args.account,
        partition=args.partition,
        qos=args.qos,
        mem=args.mem,
        name=args.job_name,
        modules=tuple(args.module),
        env=tuple(env),
        options=tuple(args.option),
        signal_s=args.signal_before,
        requeue=args.requeue,
        restarts=args.restarts,
        checkpoint_every=args.checkpoint_every,
        view_port=args.view,
        launcher=args.launcher,
        mpi=args.mpi,
    )


def _parameters(texts: list[str]) -> dict[str, list[Any]]:
    """Return key -> values of all ``--set``."""
    from neurosim.errors import NeurosimError
    from neurosim.hpc.sweep import values_from

    found: dict[str, list[Any]] = {}
    for text in texts:
        key, equals, values = text.partition("=")
        if not equals or not key or not values:
            raise NeurosimError(f"submit: --set {text!r} is not allowed; give KEY=V1,V2.")
        if key in found:
            raise NeurosimError(f"submit: --set {key} is given twice; write all its values once, {key}=V1,V2.")
        found[key] = values_from(values)
    return found
