"""SONATA circuits and simulations: read, check, build, run, report.

What it is for: a SONATA ``config.json`` (Allen Institute / Blue Brain format) becomes a running simulation and SONATA
output files. What it is not for: numerics (``neurosim.engine``) and morphology (``neurosim.morphology``).

One noun a module, in the order in which a run passes them:

    manifest     JSON text -> values, variables resolved
    schema       which keys there are
    config       the merged configuration, with typed access and paths
    types        node types CSV
    nodes        populations, gids, attributes
    node_sets    which nodes an input or a report means
    library      mechanism by name, from the user's .mod files or ours
    neuroml      channels of an ``nml:`` template
    axon         the stub that replaces a reconstructed axon
    recipe       what a cell consists of, by region
    biophysical  template + processing + parameters -> recipe
    points       template + parameters -> point cell
    roster       population and node id -> the cell's number in the simulation
    edge_files   populations of edges;  edges  their blocks;  edge_index, hyperslabs  which rows, how they are read
    weights      weight functions;  synapses  templates -> mechanisms with values
    placement    the rules of places, the random numbers;  placing  the compartment of each synapse
    wiring       edges -> connections;  pairs, columns, edge_values  on the way
    gap_junctions, continuous  edges -> couplings
    spike_files  recorded spikes;  spike_inputs  what drives virtual nodes, replay, forced synapses
    inputs       current and voltage clamps
    waveform     sampled currents from CSV and NWB
    shares       which process computes which nodes;  agreement  what all processes must agree on
    planning     all but the edges;  circuit  configuration -> cells, gids, simulation
    report_entry what all reports have in common;  reports  all of them;  variable  names of what is recorded
    source       where values come from;  report  files of values at places;  synapse_report, clamp_report, potential
    ecp          the line source;  exact_sum  its sums;  electrode  currents of electrodes;  spikes  the spikes file
    step_table   files with a row for each step
    outfile      HDF5 files that grow and can be read meanwhile;  space  whether they fit;  h5read  damaged input files
    outputs      all files of a run;  rank_files, rank_values  those of several processes;  merge  outputs from them
    acts         what was done to a run by hand
    session      the run, block by block;  keeper  who writes checkpoints;  cuts  signals that ask for one

and the other way, from a network to files:

    writer       the circuit as a whole;  write_folder  its place and configuration;  write_cells  write_swc  …  parts
    network      a circuit as a network again;  sections, swc_sections  shapes that only we write
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from neurosim.sonata.network import read_network
    from neurosim.sonata.write_folder import RunSettings, Written
    from neurosim.sonata.writer import write

__all__ = ["RunSettings", "Written", "read_network", "write"]


def __getattr__(name: str) -> Any:
    """Give the public names; importing them takes the whole of ``model`` and ``mechanisms``."""
    if name in __all__:
        from neurosim.sonata import network, writer

        return getattr(network if name == "read_network" else writer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
