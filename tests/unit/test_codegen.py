"""Generated kernels: which loops, loads and stores a mechanism needs."""

from __future__ import annotations

import ast
import dataclasses

import pytest

import neurosim as ns
from neurosim.engine.channels import ion_names
from neurosim.engine.codegen import FIXED, Layout, Loop, layout_of, module_source, plain_source
from neurosim.mechanisms import Mechanism, library
from neurosim.mechanisms.lower import lower

NOISE = "OUNoise"


def text(mechanism: Mechanism, **loop: object) -> str:
    lowered, ions = lower(mechanism), ion_names(mechanism)
    settings = {"mode": "lanes", "point": mechanism.kind is ns.mechanisms.Kind.POINT, "masked": False, **loop}
    return module_source(lowered, layout_of(lowered, ions), ions, mechanism.name, Loop(**settings))  # type: ignore[arg-type]


def function(source: str, name: str) -> str:
    """Return the source of one function of a module."""
    return next(ast.unparse(n) for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == name)


@pytest.mark.parametrize("name", library.names())
@pytest.mark.parametrize("mode", ["lanes", "gather"])
@pytest.mark.parametrize("masked", [True, False])
def test_every_mechanism_gives_a_module_with_a_kernel_for_each_program(name: str, mode: str, masked: bool) -> None:
    mechanism = library.get(name)
    lowered = lower(mechanism)
    source = text(mechanism, mode=mode, masked=masked)
    defined = {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    for program in (lowered.current, lowered.advance):
        assert ({program.name, f"{program.name}_kernel"} <= defined) == bool(program.outputs)
    ast.parse(plain_source(lowered, name))
    # Every word that a kernel takes from its context is one of the layout.
    words = layout_of(lowered, ion_names(mechanism)).words
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "word":
            assert isinstance(node.args[1], ast.Constant)
            if ast.unparse(node.args[0]) == "context":
                assert 0 <= int(str(node.args[1].value)) < len(words)


@pytest.mark.parametrize("name", library.names())
def test_words_of_a_context_are_unique_and_begin_with_the_fixed_ones(name: str) -> None:
    mechanism = library.get(name)
    layout: Layout = layout_of(lower(mechanism), ion_names(mechanism))
    assert layout.words[: len(FIXED)] == FIXED
    assert len(set(layout.words)) == len(layout.words)
    assert layout.uniforms[0] == "celsius"


def test_the_same_mechanism_under_other_defaults_has_the_same_text() -> None:
    assert text(library.get("hh")) == text(library.get("hh")(gnabar=7.0, el=-1.0))


def test_lanes_load_whole_rows_and_gather_takes_them_one_by_one() -> None:
    lanes, gathered = (function(text(library.get("hh"), mode=m), "current_kernel") for m in ("lanes", "gather"))
    assert "scatter" not in lanes
    assert "gather(" not in lanes
    assert lanes.count("store(w_R") == lanes.count("store(w_D") == 1
    assert gathered.count("scatter_fma(w_R") == gathered.count("scatter_fma(w_D") == 1


def test_only_rows_with_empty_lanes_are_masked() -> None:
    assert "where(scale > 0.0, y_i, 0.0)" in text(library.get("pas"), masked=True)
    assert "where(scale > 0.0, y_i, 0.0)" not in text(library.get("pas"), masked=False)


def test_an_ion_current_nobody_reads_is_not_added_up() -> None:
    everything = function(text(library.get("hh")), "current_kernel")
    nothing = function(text(library.get("hh"), unread=frozenset({"ina", "ik"})), "current_kernel")
    assert "store(w_ina" in everything
    assert "store(w_ik" in everything
    assert "store(w_ina" not in nothing
    assert "store(w_ik" not in nothing
    assert "w_ena" in nothing


def test_a_point_process_turns_its_ion_current_into_a_density() -> None:
    mechanism = ns.mechanisms.loads(
        "NEURON { POINT_PROCESS spot USEION ca WRITE ica RANGE g } PARAMETER { g = 1 } ASSIGNED { v ica }"
        " BREAKPOINT { ica = g*(v - 100) }"
    )
    assert "y_ica * (100.0 / load(w_AREA, e))" in text(mechanism)


def test_noise_is_drawn_in_the_kernel_that_needs_it() -> None:
    source = text(library.get(NOISE))
    assert "standard_normal(w_NORMAL, i, t, dt)" in function(source, "advance_kernel")
    assert "standard_normal" not in function(source, "current_kernel")


def test_a_loop_is_a_value() -> None:
    loop = Loop("lanes", False, True)
    assert dataclasses.replace(loop, masked=False) == Loop("lanes", False, False)
    assert hash(loop) == hash(Loop("lanes", False, True))
