"""Names that NMODL gives a meaning: reserved variables, built-in functions, solver methods."""

from __future__ import annotations

#: Variables of the simulator and their units; read-only in a mechanism.
RESERVED: dict[str, str] = {"v": "mV", "t": "ms", "dt": "ms", "celsius": "degC", "area": "um2", "diam": "um"}

#: Built-in functions and how many arguments they take.
BUILTINS: dict[str, int] = {
    **dict.fromkeys(("exp", "log", "log10", "sqrt", "fabs", "abs", "floor", "ceil"), 1),
    **dict.fromkeys(("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh"), 1),
    **dict.fromkeys(("pow", "atan2", "fmod"), 2),
    "nrn_ghk": 4,
}

#: Functions of the native form: those of NMODL, a choice, x/(exp(x) - 1), extremes, Nernst's and Goldman's equations.
NATIVE_FUNCTIONS: dict[str, int] = {**BUILTINS, "where": 3, "exprel": 1, "min": 2, "max": 2, "nernst": 3, "ghk": 4}

#: Statements of events and how many arguments they take.
EVENTS: dict[str, int] = {"net_send": 2, "net_event": 1, "net_move": 1}

#: Functions that draw random numbers and the numbers of arguments they can take, a RANDOM variable not counted.
DRAWING: dict[str, tuple[int, ...]] = {
    "scop_random": (0, 1),
    "exprand": (1,),
    "normrand": (2,),
    "random_dpick": (0,),
    "random_ipick": (0,),
    "random_uniform": (0, 2),
    "random_normal": (0, 2),
    "random_negexp": (0, 1),
    "random_setseq": (1,),
    "random_setids": (3,),
}

#: Functions that NMODL knows and neurosim does not run, and the construct they belong to.
REFUSED_FUNCTIONS: dict[str, str] = {
    **dict.fromkeys(("poisrand", "poisson", "gauss", "rand", "nrn_random_play", "nrn_random_pick"), "RANDOM"),
    "nrn_get_mechname": "POINTER",
    **dict.fromkeys(
        (
            *("force", "deflate", "expfit", "derivs", "spline", "hyperbol", "revhyperbol", "sigmoid", "revsigmoid"),
            *("harmonic", "squarewave", "sawtooth", "revsawtooth", "ramp", "pulse", "perpulse", "step", "perstep"),
            *("erf", "factorial", "boundary", "romberg", "legendre", "invert", "stepforce", "schedule", "threshold"),
            *("error", "prterr", "first_time", "state_discontinuity"),
        ),
        "",
    ),
}

#: Methods a SOLVE may name, by kind of block ("" is no METHOD).
METHODS: dict[str, tuple[str, ...]] = {
    "derivative": ("cnexp", "derivimplicit", "euler", "runge", ""),
    "kinetic": ("sparse", ""),
    "linear": ("", "simeq"),
    "nonlinear": ("", "newton"),
    "procedure": ("", "after_cvode", "cvode_t", "cvode_t_v", "cvode_v"),
}

#: Methods of NMODL that neurosim does not run.
REFUSED_METHODS = ("adams", "adeuler", "heun", "adrunge", "newton", "simplex", "gear", "clsoda", "_advance", "simeq")


def ion_variables(ion: str) -> tuple[str, str, str, str]:
    """Return reversal potential, current, inner and outer concentration of an ion: ``eca ica cai cao``."""
    return f"e{ion}", f"i{ion}", f"{ion}i", f"{ion}o"
