"""Closed solutions of the cable equation, derived here, for comparison with the simulator.

A uniform passive cylinder with sealed ends, current I into x = 0 from t = 0 on, v measured from rest::

    tau dV/dt = lambda^2 d2V/dx2 - V,     tau = Rm Cm,   lambda^2 = (d/4) Rm/Ra

Steady state: V(x) = I R cosh((L - x)/lambda) / sinh(L/lambda) with R = (2/pi) sqrt(Rm Ra) d^(-3/2), the input
resistance of the half-infinite cylinder (Rall 1969, Biophys. J. 9:1483). Expanding in the cosines that have no slope at
either end, each mode n decays with (1 + k_n^2)/tau, k_n = n pi lambda/L::

    V(x, t) = V(x) - I R (lambda/L) exp(-t/tau) [1 + 2 sum_n cos(n pi x/L)/(1 + k_n^2) exp(-k_n^2 t/tau)]

Units: um, ms, mV, nA, ohm cm, S/cm2, uF/cm2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from neurosim.units import CM2_PER_UM2, MOHM_PER_OHM, MS_PER_US, NF_PER_UF, UM_PER_CM, US_PER_S

Floats = npt.NDArray[np.float64]

_MODES_N = 400


@dataclass(frozen=True)
class Cable:
    """A uniform passive cylinder."""

    length_um: float
    diam_um: float
    ra_ohm_cm: float
    g_S_per_cm2: float
    cm_uF_per_cm2: float

    @property
    def tau_ms(self) -> float:
        """Membrane time constant: uF/S = us."""
        return self.cm_uF_per_cm2 / self.g_S_per_cm2 * MS_PER_US

    @property
    def lambda_um(self) -> float:
        """Length constant sqrt((d/4) / (Ra g))."""
        diam_cm = self.diam_um / UM_PER_CM
        return float(np.sqrt(diam_cm / (4.0 * self.ra_ohm_cm * self.g_S_per_cm2)) * UM_PER_CM)

    @property
    def half_infinite_MOhm(self) -> float:
        """Input resistance of the half-infinite cylinder: Ra lambda over the cross-section."""
        section_cm2 = np.pi * (self.diam_um / UM_PER_CM / 2.0) ** 2
        return float(self.ra_ohm_cm * self.lambda_um / UM_PER_CM / section_cm2 * MOHM_PER_OHM)

    def steady_mV(self, x_um: npt.ArrayLike, current_nA: float) -> Floats:
        """Return the steady response to a current into the end x = 0; nA MOhm = mV."""
        x = np.asarray(x_um, np.float64)
        far = (self.length_um - x) / self.lambda_um
        scale = current_nA * self.half_infinite_MOhm / np.sinh(self.length_um / self.lambda_um)
        return np.asarray(scale * np.cosh(far), np.float64)

    def step_mV(self, x_um: float, t_ms: npt.ArrayLike, current_nA: float) -> Floats:
        """Return the response at ``x_um`` to a step of current into the end x = 0 at t = 0; t > 0."""
        t = np.asarray(t_ms, np.float64)[:, None] / self.tau_ms
        number = np.arange(1, _MODES_N + 1)
        rate = (number * np.pi * self.lambda_um / self.length_um) ** 2
        modes = np.cos(number * np.pi * x_um / self.length_um) / (1.0 + rate) * np.exp(-rate * t)
        scale = current_nA * self.half_infinite_MOhm * self.lambda_um / self.length_um
        decay = scale * np.exp(-t[:, 0]) * (1.0 + 2.0 * modes.sum(axis=1))
        return np.asarray(self.steady_mV(x_um, current_nA) - decay, np.float64)


@dataclass(frozen=True)
class Discrete:
    """The same cylinder cut into equal compartments, as matrices: C dV/dt = -G V + I.

    ``c_nF`` float64 (n,); ``g_uS`` float64 (n, n) holds leak and axial conductances.
    """

    c_nF: Floats
    g_uS: Floats

    @classmethod
    def of(cls, cable: Cable, count: int) -> Discrete:
        """Cut ``cable`` into ``count`` compartments."""
        piece_um = cable.length_um / count
        area_cm2 = np.pi * cable.diam_um * piece_um * CM2_PER_UM2
        section_um2 = np.pi * cable.diam_um**2 / 4.0
        axial_uS = section_um2 / (cable.ra_ohm_cm * UM_PER_CM * piece_um) * US_PER_S
        g_uS = np.eye(count) * cable.g_S_per_cm2 * area_cm2 * US_PER_S
        for k in range(count - 1):
            g_uS[k : k + 2, k : k + 2] += axial_uS * np.array([[1.0, -1.0], [-1.0, 1.0]])
        c_nF = np.full(count, cable.cm_uF_per_cm2 * area_cm2 * NF_PER_UF)
        return cls(c_nF, g_uS)

    def step_mV(self, t_ms: float, current_nA: Floats) -> Floats:
        """Return the exact response of all compartments at ``t_ms`` to constant currents from t = 0, float64 (n,)."""
        root = np.sqrt(self.c_nF)
        rates, modes = np.linalg.eigh(self.g_uS / np.outer(root, root))
        forcing = modes.T @ (current_nA / root)
        return np.asarray(modes @ (forcing * -np.expm1(-rates * t_ms) / rates) / root, np.float64)


def order(steps: npt.ArrayLike, errors: npt.ArrayLike) -> float:
    """Return the fitted order of convergence: the slope of log(error) over log(step)."""
    slope = np.polyfit(np.log(np.asarray(steps, np.float64)), np.log(np.asarray(errors, np.float64)), 1)[0]
    return float(slope)
