"""Mechanisms by name: the user's ``.mod`` files first, then neurosim's own library.

``components.mechanisms_dir`` and its folder ``modfiles`` are searched for NMODL files. A file is read when its
mechanism is asked for; until then only its NEURON block is looked at for the name. The folder need not exist when
everything that is asked for is in the library, because SONATA circuits are passed on without compiled code. From the
library, mechanisms come with the quirks of the Allen Institute's files (``library.allen``), which SONATA models assume.
"""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from neurosim.errors import MechanismError, NeurosimError, SonataError
from neurosim.mechanisms.mechanism import Mechanism
from neurosim.sonata.config import Config
from neurosim.sonata.entry import candidates

_NAME = re.compile(r"\bNEURON\s*\{[^}]*?\b(?:SUFFIX|POINT_PROCESS|ARTIFICIAL_CELL)\s+(\w+)")
_COMMENT = re.compile(r"^[ \t]*COMMENT\b.*?^[ \t]*ENDCOMMENT\b|[:?].*?$", re.MULTILINE | re.DOTALL)
MAX_BYTES = 4 * 2**20


class MechanismFolder:
    """Mechanisms that a configuration can use.

    Parameters
    ----------
    config : Config
        Configuration with ``components.mechanisms_dir``; it gets a notice for every user file that is used.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.files = _mod_files(config)
        self.replaced: dict[str, Path] = {}
        self._found: dict[str, Mechanism] = {}

    def notice(self) -> None:
        """Say which of our mechanisms the user's files replaced."""
        if self.replaced:
            files = ", ".join(path.name for path in self.replaced.values())
            folders = ", ".join(sorted({str(path.parent) for path in self.replaced.values()}))
            self.config.notice(f"{files} of {folders}: used instead of neurosim's own mechanisms")

    def get(self, name: str, key: str, path: Path | None = None) -> Mechanism:
        """Return a mechanism by its NMODL name.

        Parameters
        ----------
        name : str
            SUFFIX or POINT_PROCESS name.
        key, path : str, Path
            Who asks, for messages.

        Raises
        ------
        SonataError
            Neither the user's folder nor the library has it; near names are suggested.
        """
        if name not in self._found:
            self._found[name] = self._get(name, key, path)
        return self._found[name]

    def _get(self, name: str, key: str, path: Path | None) -> Mechanism:
        from neurosim.mechanisms import library, load

        if name in self.files:
            file = self.files[name]
            if name in library.names():
                self.replaced[name] = file
            mechanism: Mechanism = load(file)
            for notice in mechanism.notices:
                self.config.notice(f"{file.name} line {notice.line}: {notice.message}")
            return mechanism
        try:
            return library.allen(name)
        except MechanismError:
            names = sorted({*self.files, *library.names()})
            near = difflib.get_close_matches(name, names, 3)
            hint = f"did you mean {' or '.join(near)}?" if near else "put its .mod file into components.mechanisms_dir."
            raise SonataError(f"no mechanism {name!r}; {hint}", key=key, path=path) from None


def _mod_files(config: Config) -> dict[str, Path]:
    components = config.section("components")
    written = components.get("mechanisms_dir", None)
    if written is None:
        return {}
    folders = [p for p in candidates(str(components.text("mechanisms_dir")), components.file) if p.is_dir()]
    if not folders:
        config.notice(f"components.mechanisms_dir: no folder {written!r}; mechanisms come from neurosim's library")
        return {}
    files: dict[str, Path] = {}
    for file in sorted([*folders[0].glob("*.mod"), *folders[0].glob("modfiles/*.mod")]):
        name = _suffix(file)
        if name is None:
            continue
        if name in files and files[name].read_bytes() != file.read_bytes():
            raise SonataError(
                f"{files[name].name} and {file.name} both define {name}; keep one.",
                key="components.mechanisms_dir",
                path=components.file,
            )
        files[name] = file
    return files


def _suffix(file: Path) -> str | None:
    try:
        if file.stat().st_size > MAX_BYTES:
            return None
        text = file.read_text(encoding="latin-1")
    except OSError as error:
        raise NeurosimError(f"{file}: cannot be read: {error.strerror}.") from None
    match = _NAME.search(_COMMENT.sub("", text))
    return match[1] if match else None
