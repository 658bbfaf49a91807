"""Kernels for CUDA give the CPU's results, in Numba's simulator of a GPU.

What this shows: the kernels' addressing, the order and meaning of operations. What it cannot show: libdevice's own
rounding (exp, log, …), which the simulator takes from NumPy.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from neurosim.kernels import plain
from tests.cuda.build import names
from tests.tolerances import EXACT, ROUNDOFF, SINGLE

Simulated = dict[str, Any]
V_STEP_mV = 1e-3  # conductances of nonlinear currents are differences over this step


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory, root: Path) -> Simulated:
    """Run everything in one process, which has the simulator."""
    pytest.importorskip("numba.cuda", reason='this numba has no CUDA target: pip install "neurosim[cuda-check]"')
    command = [sys.executable, "-m", "tests.cuda.simulate", str(tmp_path_factory.mktemp("simulator"))]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=root,
        env={**os.environ, "NUMBA_ENABLE_CUDASIM": "1"},
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    out: Simulated = json.loads(done.stdout)
    return out


def _entries(simulated: Simulated, mechanism: str, real: str) -> list[dict[str, Any]]:
    found = [e for e in simulated["entries"] if e["mechanism"] == mechanism and e["real"] == real]
    assert found
    return found


@pytest.mark.parametrize("real", ["float64", "float32"])
@pytest.mark.parametrize("mechanism", names())
def test_kernels_give_the_results_of_the_plain_dialect(simulated: Simulated, mechanism: str, real: str) -> None:
    for entry in _entries(simulated, mechanism, real):
        for name, values in entry["simulator"].items():
            expected = np.array(entry["plain"][name])
            # float32 sines are our own, one unit in the last place from NumPy's.
            rtol = SINGLE if mechanism in ("SinClamp", "everything") and real == "float32" else EXACT
            assert np.isfinite(expected).all()
            np.testing.assert_allclose(values, expected, rtol=rtol, atol=0.0, err_msg=f"{entry['program']} {name}")


@pytest.mark.parametrize("mechanism", names())
def test_kernels_give_the_results_of_the_compiled_dialect_of_the_cpu(simulated: Simulated, mechanism: str) -> None:
    for entry in _entries(simulated, mechanism, "float64"):
        for name, values in entry["simulator"].items():
            expected = np.array(entry["compiled"][name])
            scale = np.abs(expected)
            if name == "g":
                scale = scale + np.abs(entry["compiled"]["i"]) / V_STEP_mV
            assert np.all(np.abs(np.array(values) - expected) <= ROUNDOFF * scale), f"{entry['program']} {name}"


def test_threads_beyond_the_last_instance_write_nothing(simulated: Simulated) -> None:
    assert all(entry["untouched"] for entry in simulated["entries"])


@pytest.mark.parametrize("function", ["sin", "cos", "tan"])
def test_our_float32_sines_are_accurate_to_a_rounding_or_two(simulated: Simulated, function: str) -> None:
    exact = getattr(np, function)(np.array(simulated["points"][function]))
    error = np.abs(np.array(simulated["functions"][function]["float32"]) - exact)
    assert np.all(error <= 2 * SINGLE * np.maximum(np.abs(exact), 1.0 if function != "tan" else 0.0))


@pytest.mark.parametrize(("real", "limit"), [("float64", 700.0), ("float32", 80.0)])
def test_exponentials_are_clipped_and_keep_nan(simulated: Simulated, real: str, limit: float) -> None:
    x = np.array(simulated["points"]["exp"])
    got = np.array(simulated["functions"]["exp"][real])
    rtol = ROUNDOFF if real == "float64" else 2 * SINGLE  # NumPy's own exp is 1.1 units off
    with np.errstate(over="ignore", under="ignore"):
        expected = np.where(x < -700.0, 0.0, np.exp(np.minimum(np.float64(x.astype(real)), limit)))
    if real == "float32":
        expected[x < -104.0] = 0.0
    np.testing.assert_allclose(got, expected, rtol=rtol, atol=0.0)
    assert np.isnan(got[np.isnan(x)]).all()


@pytest.mark.parametrize("real", ["float64", "float32"])
def test_tables_are_interpolated_and_end_flat(simulated: Simulated, real: str) -> None:
    x = np.array(simulated["points"]["lookup"])
    # Column 1 of rows (0, 1), (2, 3), … (18, 19) at -3, -1, … 15.
    expected = np.clip(1.0 + (x + 3.0), 1.0, 19.0)
    np.testing.assert_allclose(simulated["functions"]["lookup"][real], expected, rtol=ROUNDOFF, atol=0.0)


def test_random_numbers_are_those_of_the_cpu(simulated: Simulated) -> None:
    draws = np.array(simulated["points"]["uniform"])
    found = {n: {real: np.array(x) for real, x in y.items()} for n, y in simulated["functions"].items()}
    assert (found["uniform"]["float64"] == plain.uniform(3.0, 7.0, draws)).all()
    assert (found["gaussian_draws"]["float64"] == plain.gaussian_draws(3.0, 7.0, draws)).all()
    np.testing.assert_allclose(found["gaussian"]["float64"], plain.gaussian(3.0, 7.0, draws), rtol=ROUNDOFF)
    assert np.abs(found["uniform"]["float32"] - found["uniform"]["float64"]).max() <= 2.0**-23
    assert 0.0 < found["uniform"]["float32"].min() < found["uniform"]["float32"].max() < 1.0
    assert np.isfinite(found["gaussian"]["float32"]).all()
