"""The dialect on lanes: exact against its scalars, the C library's functions and the plain twin."""

from __future__ import annotations

import math
from collections.abc import Callable
from types import ModuleType

import numpy as np
import pytest

from neurosim.engine.build import load_module
from neurosim.kernels import plain
from neurosim.kernels.simd import LANES

UNARY = (
    "exp", "log", "log10", "sqrt", "floor", "ceil", "fabs", "sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh",
    "tanh",
)  # fmt: skip
BINARY = {
    "pow_": math.pow, "atan2": math.atan2, "fmod_": math.fmod, "plus": lambda x, y: x + y, "minus": lambda x, y: x - y,
    "times": lambda x, y: x * y, "over": lambda x, y: x / y,
}  # fmt: skip
EXP_ULP = 1.1
"""Units in the last place: 0.92 on [-ln2/2, ln2/2], up to 1.06 where the reduction adds its rounding."""

SYMBOLS = {"plus": "+", "minus": "-", "times": "*", "over": "/"}
COMPARED = {"lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!="}


def source() -> str:
    """Every operation over an array: ``wide_*`` by lanes, ``one_*`` by scalars; arguments are addresses and n."""
    lines = [
        "from numba import njit",
        "from neurosim.kernels.access import *",
        "from neurosim.kernels.simd import *",
        "from neurosim.kernels.simd import lanes_of, splat, lane, with_lane",
    ]

    def define(name: str, args: list[str], value: str) -> None:
        pointers = ", ".join(f"p_{a}" for a in args)
        for kind, step, get, put in (("wide", LANES, "load", "store"), ("one", 1, "load_one", "store_one")):
            lines.extend(
                [
                    "@njit(cache=True, error_model='numpy')",
                    f"def {kind}_{name}({pointers}, out, n):",
                    f"    for i in range(0, n, {step}):",
                    *(f"        {a} = {get}(p_{a}, i)" for a in args),
                    f"        {put}(out, i, {value})",
                ]
            )

    for name in UNARY:
        define(name, ["x"], f"{name}(x)")
    define("negative", ["x"], "-x")
    for name in BINARY:
        define(name, ["x", "y"], f"x {SYMBOLS[name]} y" if name in SYMBOLS else f"{name}(x, y)")
    for name, sign in COMPARED.items():
        define(name, ["x", "y"], f"where(x {sign} y, 1.0, 0.0)")
    define("minimum", ["x", "y"], "minimum(x, y)")
    define("maximum", ["x", "y"], "maximum(x, y)")
    define("fma", ["x", "y", "z"], "fma(x, y, z)")
    define("unfused", ["x", "y", "z"], "x * y + z")
    define(
        "logic", ["x", "y"], "where(both(x > 0.0, negate(y > 0.0)), where(either(x > 1.0, y < -1.0), 3.0, x), no(x, y))"
    )
    lines.insert(4, "@njit(forceinline=True)\ndef no(x, y):\n    return where(no_lane(x), 5.0, y)")
    lines.append(MEMORY)
    return "\n".join(lines)


MEMORY = """
@njit(cache=True)
def do_gather(values, index, out):
    store(out, 0, gather(values, index, 2))

@njit(cache=True)
def do_scatter(into, index, values):
    scatter(into, index, 2, load(values, 0))

@njit(cache=True)
def do_scatter_add(into, index, values):
    scatter_add(into, index, 2, load(values, 0))

@njit(cache=True)
def do_scatter_fma(into, index, a, b):
    scatter_fma(into, index, 2, load(a, 0), load(b, 0))

@njit(cache=True)
def do_every(x):
    return every(load(x, 0) > 0.0), lanes_of(load(x, 0) > 0.0)

@njit(cache=True)
def do_lanes(x, out):
    v = load(x, 0)
    for k in range(8):
        store(out, k * 8, with_lane(v, k, lane(v, 7 - k) + 100.0))
    store(out, 64, splat(2.5))

@njit(cache=True)
def do_lookup(table, x, out, low, per_step, count, n):
    for i in range(0, n, 8):
        store(out, i, lookup(table, 1, 3, load(x, i), low, per_step, count))
    for i in range(n):
        store_one(out, n + i, lookup(table, 1, 3, load_one(x, i), low, per_step, count))
"""


