"""A configuration as one file that can stand in any folder: variables resolved, paths absolute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from neurosim.sonata.config import COMPONENTS, Config
from neurosim.sonata.entry import candidates
from neurosim.sonata.outfile import write_text


def resolved(config: Config, output_dir: Path) -> dict[str, Any]:
    """Return the whole configuration as JSON values, with its outputs in ``output_dir``.

    Numbers of ``run`` are those that count: the file's, or what the command line gave in their place.
    """
    values: dict[str, Any] = json.loads(json.dumps(config.root.values))
    for name in ("network", "simulation", "manifest", "config_path", "config_dir"):
        values.pop(name, None)
    values.setdefault("output", {})["output_dir"] = str(output_dir)
    run = config.run
    values["run"] = {**values["run"], "tstop": run.tstop_ms, "dt": run.dt_ms, "dL": run.dl_um}
    _absolute(values, config)
    return values


def config_path(config: Config, output_dir: Path) -> Path:
    """Return where the copy of the configuration goes; never over a source file."""
    target = output_dir / config.path.name
    taken = target.resolve() in config.opened
    return target.with_name(f"resolved_{target.name}") if taken else target


def write_config(config: Config, output_dir: Path, target: Path) -> Path:
    """Write the configuration as it was run, with variables resolved and paths absolute."""
    write_text(target, json.dumps(resolved(config, output_dir), indent=2) + "\n")
    return target


def _absolute(values: dict[str, Any], config: Config) -> None:
    """Make the paths of existing files absolute, because the copy stands in another folder."""
    networks = values.get("networks", {})
    places = [("components", values.get("components", {}), COMPONENTS)]
    places += [("networks", item, {k for k in item if k.endswith("_file")}) for k in networks for item in networks[k]]
    places += [("inputs", item, {"file", "input_file"}) for item in values.get("inputs", {}).values()]
    places += [("reports", item, {"electrode_positions"}) for item in values.get("reports", {}).values()]
    places.append(("node_sets_file", values, {"node_sets_file"}))
    for section, item, keys in places:
        for key in keys & item.keys() if isinstance(item, dict) else ():
            if isinstance(item[key], str):
                found = candidates(item[key], config.sections.get(section, config.path))
                item[key] = str(next((p for p in found if p.exists()), item[key]))
