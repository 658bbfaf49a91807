: Ca_HVA: high-voltage activated calcium current; the rates do not depend on temperature.
: Source: Reuveni et al. 1993, J Neurosci 13:4609-4621.

NEURON {
    SUFFIX Ca_HVA
    USEION ca READ eca WRITE ica
    RANGE gbar, g, ica
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-5 (S/cm2)  : conductance with all channels open
}

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
    g (S/cm2)
    minf
    mtau (ms)
    hinf
    htau (ms)
}

STATE {
    m
    h
}

INITIAL {
    rates(v)
    m = minf
    h = hinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m*m*h
    ica = g*(v - eca)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(u (mV)) {
    LOCAL opening, closing
    opening = 0.055*linexp(-27 - u, 3.8)
    closing = 0.94*exp(-(u + 75)/17)
    minf = opening/(opening + closing)
    mtau = 1/(opening + closing)

    opening = 0.000457*exp(-(u + 13)/50)
    closing = 0.0065/(exp(-(u + 15)/28) + 1)
    hinf = opening/(opening + closing)
    htau = 1/(opening + closing)
}

: x/(exp(x/y) - 1), with its first-order expansion where numerator and denominator vanish.
FUNCTION linexp(x, y) {
    if (fabs(x/y) < 1e-6) {
        linexp = y*(1 - x/y/2)
    } else {
        linexp = x/(exp(x/y) - 1)
    }
}
