"""Make ``tests/data/rallpack3.h5``: Rallpack 3 solved by a method of its own, of second order, with a step of 1 us.

Rallpack 3 (Bhalla, Bilitch and Bower 1992, Trends Neurosci. 15:453): the cable of Rallpack 1 (1 mm long, 1 um thick,
1000 compartments, Ra 100 ohm cm, Rm 40000 ohm cm2, Cm 1 uF/cm2) with Hodgkin and Huxley's channels in every
compartment; leak and rest at -65 mV, ENa 50, EK -77 mV, 0.12 and 0.036 S/cm2; 0.1 nA into the first compartment for
250 ms.

Method: Crank and Nicolson for the voltage, gates staggered by half a step and exact for frozen rates (Mascagni and
Sherman in Koch and Segev 1998, chapter 14). It shares no code with neurosim. The error is estimated by a run of twice
the step: errors fall by 4, so the fine run is within a third of the difference.

    python tests/reference/make_rallpack3.py        (about half a minute)
"""

from __future__ import annotations

import datetime
import math
from pathlib import Path

import h5py
import numba
import numpy as np
import numpy.typing as npt

COUNT, LENGTH_um, DIAM_um = 1000, 1000.0, 1.0
RA_ohm_cm, G_LEAK, CM, G_NA, G_K = 100.0, 1.0 / 40000.0, 1.0, 0.12, 0.036
E_REST_mV, E_NA_mV, E_K_mV = -65.0, 50.0, -77.0
CURRENT_nA, UNTIL_ms, SAMPLE_ms = 0.1, 250.0, 0.05

Floats = npt.NDArray[np.float64]


@numba.njit
def linear_over_exp(u: float) -> float:
    """Return u/(exp(u) - 1), continuous at 0."""
    return 1.0 - u / 2.0 if abs(u) < 1e-6 else u / math.expm1(u)


@numba.njit
def rates(v: float) -> tuple[float, float, float, float, float, float]:
    """Return alpha and beta of m, h, n in 1/ms (Hodgkin and Huxley 1952, rest moved to -65 mV)."""
    return (
        linear_over_exp(-(v + 40.0) / 10.0),
        4.0 * math.exp(-(v + 65.0) / 18.0),
        0.07 * math.exp(-(v + 65.0) / 20.0),
        1.0 / (math.exp(-(v + 35.0) / 10.0) + 1.0),
        0.1 * linear_over_exp(-(v + 55.0) / 10.0),
        0.125 * math.exp(-(v + 65.0) / 80.0),
    )


@numba.njit
def advance_gates(v: Floats, gates: Floats, dt: float) -> None:
    """Advance m, h, n, float64 (3, n), by ``dt`` with the rates frozen at ``v``."""
    for k in range(v.size):
        am, bm, ah, bh, an, bn = rates(v[k])
        gates[0, k] += (am / (am + bm) - gates[0, k]) * -math.expm1(-dt * (am + bm))
        gates[1, k] += (ah / (ah + bh) - gates[1, k]) * -math.expm1(-dt * (ah + bh))
        gates[2, k] += (an / (an + bn) - gates[2, k]) * -math.expm1(-dt * (an + bn))


@numba.njit
def solve(dt: float, steps: int, every: int, axial: float, injected: float) -> Floats:
    """Return the voltage of the two ends every ``every`` steps, float64 (n, 2).

    ``axial`` is the conductance to a neighbour in S/cm2 of a compartment's membrane, ``injected`` in mA/cm2.
    """
    v = np.full(COUNT, E_REST_mV)
    gates = np.empty((3, COUNT))
    am, bm, ah, bh, an, bn = rates(E_REST_mV)
    gates[0, :], gates[1, :], gates[2, :] = am / (am + bm), ah / (ah + bh), an / (an + bn)
    advance_gates(v, gates, dt / 2.0)
    load = CM * 1e-3 / (dt / 2.0)  # uF/cm2 per ms = mS/cm2
    ratio, value = np.empty(COUNT), np.empty(COUNT)
    out = np.empty((steps // every + 1, 2))
    out[0, 0], out[0, 1] = v[0], v[-1]
    for step in range(1, steps + 1):
        for k in range(COUNT):
            g_na = G_NA * gates[0, k] ** 3 * gates[1, k]
            g_k = G_K * gates[2, k] ** 4
            diag = load + g_na + g_k + G_LEAK + axial * ((k > 0) + (k < COUNT - 1))
            right = load * v[k] + g_na * E_NA_mV + g_k * E_K_mV + G_LEAK * E_REST_mV
            if k == 0:
                right += injected
            else:
                diag -= axial * ratio[k - 1]
                right += axial * value[k - 1]
            ratio[k] = axial / diag
            value[k] = right / diag
        middle = value[COUNT - 1]
        v[COUNT - 1] = 2.0 * middle - v[COUNT - 1]
        for k in range(COUNT - 2, -1, -1):
            middle = value[k] + ratio[k] * middle
            v[k] = 2.0 * middle - v[k]
        advance_gates(v, gates, dt)
        if step % every == 0:
            out[step // every, 0], out[step // every, 1] = v[0], v[-1]
    return out


def ends(dt_ms: float) -> Floats:
    """Return the voltage of both ends every ``SAMPLE_ms``."""
    piece_cm = LENGTH_um / COUNT * 1e-4
    diam_cm = DIAM_um * 1e-4
    axial = diam_cm / (4.0 * RA_ohm_cm * piece_cm**2)
    injected = CURRENT_nA * 1e-6 / (math.pi * diam_cm * piece_cm)
    every = round(SAMPLE_ms / dt_ms)
    return np.asarray(solve(dt_ms, round(UNTIL_ms / dt_ms), every, axial, injected), np.float64)


def main() -> None:
    """Solve twice, say how well, write."""
    fine, coarse = ends(0.001), ends(0.002)
    error_mV = float(np.max(np.abs(fine - coarse)) / 3.0)
    rms_mV = float(np.sqrt(np.mean((fine - coarse) ** 2)) / 3.0)
    path = Path(__file__).parent.parent / "data" / "rallpack3.h5"
    path.parent.mkdir(exist_ok=True)
    with h5py.File(path, "w") as file:
        data = file.create_dataset("v_mV", data=fine.astype(np.float32), compression="gzip", shuffle=True)
        data.attrs["columns"] = ["first compartment", "last compartment"]
        file.attrs["sample_ms"] = SAMPLE_ms
        file.attrs["greatest_error_mV"], file.attrs["rms_error_mV"] = error_mV, rms_mV
        file.attrs["made_by"] = f"tests/reference/make_rallpack3.py, numba {numba.__version__}, numpy {np.__version__}"
        file.attrs["date"] = datetime.date.today().isoformat()
    print(f"{path}: {path.stat().st_size} bytes, greatest error {error_mV:.2g} mV, rms {rms_mV:.2g} mV")


if __name__ == "__main__":
    main()
