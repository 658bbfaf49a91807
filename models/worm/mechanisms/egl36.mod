: egl36: slow potassium current of EGL-36 (Kv3): three gates of one steady state and three time constants.
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX egl36
    USEION k WRITE ik
    RANGE gbar, g, ik
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-4 (S/cm2)  : conductance with all channels open
    erev = -80 (mV)      : reversal potential
    atau = 13 (ms)       : time constant of a
    btau = 63 (ms)       : time constant of b
    ctau = 355 (ms)      : time constant of c
}

ASSIGNED {
    v (mV)
    ik (mA/cm2)
    g (S/cm2)
    minf
}

STATE {
    a
    b
    c
}

INITIAL {
    rates(v)
    a = minf
    b = minf
    c = minf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*(0.33*a + 0.36*b + 0.39*c)
    ik = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    a' = (minf - a)/atau
    b' = (minf - b)/btau
    c' = (minf - c)/ctau
}

UNITSOFF
PROCEDURE rates(u (mV)) {
    minf = sigma(-(u - 63)/28.5)
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
