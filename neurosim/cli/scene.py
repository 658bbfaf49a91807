"""``neurosim scene``: make the scene file of a SONATA circuit, from which ``neurosim view`` shows millions of cells."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self


def add(subparsers: Any) -> None:
    """Declare the arguments."""
    parser = subparsers.add_parser(
        "scene",
        help="prepare a large circuit for viewing",
        description="Read the nodes of a SONATA configuration piece by piece and write a scene file: cells in an "
        "octree, their bodies in four levels of detail. A file that is up to date is left as it is.",
    )
    parser.add_argument("config", type=Path, help="SONATA configuration, such as config.json")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="default: config.scene.h5 beside it")
    parser.add_argument("--again", action="store_true", help="make the file even if nothing changed")
    parser.add_argument("--quiet", action="store_true", help="no progress bar, no notes")


def run(args: argparse.Namespace) -> int:
    """Make the file; return 0."""
    from neurosim.viewer.scene.convert import Needs, convert, default_output
    from neurosim.viewer.scene.scene_file import FileScene

    target = args.output if args.output is not None else default_output(args.config)
    if not args.again and _up_to_date(target, args):
        print(f"{target} is up to date")
        return 0

    def say(needs: Needs) -> None:
        if not args.quiet:
            memory, disk = needs.memory_bytes / 1e9, needs.disk_bytes / 1e9
            print(f"{needs.nodes_n:,} nodes: needs up to {memory:.2f} GB of memory, {disk:.2f} GB of disk", flush=True)

    with _Bar(enabled=False if args.quiet else None) as bar:
        convert(args.config, target, bar.show, say=say)
    scene = FileScene(target)
    if not args.quiet:
        for text in scene.notices:
            print(f"neurosim: note: {text}", file=sys.stderr)
    size = target.stat().st_size / 1e6
    print(f"{target}  {scene.n:,} cells, {scene.templates_n:,} templates, {len(scene.octree):,} boxes, {size:.1f} MB")
    scene.close()
    return 0


def _up_to_date(target: Path, args: argparse.Namespace) -> bool:
    """Return whether a scene file has what the configuration says now; say why not where it has not."""
    from neurosim.errors import ModelError
    from neurosim.viewer.scene.convert import out_of_date
    from neurosim.viewer.scene.scene_file import FileScene

    if not target.exists():
        return False
    try:
        scene = FileScene(target)
    except ModelError as error:
        print(f"neurosim: note: {error}", file=sys.stderr)
        return False
    different = out_of_date(scene, args.config)
    scene.close()
    if different and not args.quiet:
        print(f"neurosim: note: {target.name} is out of date: {', '.join(different[:5])}", file=sys.stderr)
    return not different


class _Bar:
    """Percent of the work, on stderr and only when that is a terminal."""

    def __init__(self, *, enabled: bool | None = None) -> None:
        self._enabled = sys.stderr.isatty() if enabled is None else enabled
        self._bar: Any = None

    def __enter__(self) -> Self:
        if self._enabled:
            from tqdm import tqdm

            self._bar = tqdm(
                total=100.0, bar_format="{desc} {percentage:3.0f}% |{bar}| [{elapsed}<{remaining}]", file=sys.stderr,
                dynamic_ncols=True,
            )  # fmt: skip
        return self

    def show(self, what: str, part: float) -> None:
        """Draw what is done and how far it is."""
        if self._bar is not None:
            self._bar.set_description_str(what, refresh=False)
            self._bar.update(100.0 * part - self._bar.n)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
