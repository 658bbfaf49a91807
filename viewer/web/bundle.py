"""One text out of the page's JavaScript modules: for the page, one request instead of fifty, and for Jupyter.

Each module becomes a function that returns what it exports, in an order in which everything imported is there already;
so names within a module stay its own. The modules keep to a few forms, and everything else is refused:

    import { a, b } from "./other.mjs";
    export function f…   export async function f…   export class C…   export const c = …

A module of another package may be loaded later by its whole address, ``import(new URL(path, base).href)``.
No bundler, no node: the text is taken as it is, only these statements are replaced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from neurosim.errors import ModelError

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([A-Za-z0-9_]+)\.mjs";[ \t]*$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?function\b|class\b|const\b)", re.MULTILINE)
_EXPORTED = re.compile(r"^export (?:(?:async )?function\s*\*?|class|const)\s+([A-Za-z_$][\w$]*)", re.MULTILINE)
_COMMENT = re.compile(r"/\*.*?\*/|^[ \t]*//[^\n]*", re.DOTALL | re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b[^\n]*|\bimport\s*\((?!new URL\()[^\n]*|\bimport\.meta\b[^\n]*", re.MULTILINE)
_NAME = re.compile(r"[A-Za-z_$][\w$]*")


class BundleError(ModelError):
    """A module that cannot be joined with others."""


@dataclass(frozen=True)
class _Module:
    name: str
    imports: tuple[tuple[str, tuple[str, ...]], ...]
    exports: tuple[str, ...]
    body: str


def assets() -> dict[str, str]:
    """Return the modules of the page: name without ending -> text."""
    folder = resources.files("neurosim.viewer.web").joinpath("assets")
    return {Path(item.name).stem: item.read_text("utf-8") for item in folder.iterdir() if item.name.endswith(".mjs")}


def bundle(entry: str, modules: Mapping[str, str] | None = None, *, default: str = "") -> str:
    """Join a module with everything it imports.

    Parameters
    ----------
    entry : str
        Name of the module whose exports the text has.
    modules : mapping, optional
        Name -> text; those of the page when omitted.
    default : str
        Expression of the default export, in which the entry's exports can be used; none when empty.

    Returns
    -------
    str
        An ES module.

    Raises
    ------
    BundleError
        A module or an export that is missing, modules that import one another in a circle, or a form of import or
        export that is not one of the few.
    """
    texts = assets() if modules is None else modules
    order = _ordered(entry, texts)
    parts = [_function(module) for module in order]
    last = order[-1]
    names = ", ".join(last.exports)
    parts.append(f"const {{ {names} }} = {_holder(last.name)};\nexport {{ {names} }};\n" if names else "")
    if default:
        parts.append(f"export default {default};\n")
    return "\n".join(parts)


def _ordered(entry: str, texts: Mapping[str, str]) -> list[_Module]:
    """Return the modules needed, what is imported first."""
    done: dict[str, _Module] = {}
    under_way: list[str] = []

    def visit(name: str, wanted_by: str) -> _Module:
        if name in under_way:
            raise BundleError(f"{name}.mjs: imports itself through {' -> '.join([*under_way, name])}")
        if name not in done:
            if name not in texts:
                raise BundleError(f"{wanted_by}: there is no module {name}.mjs; there are {', '.join(sorted(texts))}")
            module = _read(name, texts[name])
            under_way.append(name)
            for other, names in module.imports:
                missing = set(names) - set(visit(other, f"{name}.mjs").exports)
                if missing:
                    raise BundleError(f"{name}.mjs: {other}.mjs does not export {', '.join(sorted(missing))}")
            under_way.pop()
            done[name] = module
        return done[name]

    visit(entry, "bundle")
    return list(done.values())


def _read(name: str, text: str) -> _Module:
    """Take a module apart."""
    imports = []
    for names, other in _IMPORT.findall(text):
        words = tuple(word.strip() for word in names.split(",") if word.strip())
        for word in words:
            if not _NAME.fullmatch(word):
                raise BundleError(f"{name}.mjs: imports {word!r}; give plain names, without 'as'")
        imports.append((other, words))
    exports = tuple(_EXPORTED.findall(text))
    body = _EXPORT.sub("", _IMPORT.sub("", text))
    bare = _COMMENT.sub("", body)
    other_form = _OTHER.search(bare)
    if other_form is not None:
        raise BundleError(
            f"{name}.mjs: cannot be joined: {other_form.group().strip()[:80]!r}; allowed: import {{ a }} from "
            '"./other.mjs"; and export in front of a function, class or const with one name'
        )
    if len(exports) != len(_EXPORT.findall(text)):
        raise BundleError(f"{name}.mjs: exports something without a name of its own")
    return _Module(name, tuple(imports), exports, body)


def _holder(name: str) -> str:
    """Return the name under which a module's exports are held in the joined text."""
    return f"module_{name}"


def _function(module: _Module) -> str:
    """Return a module as a function that is called at once and returns its exports."""
    taken = [f"const {{ {', '.join(names)} }} = {_holder(other)};" for other, names in module.imports if names]
    lines = [f"const {_holder(module.name)} = (() => {{", *taken, module.body.strip("\n")]
    return "\n".join([*lines, f"return {{ {', '.join(module.exports)} }};", "})();", ""])
