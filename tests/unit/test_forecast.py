"""The forecast: the table of the design, what the terms do, files of machines and networks, and what is printed."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from neurosim.errors import NeurosimError
from neurosim.hpc.forecast import Layout, forecast
from neurosim.hpc.given import STATUSES, Given, Sheet
from neurosim.hpc.machine import machines, read_machine, with_latencies
from neurosim.hpc.network_size import networks, read_network
from neurosim.hpc.plan_text import facts_of, figure, text_of

# The prediction table of the design (reference/hpc.md 6.6 beside the repository), and what it assumes.
ASSUMED = {
    "jitter_frac": 0.03, "compartment_B": 200.0, "synapse_B": 16.0, "source_B": 16.0, "spike_B": 8.0,
    "latency_us": 2.0, "local_latency_us": 2.0, "local_GB_per_s": 10.0, "crowded_latency_us": 0.0,
    "cell_B": 0.0, "cache_MiB": 0.0, "lookup_ns": 45.0, "nodes_most": 0.0, "price_per_node_h": 0.0,
}  # fmt: skip
X86 = {"cores": 64.0, "memory_GiB": 256.0, "bandwidth_GB_per_s": 300.0, "power_W": 600.0}
X86 |= {"network_GB_per_s": 10.0, "compartment_ns": 52.0, "event_ns": 35.0}
A64FX = {"cores": 48.0, "memory_GiB": 32.0, "bandwidth_GB_per_s": 800.0, "power_W": 180.0}
A64FX |= {"network_GB_per_s": 6.0, "compartment_ns": 300.0, "event_ns": 60.0}
V1 = {"cells": 230e3, "compartments": 130.0, "synapses": 700.0, "rate_Hz": 5.0}
CORTEX = {"cells": 10e6, "compartments": 130.0, "synapses": 2600.0, "rate_Hz": 5.0}
POINT = {"cells": 86e9, "compartments": 1.0, "synapses": 7000.0, "rate_Hz": 1.0}
HUMAN = POINT | {"compartments": 130.0}
# Network, nodes, x86: slowdown, GiB a node, kWh; A64FX-like: slowdown.
TABLE = [
    (V1, 1, 1040, 8.0, 0.17, 7970),
    (V1, 10, 107, 0.8, 0.18, 820),
    (V1, 100, 10.9, 0.083, 0.18, 84),
    (V1, 1000, 1.2, 0.0097, 0.20, 8.6),
    (CORTEX, 100, 476, 6.5, 7.9, 3650),
    (CORTEX, 1000, 48.5, 0.77, 8.1, 372),
    (CORTEX, 10_000, 5.0, 0.098, 8.3, 38),
    (CORTEX, 100_000, 1.27, 0.0124, 21, 7.2),
    (POINT, 10_000, 391, 1540, 650, 2680),
    (POINT, 100_000, 41, 177, 678, 274),
    (HUMAN, 100_000, 4290, 197, 71_500, 33_000),
]


def sheet(*parts: dict[str, float]) -> Sheet:
    merged = {name: value for part in parts for name, value in part.items()}
    return Sheet("made up", "made up", {name: Given(value, "assumed", "test") for name, value in merged.items()})


def node(**other: float) -> Sheet:
    return sheet(ASSUMED, X86, other)


def network(base: dict[str, float] = CORTEX, **other: float) -> Sheet:
    return sheet({"largest": 4.0, "delay_ms": 1.0, "dt_ms": 0.025, "work": 1.0}, base, other)


@pytest.mark.parametrize(("base", "nodes", "slowdown", "memory_GiB", "energy_kWh", "a64fx"), TABLE)
def test_the_table_of_the_design_comes_out(
    base: dict[str, float], nodes: int, slowdown: float, memory_GiB: float, energy_kWh: float, a64fx: float
) -> None:
    found = forecast(node(), network(base), Layout(nodes))
    other = forecast(sheet(ASSUMED, A64FX), network(base), Layout(nodes))
    # Within 3 %, or within the last digit that the table gives.
    assert found.slowdown == pytest.approx(slowdown, rel=0.03)
    assert found.memory_B / 2**30 == pytest.approx(memory_GiB, rel=0.03)
    assert found.energy_kWh == pytest.approx(energy_kWh, rel=0.03)
    assert other.slowdown == pytest.approx(a64fx, rel=0.03)


def test_the_table_says_what_decides_and_what_does_not_fit() -> None:
    rows = {nodes: forecast(node(), network(), Layout(nodes)) for nodes in (100, 100_000)}
    assert rows[100].bound == "cells"
    assert rows[100_000].bound == "largest cell"
    points = {nodes: forecast(node(), network(POINT), Layout(nodes)) for nodes in (10_000, 100_000)}
    assert [row.fits for row in points.values()] == [False, True]
    assert points[100_000].layout.way == "two-level"
    assert points[100_000].exchange_frac == pytest.approx(0.21, abs=0.005)
    assert not forecast(sheet(ASSUMED, A64FX), network(POINT), Layout(100_000)).fits


def test_the_ways_cost_what_their_formulas_say() -> None:
    machine, model, ranks = node(), network(V1), 16
    fired = 230e3 * 5.0 * 1e-3
    sources = 230e3 * (1.0 - math.exp(-700.0 / ranks))
    needed = fired * sources / 230e3
    expected = {
        "allgather": 2e-6 * 4 + 8.0 * fired * 1e-10,
        "neighbour": 2e-6 * 15 + 8.0 * needed * 1e-10,
        "two-level": 2 * 2e-6 * 4 + 2 * 8.0 * needed * 1e-10,
    }
    for way, seconds in expected.items():
        assert forecast(machine, model, Layout(ranks, way=way)).exchange_s == pytest.approx(seconds, rel=1e-12)
    assert forecast(machine, model, Layout(ranks)).layout.way == min(expected, key=lambda way: expected[way])


def test_without_overlap_exchange_adds_and_with_it_the_longer_counts() -> None:
    model = network(POINT)
    apart, beside = (forecast(node(), model, Layout(100_000, overlap=on)) for on in (False, True))
    assert apart.total_s - beside.total_s == pytest.approx(min(beside.exchange_s, beside.computing_s + beside.events_s))


def test_one_core_waits_for_nobody() -> None:
    alone = forecast(node(cores=1.0), network(V1), Layout(1))
    assert alone.waiting_s == 0.0
    assert alone.traffic_B == 0.0
    assert alone.computing_s == pytest.approx(230e3 * 130 * 52e-9 * 40, rel=1e-12)


def test_ranks_share_the_cores_of_a_node_and_hear_more_in_all() -> None:
    one, many = (forecast(node(), network(), Layout(100, tasks)) for tasks in (1, 8))
    assert many.computing_s == pytest.approx(one.computing_s)
    assert many.layout.ranks == 800
    assert many.traffic_B > 4.0 * one.traffic_B
    assert many.memory_B > one.memory_B


def test_more_ranks_than_cores_compute_no_faster_and_wait_for_the_core() -> None:
    machine = node(cores=2.0, crowded_latency_us=400.0)
    two, four = (forecast(machine, network(V1), Layout(1, tasks, threads=1)) for tasks in (2, 4))
    assert four.computing_s == pytest.approx(two.computing_s)
    assert four.exchange_s > 2 * 400e-6 > two.exchange_s


def test_state_beyond_the_cache_is_moved_once_in_and_once_out_of_it_a_window() -> None:
    slow = node(bandwidth_GB_per_s=1.0)
    found = forecast(slow, network(V1, work=0.01), Layout(1))
    assert found.bound == "memory bandwidth"
    assert found.computing_s == pytest.approx(2 * 230e3 * 130 * 200.0 / 1e9)
    assert forecast(node(bandwidth_GB_per_s=1.0, cache_MiB=1e6), network(V1, work=0.01), Layout(1)).bound == "cells"


def test_every_rank_knows_of_every_cell() -> None:
    without, with_names = (forecast(node(cell_B=size_B), network(), Layout(10, 2)) for size_B in (0.0, 100.0))
    assert with_names.memory_B - without.memory_B == pytest.approx(2 * 10e6 * 100.0)


def test_price_and_energy_grow_with_nodes() -> None:
    cheap, dear = (forecast(node(price_per_node_h=3.6), network(), Layout(nodes)) for nodes in (10, 100_000))
    assert cheap.price == pytest.approx(cheap.slowdown * 10 * 3.6 / 3600.0)
    assert dear.price > cheap.price
    assert dear.energy_kWh > cheap.energy_kWh


@pytest.mark.parametrize("name", machines())
def test_a_machine_of_the_package_says_where_its_numbers_are_from(name: str) -> None:
    for key, given in read_machine(name).givens.items():
        assert given.status in STATUSES, key
        assert len(given.source) > 4, key


def test_descriptions_of_the_package_can_be_forecast_on_its_machines() -> None:
    assert set(machines()) == {"laptop", "cpu-node-128", "gpu-node-8", "fugaku-like", "tianhe-like"}
    for model in networks():
        for machine in machines():
            assert forecast(read_machine(machine), read_network(model), Layout(1000)).slowdown > 0.0


def changed(tmp_path: Path, old: str, new: str) -> Path:
    from importlib import resources

    text = resources.files("neurosim.hpc").joinpath("machines/laptop.toml").read_text("utf-8")
    assert old in text
    path = tmp_path / "mine.toml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[cores]", "[core]", r"\[core\] is unknown; allowed: cores"),
        ("value = 32.0", "value = -1", r"\[memory_GiB\] value=-1 is not allowed"),
        ("value = 8\n", "value = 0\n", r"\[cores\] value=0 is not allowed; it must be above 0"),
        ("value = 8\n", 'value = "8"\n', r"\[cores\] value='8' is not allowed"),
        ('status = "measured"', 'status = "sure"', "status='sure'; allowed: measured, from the file"),
        ("[cores]\nvalue = 8\n", "[cores]\n", r"\[cores\] needs value, status and source"),
        ("title =", "title", "this is no TOML"),
    ],
)
def test_a_wrong_machine_file_is_refused_at_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(NeurosimError, match=said):
        read_machine(changed(tmp_path, old, new))


def test_a_missing_number_and_a_missing_file_are_named(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('title = "empty"\n', encoding="utf-8")
    with pytest.raises(NeurosimError, match=r"no \[cores\] \(cores of a node\)"):
        read_machine(tmp_path / "mine.toml")
    with pytest.raises(NeurosimError, match="allowed: cpu-node-128, fugaku-like"):
        read_machine("abacus")
    with pytest.raises(NeurosimError, match="cannot be read"):
        read_machine(tmp_path / "absent.toml")


def test_latencies_of_doctor_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "doctor.json"
    path.write_text('{"machine": {"local_latency_us": 7.5, "local_GB_per_s": 3.5}}', encoding="utf-8")
    machine = with_latencies(read_machine("laptop"), path)
    assert (machine["local_latency_us"], machine["local_GB_per_s"]) == (7.5, 3.5)
    assert machine.givens["local_latency_us"].status == "measured"
    path.write_text('{"mpi": {"error": "none"}}', encoding="utf-8")
    with pytest.raises(NeurosimError, match="no times of messages in it; make it by: mpiexec -n 2 neurosim doctor"):
        with_latencies(machine, path)
    path.write_text('{"machine": {"speed": 1}}', encoding="utf-8")
    with pytest.raises(NeurosimError, match=r"machine.speed=1 is not allowed; allowed: cores"):
        with_latencies(machine, path)
    with pytest.raises(NeurosimError, match="cannot be read"):
        with_latencies(machine, tmp_path / "absent.json")


def test_a_network_that_cannot_be_is_refused(tmp_path: Path) -> None:
    from importlib import resources

    text = resources.files("neurosim.hpc").joinpath("networks/v1.toml").read_text("utf-8")
    path = tmp_path / "odd.toml"
    path.write_text(text.replace("value = 1.0\n", "value = 0.01\n"), encoding="utf-8")
    with pytest.raises(NeurosimError, match=r"delay_ms\] value=0.01 is below dt_ms=0.025"):
        read_network(path)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nodes": 0}, "nodes=0"),
        ({"nodes": 1, "threads": -1}, "threads=-1"),
        ({"nodes": 1, "way": "post"}, "allowed: auto"),
    ],
)
def test_a_wrong_layout_is_refused(options: dict[str, Any], said: str) -> None:
    with pytest.raises(NeurosimError, match=said):
        Layout(**options)


def test_the_text_marks_inputs_and_says_what_is_too_much() -> None:
    machine, model = read_machine("fugaku-like"), read_network("human-point")
    rows = [forecast(machine, model, Layout(nodes)) for nodes in (1, 200_000)]
    text = text_of(machine, model, rows)
    assert "too much memory" in text
    assert f"1 node: {figure(rows[0].memory_B / 2**30)} GiB a node are more than 90% of 32 GiB" in text
    assert "200,000 nodes: there are 158,976 of these." in text
    assert "inputs are assumed: largest, synapses, rate_Hz" in text
    assert "Not in the forecast: contention" in text
    lines = text.splitlines()
    assert any(line.split()[:4] == ["cores", "48", "published", "cores"] for line in lines)


def test_facts_for_programs_hold_the_same_numbers() -> None:
    machine, model = read_machine("laptop"), read_network("v1")
    row = forecast(machine, model, Layout(1))
    facts = facts_of(machine, model, [row])
    assert facts["rows"][0]["slowdown"] == row.slowdown
    assert facts["machine"]["inputs"]["cores"]["status"] == "assumed"
    parts = ("computing_s", "events_s", "lookup_s", "waiting_s")
    assert sum(facts["rows"][0][name] for name in parts) == pytest.approx(row.slowdown)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0, "0"), (1234.5, "1,230"), (0.01234, "0.0123"), (3e9, "3.00e+09"), (100.0, "100")]
)
def test_figures_have_three_digits(value: float, text: str) -> None:
    assert figure(value) == text
