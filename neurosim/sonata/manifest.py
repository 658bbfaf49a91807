"""JSON files and the variables in them.

Reads one JSON file strictly (duplicate keys, NaN and Infinity are errors) and resolves ``$NAME`` and ``${NAME}``
in every string, with the variables of its ``manifest`` and the built-in ones. Knows nothing of what the keys mean.

Rules: SONATA developer guide, section "manifest", as BMTK 1.2 applies them. A variable may use other variables;
a string that is exactly one variable takes that variable's value with its type; an unknown name stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from neurosim.errors import SonataError

MAX_BYTES = 256 * 2**20
_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def read_json(path: Path, key: str | None = None) -> Any:
    """Return the content of a JSON file.

    Parameters
    ----------
    path : Path
        File to read, at most 256 MiB.
    key : str, optional
        Path of the JSON key that named the file, for messages.

    Raises
    ------
    SonataError
        Not there, not UTF-8, not JSON (with the line), a duplicate key, NaN or Infinity.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SonataError(f"file of {path.stat().st_size} bytes; at most {MAX_BYTES}.", key=key, path=path)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SonataError(f"not UTF-8 text (byte {error.start}); save it as UTF-8.", key=key, path=path) from None
    except OSError as error:
        raise SonataError(f"cannot be read: {error.strerror or error}.", key=key, path=path) from None
    return parse_json(text, path, key)


def parse_json(text: str, path: Path | None = None, key: str | None = None) -> Any:
    """Return the value of JSON text; see ``read_json``."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, value in pairs:
            if name in found:
                raise SonataError(f"the key {name!r} occurs twice in one object; keep one.", key=key, path=path)
            found[name] = value
        return found

    def refuse(word: str) -> float:
        raise SonataError(f"{word} is not a number that can be used; write a finite one.", key=key, path=path)

    try:
        return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)
    except json.JSONDecodeError as error:
        where = f"not JSON: {error.msg} at column {error.colno}."
        raise SonataError(where, key=key, path=path, line=error.lineno) from None
    except RecursionError:
        raise SonataError("objects or lists nested too deeply.", key=key, path=path) from None
    except ValueError:  # Python reads whole numbers of 4300 digits and no more
        raise SonataError("a number has too many digits.", key=key, path=path) from None


def builtin_variables(path: Path, now: datetime | None = None) -> dict[str, Any]:
    """Return the variables that every configuration may use."""
    now = datetime.now() if now is None else now
    return {
        "configdir": str(path.parent),
        "configfname": str(path),
        "workingdir": str(Path.cwd()),
        "date": now.strftime("%Y-%m-%d"),
        "time": now.strftime("%H-%M-%S"),
        "datetime": now.strftime("%Y-%m-%d_%H-%M-%S"),
    }


def variables_of(manifest: Any, builtin: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Return every variable with its value, resolved until nothing changes.

    Raises
    ------
    SonataError
        The manifest is not an object, a name is not ``$NAME``, or a value cannot be resolved (unknown or circular).
    """
    if not isinstance(manifest, dict):
        raise SonataError(f"must be an object of variables, got {type(manifest).__name__}.", key="manifest", path=path)
    waiting: dict[str, Any] = {}
    for name, value in manifest.items():
        plain = name.removeprefix("$").removeprefix("{").removesuffix("}")
        if not re.fullmatch(r"\w+", plain):
            raise SonataError("not a variable name; write $NAME.", key=f"manifest.{name}", path=path)
        if not isinstance(value, str | int | float | bool):
            raise SonataError(
                f"a variable is a string, a number or true/false, got {type(value).__name__}.",
                key=f"manifest.{name}",
                path=path,
            )
        waiting[plain] = value
    done = dict(builtin)
    while waiting:
        ready = {name: value for name, value in waiting.items() if not _names(value) & waiting.keys()}
        if not ready:
            name = min(waiting)
            raise SonataError(
                f"defined by itself through {', '.join(sorted(waiting))}; break the circle.",
                key=f"manifest.${name}",
                path=path,
            )
        for name, value in ready.items():
            unknown = _names(value) - done.keys()
            if unknown:
                have = ", ".join(f"${d}" for d in sorted(done))
                raise SonataError(
                    f"uses ${min(unknown)}, which nothing defines; defined: {have}.",
                    key=f"manifest.${name}",
                    path=path,
                )
            done[name] = substitute(value, done)
            del waiting[name]
    return done


def substitute(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a string with its variables replaced; anything else as it is."""
    if not isinstance(value, str) or "$" not in value:
        return value
    whole = _VARIABLE.fullmatch(value)
    if whole is not None:
        return variables.get(whole[1] or whole[2], value)
    return _VARIABLE.sub(lambda m: str(variables.get(m[1] or m[2], m[0])), value)


def resolve(value: Any, variables: Mapping[str, Any]) -> Any:
    """Return a copy of a JSON value with the variables of every string replaced; ``manifest`` is left out."""
    return _walk(value, lambda text: substitute(text, variables))


def _walk(value: Any, change: Callable[[str], Any]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [_walk(item, change) for item in value]
    if isinstance(value, dict):
        return {name: _walk(item, change) for name, item in value.items() if name != "manifest"}
    return value


def _names(value: Any) -> set[str]:
    return {m[1] or m[2] for m in _VARIABLE.finditer(value)} if isinstance(value, str) else set()