@pytest.fixture(scope="module")
def compiled() -> ModuleType:
    return load_module("test_simd", source())


def address(array: np.ndarray) -> int:
    assert array.flags.c_contiguous
    return array.ctypes.data


def both(compiled: ModuleType, name: str, *args: np.ndarray) -> np.ndarray:
    """Return the result of lanes, after asserting that scalars give the same bits."""
    wide, one = np.zeros(len(args[0])), np.zeros(len(args[0]))
    for kind, out in (("wide", wide), ("one", one)):
        getattr(compiled, f"{kind}_{name}")(*map(address, args), address(out), len(out))
    agree = (wide.view(np.int64) == one.view(np.int64)) | (np.isnan(wide) & np.isnan(one))
    assert agree.all()
    return wide


def numbers(seed: int, n: int = 4096) -> np.ndarray:
    """Return floats of many magnitudes and both signs, integers, and special values."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal(n) * 10.0 ** rng.integers(-12, 12, n)
    x[: n // 8] = rng.integers(-9, 10, n // 8)
    x[-12:] = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.0, -1.0, 0.5, 5e-324, 1e308, -1e308, 1e-300]
    return rng.permutation(x)


# --- exp ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(np.finfo(np.longdouble).nmant < 60, reason="needs an extended type for the reference")
@pytest.mark.parametrize("span", [700.0, 50.0, 1.0, 1e-3, 1e-9])
def test_exp_is_within_a_unit_in_the_last_place(span: float, compiled: ModuleType) -> None:
    rng = np.random.default_rng(3)
    halves = np.arange(-2019, 2020) * (math.log(2.0) / 2.0)  # where the reduced argument is largest
    near = np.concatenate([np.nextafter(halves, d) for d in (-np.inf, np.inf)])
    x = np.concatenate([rng.uniform(-span, span, 100_000), near[np.abs(near) <= span], [0.0] * LANES])
    x = x[: len(x) // LANES * LANES].copy()
    exact = np.exp(x.astype(np.longdouble))
    y = both(compiled, "exp", x)
    error = np.abs(y - exact) / np.spacing(exact.astype(float))
    assert error.max() < EXP_ULP
    assert error.max() > 0.3, "a test that measures something"


def test_exp_clips_as_nmodl_and_passes_nan_on(compiled: ModuleType) -> None:
    x = np.array([-700.1, -1e9, -np.inf, 700.0, 700.1, np.inf, np.nan, -700.0, 0.0, -0.0, 709.9, -np.nan, -745.0, 1e308,
                  np.nextafter(-700.0, -1e3), -1e308])  # fmt: skip
    top = math.exp(700.0)
    expected = [0, 0, 0, top, top, top, np.nan, math.exp(-700.0), 1, 1, top, np.nan, 0, top, 0, 0]
    np.testing.assert_allclose(both(compiled, "exp", x), expected, rtol=2.3e-16, atol=0.0)
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(both(compiled, "exp", x), plain.exp(x), rtol=2.3e-16, atol=0.0)


# --- arithmetic -----------------------------------------------------------------------------------------------------


def safely(function: Callable[..., float], *args: float) -> float:
    try:
        return float(function(*args))
    except (ValueError, OverflowError):
        return math.nan


@pytest.mark.parametrize("name", [n for n in UNARY if n != "exp"])
def test_functions_equal_the_c_librarys_in_every_lane(name: str, compiled: ModuleType) -> None:
    x = numbers(1) if name not in ("asin", "acos") else np.random.default_rng(1).uniform(-1.0, 1.0, 512)
    y = both(compiled, name, x)
    reference = np.array([safely(getattr(math, name), v) for v in x.tolist()])
    usual = ~np.isnan(reference)
    assert usual.sum() > len(x) // 4
    np.testing.assert_array_equal(y[usual], reference[usual])
    with np.errstate(all="ignore"):
        theirs = getattr(plain, name)(x)
    np.testing.assert_array_equal(np.isnan(y), np.isnan(theirs))
    np.testing.assert_array_equal(np.isinf(y), np.isinf(theirs))


@pytest.mark.parametrize("name", BINARY)
def test_two_operands_equal_pythons_in_every_lane(name: str, compiled: ModuleType) -> None:
    x, y = numbers(1), numbers(2)
    if name == "pow_":
        x, y = np.abs(x), np.clip(y, -20.0, 20.0)
    if name == "over":
        y[y == 0.0] = 3.0
    result = both(compiled, name, x, y)
    reference = np.array([safely(BINARY[name], a, b) for a, b in zip(x.tolist(), y.tolist(), strict=True)])
    usual = ~np.isnan(reference)
    assert usual.sum() > len(x) // 2
    np.testing.assert_array_equal(result[usual], reference[usual])


def test_division_by_zero_gives_infinity(compiled: ModuleType) -> None:
    x = np.array([1.0, -1.0, 0.0, 2.0] * 2)
    np.testing.assert_array_equal(both(compiled, "over", x, np.zeros(8)), [np.inf, -np.inf, np.nan, np.inf] * 2)


def test_fma_rounds_once_and_a_product_and_a_sum_twice(compiled: ModuleType) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.standard_normal((2, 2048))
    z = -x * y * (1.0 + rng.integers(-3, 4, 2048) * 2.0**-52)
    fused = both(compiled, "fma", x, y, z)
    np.testing.assert_array_equal(fused, plain.fma(x, y, z))
    unfused = both(compiled, "unfused", x, y, z)
    np.testing.assert_array_equal(unfused, x * y + z)
    assert (fused != unfused).mean() > 0.5


def test_a_minus_keeps_the_sign_of_zero(compiled: ModuleType) -> None:
    x = np.array([0.0, -0.0, 1.0, -1.0] * 2)
    assert np.signbit(both(compiled, "negative", x)).tolist() == [True, False, True, False] * 2


@pytest.mark.parametrize("name", COMPARED)
def test_comparisons_with_nan_are_false_but_for_unequal(name: str, compiled: ModuleType) -> None:
    x = np.repeat([1.0, 2.0, np.nan, np.inf, -0.0, 0.0, -np.inf, 1.0], 8)
    y = np.tile([1.0, 2.0, np.nan, np.inf, -0.0, 0.0, -np.inf, 1.0], 8)
    expected = eval(f"x {COMPARED[name]} y", {"x": x, "y": y})
    np.testing.assert_array_equal(both(compiled, name, x, y), expected.astype(float))


def test_minimum_and_maximum_keep_a_nan_of_the_first_argument(compiled: ModuleType) -> None:
    x = np.array([1.0, 2.0, np.nan, 1.0, np.inf, -np.inf, 0.0, 5.0])
    y = np.array([2.0, 1.0, 1.0, np.nan, 1.0, 1.0, 0.0, 5.0])
    np.testing.assert_array_equal(both(compiled, "minimum", x, y), [1, 1, np.nan, 1, 1, -np.inf, 0, 5])
    np.testing.assert_array_equal(both(compiled, "maximum", x, y), [2, 2, np.nan, 1, np.inf, 1, 0, 5])


def test_masks_choose_lane_by_lane(compiled: ModuleType) -> None:
    x, y = numbers(5), numbers(6)
    inner = np.where((x > 1.0) | (y < -1.0), 3.0, x)
    np.testing.assert_array_equal(both(compiled, "logic", x, y), np.where((x > 0.0) & ~(y > 0.0), inner, y))


@pytest.mark.parametrize("lane", range(LANES))
def test_every_needs_every_lane(lane: int, compiled: ModuleType) -> None:
    x = np.ones(LANES)
    assert compiled.do_every(address(x)) == (True, 2**LANES - 1)
    x[lane] = np.nan
    assert compiled.do_every(address(x)) == (False, 2**LANES - 1 - 2**lane)
    x[:] = -1.0
    x[lane] = 1.0
    assert compiled.do_every(address(x)) == (False, 2**lane)


def test_lanes_are_taken_and_replaced_by_number(compiled: ModuleType) -> None:
    x, out = np.arange(8.0), np.zeros(72)
    compiled.do_lanes(address(x), address(out))
    expected = np.tile(x, (8, 1))
    expected[np.arange(8), np.arange(8)] = 7.0 - np.arange(8) + 100.0
    np.testing.assert_array_equal(out[:64].reshape(8, 8), expected)
    np.testing.assert_array_equal(out[64:], np.full(8, 2.5))


# --- memory ---------------------------------------------------------------------------------------------------------

INDEX = np.array([99, 99, 3, 0, 3, 7, 3, 1, 0, 9], np.int32)  # two to skip, then lanes with repetitions


def test_gather_takes_repeated_elements(compiled: ModuleType) -> None:
    values, out = np.arange(10.0) * 1.5, np.zeros(8)
    compiled.do_gather(address(values), address(INDEX), address(out))
    np.testing.assert_array_equal(out, values[INDEX[2:]])


def test_scatter_keeps_the_last_lane_of_repeated_elements(compiled: ModuleType) -> None:
    into, values = np.full(10, -1.0), np.arange(8.0)
    compiled.do_scatter(address(into), address(INDEX), address(values))
    expected = np.full(10, -1.0)
    for lane, place in enumerate(INDEX[2:]):
        expected[place] = values[lane]
    np.testing.assert_array_equal(into, expected)


def test_scatter_add_and_fma_accumulate_repeated_elements_in_lane_order(compiled: ModuleType) -> None:
    rng = np.random.default_rng(8)
    # Magnitudes so different that another order gives another sum.
    a, b = rng.standard_normal((2, 8)) * 10.0 ** rng.integers(-8, 9, (2, 8))
    added, fused = rng.standard_normal((2, 10))
    expected_sum, expected_fma = added.copy(), fused.copy()
    for lane, place in enumerate(INDEX[2:]):
        expected_sum[place] += a[lane]
        expected_fma[place] = plain.fma(a[lane], b[lane], expected_fma[place])
    compiled.do_scatter_add(address(added), address(INDEX), address(a))
    compiled.do_scatter_fma(address(fused), address(INDEX), address(a), address(b))
    np.testing.assert_array_equal(added, expected_sum)
    np.testing.assert_array_equal(fused, expected_fma)


def test_lookup_equals_its_twin_inside_at_the_ends_beyond_and_for_nan(compiled: ModuleType) -> None:
    rng = np.random.default_rng(9)
    count, low, high = 200, -100.0, 100.0
    table = rng.standard_normal((count + 1, 3))
    per_step = 1.0 / ((high - low) / count)
    ends = [
        low,
        high,
        np.nextafter(low, -1e9),
        np.nextafter(high, 1e9),
        np.nextafter(high, 0.0),
        np.nan,
        np.inf,
        -np.inf,
    ]
    x = np.concatenate(
        [ends, rng.uniform(-130.0, 130.0, 400), np.arange(-100.0, 100.0), [1e300, -1e300, 1e18, -1e18] * 2]
    )
    out = np.zeros(2 * len(x))
    compiled.do_lookup(address(table), address(x), address(out), low, per_step, count, len(x))
    np.testing.assert_array_equal(out[: len(x)], out[len(x) :])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(out[: len(x)], plain.lookup(table, 1, 3, x, low, per_step, count))
    assert out[:8].tolist()[:5] == [table[0, 1], table[-1, 1], table[0, 1], table[-1, 1], out[4]]
    assert np.isnan(out[5])
    assert out[6] == table[-1, 1]
    assert out[7] == table[0, 1]
