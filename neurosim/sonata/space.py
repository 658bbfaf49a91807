"""Whether the results of a run can be written, asked before the run begins."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from pathlib import Path

from neurosim.errors import OutputError
from neurosim.sonata.outfile import partial_of, reason_of

PROBE = b"neurosim tries whether this folder can be written\n"


def check_writable(folder: Path, files: Iterable[Path]) -> None:
    """Try to write into the folder of every output.

    Parameters
    ----------
    folder : Path
        Folder of the outputs; made when missing.
    files : iterable of Path
        Outputs.

    Raises
    ------
    OutputError
        A folder cannot be made or written, or a name is taken by a folder.
    """
    outputs = list(files)
    for path in outputs:
        for name in (path, partial_of(path)):
            if name.is_dir():
                raise OutputError(name, "is a folder and cannot be replaced by a file; give another name.")
    for place in sorted({folder, *(path.parent for path in outputs)}):
        probe = place / f".neurosim-{uuid.uuid4().hex}.partial"
        try:
            place.mkdir(parents=True, exist_ok=True)
            probe.write_bytes(PROBE)
            probe.unlink()
        except OSError as error:
            reason = f"the folder of the outputs cannot be written: {reason_of(error)}; choose another with --output."
            raise OutputError(place, reason) from None


def check_space(folder: Path, sizes: Iterable[tuple[str, int]]) -> None:
    """Compare what the reports need with what is free.

    Parameters
    ----------
    folder : Path
        Folder of the outputs, which exists.
    sizes : iterable of (key, int)
        Report and its size in bytes.

    Raises
    ------
    OutputError
        It does not fit; the message names the largest report.
    """
    needs = sorted(sizes, key=lambda item: -item[1])
    total, free = sum(size for _, size in needs), shutil.disk_usage(folder).free
    if total > free:
        raise OutputError(
            folder,
            f"the reports need {size_of(total)} and {size_of(free)} are free; the largest is {needs[0][0]} with "
            f"{size_of(needs[0][1])}. Give it a longer dt, fewer cells or sections, or choose another folder with "
            "--output.",
        )


def size_of(number: int) -> str:
    """Return a number of bytes in words."""
    for unit, factor in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number / 1e3:.0f} kB"
