"""The configuration of a simulation: one JSON file, or a root that names a circuit and a simulation file.

``load(path)`` reads and merges the files, checks every key against those known and returns a ``Config`` whose
sections are ``Entry`` objects. It opens no circuit file. A key that would change results and is not known is an error.

Rules: children are read first, each with its own manifest, then laid over the root key by key, ``network`` before
``simulation``. Relative paths start at the folder of the file they are written in, then at the working directory.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from neurosim.errors import SonataError
from neurosim.sonata.entry import Entry, candidates
from neurosim.sonata.manifest import builtin_variables, read_json, resolve, variables_of

CHILDREN = ("network", "simulation")

TOP = {
    "manifest", "network", "simulation", "networks", "components", "run", "conditions", "node_sets", "node_sets_file",
    "inputs", "reports", "output", "target_simulator",
}  # fmt: skip
TOP_HARMLESS = {"metadata", "version", "config_path", "config_dir", "gid_mapping_file", "name"}
COMPONENTS = {
    "morphologies_dir", "synaptic_models_dir", "mechanisms_dir", "biophysical_neuron_models_dir",
    "point_neuron_models_dir", "templates_dir", "filter_models_dir", "population_models_dir",
    "electrodes_dir", "recXelectrodes_dir",
}  # fmt: skip
RUN = {"tstart", "tstop", "dt", "dL", "spike_threshold", "nsteps_block", "random_seed"}
RUN_HARMLESS = {
    "duration", "overwrite_output_dir", "stimulus_seed", "ionchannel_seed", "synapse_seed",
    "minis_seed", "calc_ecp", "block_run", "block_size",
}  # fmt: skip
RUN_STATES = {"save_state", "start_from_state"}
CONDITIONS = {"celsius", "v_init"}
OUTPUT = {"output_dir", "spikes_file", "spikes_file_csv", "spikes_sort_order"}
OUTPUT_HARMLESS = {"log_file", "log_level", "log_format", "log_to_console", "quiet_simulator", "overwrite_output_dir"}
NODES = {"nodes_file", "node_types_file"}
EDGES = {"edges_file", "edge_types_file", "enabled"}
GAP_JUNCS = {"gap_juncs_file"}


@dataclass(frozen=True)
class Run:
    """Numbers of the run.

    Parameters
    ----------
    tstop_ms, dt_ms : float
        End of the run and step.
    dl_um : float
        Longest compartment: nseg = 1 + 2 int(L / (2 dL)).
    spike_threshold_mV : float
        Upward crossing at soma(0.5) that counts as a spike.
    block_steps : int
        Steps between two writes to disk.
    celsius_degC, v_init_mV : float
        Conditions of the whole network.
    seed : int
        Key of the random numbers that mechanisms draw while they run (``run.random_seed``).
    """

    tstop_ms: float
    dt_ms: float
    dl_um: float
    spike_threshold_mV: float
    block_steps: int
    celsius_degC: float
    v_init_mV: float
    seed: int = 0

    @property
    def steps_n(self) -> int:
        """Return the number of steps."""
        return round(self.tstop_ms / self.dt_ms)


@dataclass(frozen=True)
class Config:
    """A merged configuration.

    Parameters
    ----------
    path : Path
        Root file.
    root : Entry
        Everything, variables resolved.
    sections : dict
        Top-level key -> file it was written in.
    notices : list of str
        What the reader should know and what is no error. Grows while the circuit is built.
    overridden : frozenset of str
        Fields of ``run`` that the command line changed.
    opened : set of Path
        Files that were read so far; outputs never replace them.
    """

    path: Path
    root: Entry
    sections: dict[str, Path]
    run: Run
    notices: list[str] = field(default_factory=list, compare=False)
    overridden: frozenset[str] = frozenset()
    opened: set[Path] = field(default_factory=set, compare=False)

    def section(self, name: str) -> Entry:
        """Return a top-level object; an empty one when absent."""
        value = self.root.get(name, {})
        if not isinstance(value, dict):
            self.root.fail(name, f"must be an object, got {type(value).__name__}.")
        return Entry(value, name, self.sections.get(name, self.path))

    def notice(self, text: str) -> None:
        """Remember a remark once."""
        if text not in self.notices:
            self.notices.append(text)

    def component(self, name: str, entry: Entry, key: str) -> Path:
        """Return a components folder that ``entry.key`` needs."""
        components = self.section("components")
        if components.get(name, None) is None:
            entry.fail(key, f"needs components.{name}, which is missing; give the folder.")
        return self.located(components, name, folder=True)

    def located(self, entry: Entry, name: str, *, folder: bool = False) -> Path:
        """Return an existing path and say so when it was found from the working directory only."""
        found = entry.file_path(name, folder=folder)
        first = candidates(str(entry.get(name)), entry.file)[0]
        if found != first:
            self.notice(f"{entry.path_of(name)}: found from the working directory, {found}")
        self.opened.add(found.resolve())
        return found

    @property
    def output_dir(self) -> Path:
        """Return the folder that outputs go to; it need not exist."""
        output = self.section("output")
        return candidates(str(output.text("output_dir", "output")), output.file)[0]

    def changed(self, **values: Any) -> Config:
        """Return a copy with other values of ``run`` (command line options)."""
        run = _checked(replace(self.run, **values), Entry({}, "run", None))
        return replace(self, run=run, overridden=self.overridden | values.keys())


def load(path: str | Path) -> Config:
    """Return the configuration written in a file.

    Raises
    ------
    SonataError
        With the file, the line for JSON mistakes, and the key path for everything else.
    """
    path = Path(path)
    if path.is_dir():
        raise SonataError("is a folder; give the config.json in it.", path=path)
    values, sections = _merge(path.absolute(), ())
    root = Entry(values, "", path.absolute())
    root.check_keys(TOP, TOP_HARMLESS)
    for name in ("network", "simulation"):
        if isinstance(values.get(name), dict):
            root.fail(name, "must name a JSON file; put its content at the top level.")
    opened = {file.resolve() for file in (path, *sections.values())}
    config = Config(path.absolute(), root, sections, run=_run(root, sections), opened=opened)
    _check_sections(config)
    return config


def _merge(path: Path, above: tuple[Path, ...], key: str | None = None) -> tuple[dict[str, Any], dict[str, Path]]:
    if path.resolve() in above:
        raise SonataError("the file includes itself; remove one of the references.", key=key, path=path)
    content = read_json(path, key)
    if not isinstance(content, dict):
        raise SonataError(f"must hold a JSON object, got {type(content).__name__}.", key=key, path=path)
    variables = variables_of(content.get("manifest", {}), builtin_variables(path), path)
    values: dict[str, Any] = resolve(content, variables)
    sections = {name: path for name in values}
    entry = Entry(values, "", path)
    for child in CHILDREN:
        if isinstance(values.get(child), str):
            below, where = _merge(entry.file_path(child), (*above, path.resolve()), child)
            values.update({k: v for k, v in below.items() if k not in CHILDREN})
            sections.update({k: v for k, v in where.items() if k not in CHILDREN})
    return values, sections


def _run(root: Entry, sections: dict[str, Path]) -> Run:
    run = Entry(root.entry("run").values, "run", sections.get("run", root.file))
    conditions = Entry(root.entry("conditions").values, "conditions", sections.get("conditions", root.file))
    run.check_keys(RUN, RUN_HARMLESS | RUN_STATES)
    for name in sorted(RUN_STATES):
        if run.flag(name, False):
            run.fail(name, "saved states are not read or written here; set it to false.")
    conditions.check_keys(CONDITIONS)
    start = run.number("tstart", 0.0)
    if start != 0:
        run.fail("tstart", f"must be 0 ms, got {start:g}; shift the inputs instead.")
    if "tstop" not in run and "duration" in run:
        run.fail("tstop", "is missing; 'duration' is not read, write tstop in ms.")
    return _checked(
        Run(
            tstop_ms=run.number("tstop", positive=True, unit="ms"),
            dt_ms=run.number("dt", 0.1, positive=True, unit="ms"),
            dl_um=run.number("dL", 20.0, positive=True, unit="um"),
            spike_threshold_mV=run.number("spike_threshold", -15.0, unit="mV"),
            block_steps=run.integer("nsteps_block", 0),
            celsius_degC=conditions.number("celsius", low=-273.15, high=100.0, unit="degC"),
            v_init_mV=conditions.number("v_init", low=-1000.0, high=1000.0, unit="mV"),
            seed=run.integer("random_seed", 0),
        ),
        run,
    )


def _checked(run: Run, entry: Entry) -> Run:
    for name, value in (("tstop", run.tstop_ms), ("dt", run.dt_ms), ("dL", run.dl_um)):
        if not (math.isfinite(value) and value > 0):
            entry.fail(name, f"must be greater than 0, got {value:g}.")
    ratio = run.tstop_ms / run.dt_ms
    if ratio < 0.5 or abs(ratio - round(ratio)) > 1e-6 * max(1.0, ratio):
        entry.fail("dt", f"{run.dt_ms:g} ms does not divide tstop {run.tstop_ms:g} ms (ratio {ratio:.6g}); change one.")
    return run


def _check_sections(config: Config) -> None:
    config.section("components").check_keys(COMPONENTS)
    output = config.section("output")
    output.check_keys(OUTPUT, OUTPUT_HARMLESS)
    networks = config.section("networks")
    networks.check_keys({"nodes", "edges", "gap_juncs"})
    if not networks.entries("nodes"):
        raise SonataError(
            "is missing or empty; list at least one nodes_file.", key="networks.nodes", path=networks.file
        )
    for node in networks.entries("nodes"):
        node.check_keys(NODES)
    for edge in networks.entries("edges"):
        edge.check_keys(EDGES)
    for gap in networks.entries("gap_juncs"):
        gap.check_keys(GAP_JUNCS)
    simulator = config.root.get("target_simulator", None)
    if simulator is not None and str(simulator).upper() not in ("NEURON", "CORENEURON", "NEUROSIM", "BIONET"):
        config.root.fail("target_simulator", f"got {simulator!r}; neurosim runs NEURON models only.")
