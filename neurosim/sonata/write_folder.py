"""The folder of a written circuit: made beside its place, moved there when everything is in it; its configuration."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from neurosim.errors import SonataError
from neurosim.sonata.write_mechanisms import MechanismFiles
from neurosim.sonata.write_nodes import CELLS, MORPHOLOGIES, POINTS
from neurosim.sonata.write_synapses import FOLDER as SYNAPSES

MECHANISMS = "components/mechanisms"
FOLDERS = {
    "morphologies_dir": MORPHOLOGIES,
    "biophysical_neuron_models_dir": CELLS,
    "point_neuron_models_dir": POINTS,
    "synaptic_models_dir": SYNAPSES,
    "mechanisms_dir": MECHANISMS,
}
LAST = "config.json"


@dataclass(frozen=True)
class RunSettings:
    """Numbers of the run that the configuration asks for; the defaults are those of ``Simulation``.

    Parameters
    ----------
    tstop_ms, dt_ms : float
        End and step.
    celsius_degC, v_init_mV : float
        Temperature and initial voltage.
    spike_threshold_mV : float
        Upward crossing at soma(0.5) that counts as a spike.
    block_steps : int
        Steps between two writes of the outputs.
    """

    tstop_ms: float = 1000.0
    dt_ms: float = 0.025
    celsius_degC: float = 6.3
    v_init_mV: float = -65.0
    spike_threshold_mV: float = 10.0
    block_steps: int = 5000

    @classmethod
    def of(cls, given: RunSettings | Mapping[str, float] | None) -> RunSettings:
        """Return settings from settings, a mapping of some of them, or nothing."""
        if isinstance(given, RunSettings):
            return given
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(given or ()) - known)
        if unknown:
            raise SonataError(f"run: no setting {unknown[0]!r}; there are {', '.join(sorted(known))}.")
        return cls(**dict(given or {}))  # type: ignore[arg-type]


@dataclass(frozen=True)
class Written:
    """What was written.

    Parameters
    ----------
    folder, config : Path
        The circuit, and the configuration to run.
    notes : tuple of str
        What other tools do not read, or read otherwise.
    """

    folder: Path
    config: Path
    notes: tuple[str, ...]


@contextmanager
def staged(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """Yield a new folder to fill; without an error it becomes ``target``, ``config.json`` last.

    Raises
    ------
    SonataError
        The place is taken or cannot be written.
    """
    place = target.resolve()
    if place.exists() and not place.is_dir():
        raise SonataError("is a file; give a folder.", path=target)
    if not overwrite and (place / LAST).exists():
        raise SonataError("has a config.json; give another folder, or overwrite=True.", path=target)
    stage = _stage(place, target)
    try:
        yield stage
        _install(stage, place, overwrite)
    except OSError as error:
        raise SonataError(f"cannot be written: {error.strerror or error}.", path=target) from None
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _stage(place: Path, target: Path) -> Path:
    """Make a new folder beside ``place``, which the user calls ``target``, to fill before it is moved there."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        stage = place.with_name(f".{place.name}.{secrets.token_hex(6)}.partial")
        stage.mkdir()
    except OSError as error:
        raise SonataError(f"cannot be written: {error.strerror or error}.", path=target) from None
    return stage


def write_mechanisms(stage: Path, mechanisms: MechanismFiles) -> None:
    """Write the ``.mod`` files of a circuit."""
    folder = stage / MECHANISMS / "modfiles"
    for name, text in mechanisms.texts.items():
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.mod").write_text(text, encoding="utf-8", newline="\n")


def simulation_of(run: RunSettings, dl_um: float, inputs: dict[str, Any], reports: dict[str, Any]) -> dict[str, Any]:
    """Return the simulation file of a run with its inputs and reports."""
    return {
        "target_simulator": "NEURON",
        "run": {
            "tstop": run.tstop_ms, "dt": run.dt_ms, "dL": dl_um, "spike_threshold": run.spike_threshold_mV,
            "nsteps_block": run.block_steps,
        },
        "conditions": {"celsius": run.celsius_degC, "v_init": run.v_init_mV},
        "node_sets_file": "$BASE/node_sets.json",
        "inputs": inputs,
        "reports": reports,
        "output": {"output_dir": "$BASE/output", "log_file": "log.txt", "spikes_file": "spikes.h5",
                   "spikes_sort_order": "time"},
    }  # fmt: skip


def write_configs(
    stage: Path, networks: dict[str, Any], simulation: dict[str, Any], populations: Sequence[str]
) -> None:
    """Write the configuration of a circuit: components are the folders that are there.

    Parameters
    ----------
    stage : Path
        Folder of the circuit in the making.
    networks : dict
        Files of nodes and edges, as ``$BASE/network/…``.
    simulation : dict
        What ``simulation_of`` returns.
    populations : sequence of str
        Each gets a node set.
    """
    components = {key: f"$COMPONENTS/{Path(place).name}" for key, place in FOLDERS.items() if (stage / place).is_dir()}
    circuit = {"components": components, "networks": networks}
    manifest = {"$BASE": "${configdir}"}
    content = {
        "circuit_config": {"manifest": {**manifest, "$COMPONENTS": "$BASE/components"}, **circuit},
        "simulation_config": {"manifest": manifest, **simulation},
        "node_sets": {f"{name}_nodes": {"population": name} for name in populations},
        "config": {"manifest": manifest, "network": "$BASE/circuit_config.json",
                   "simulation": "$BASE/simulation_config.json"},
    }  # fmt: skip
    for name, values in content.items():
        try:
            text = json.dumps(values, indent=2, allow_nan=False) + "\n"
        except (TypeError, ValueError) as error:
            raise SonataError(f"{name}: inputs, reports and run must be values that JSON has: {error}.") from None
        (stage / f"{name}.json").write_text(text, encoding="utf-8", newline="\n")


def _install(stage: Path, place: Path, overwrite: bool) -> None:
    """Move a finished circuit to its place: at once if nothing is there, else file by file, ``config.json`` last."""
    if not place.exists() or not any(place.iterdir()):
        os.replace(stage, place)
        return
    files = sorted((p.relative_to(stage) for p in stage.rglob("*") if p.is_file()), key=lambda p: p == Path(LAST))
    for file in files:
        there = place / file
        if not there.resolve().is_relative_to(place):
            raise SonataError(f"{file} leads outside the folder; remove the link.", path=place)
        if not overwrite and os.path.lexists(there):
            raise SonataError(f"{file} is there; give another folder, or overwrite=True.", path=place)
    (place / LAST).unlink(missing_ok=True)
    for file in files:
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        os.replace(stage / file, place / file)
