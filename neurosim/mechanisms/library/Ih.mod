: Ih: hyperpolarisation-activated cation current; the rates do not depend on temperature.
: Source: Kole, Hallermann and Stuart 2006, J Neurosci 26:1677-1687.

NEURON {
    SUFFIX Ih
    NONSPECIFIC_CURRENT ihcn
    RANGE gbar, g, ihcn
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-5 (S/cm2)  : conductance with all channels open
    ehcn = -45 (mV)      : reversal potential
}

ASSIGNED {
    v (mV)
    ihcn (mA/cm2)
    g (S/cm2)
    minf
    mtau (ms)
}

STATE {
    m
}

INITIAL {
    rates(v)
    m = minf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m
    ihcn = g*(v - ehcn)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
}

PROCEDURE rates(u (mV)) {
    LOCAL opening, closing
    opening = 0.00643*linexp(u + 154.9, 11.9)
    closing = 0.193*exp(u/33.1)
    minf = opening/(opening + closing)
    mtau = 1/(opening + closing)
}

: x/(exp(x/y) - 1), with its first-order expansion where numerator and denominator vanish.
FUNCTION linexp(x, y) {
    if (fabs(x/y) < 1e-6) {
        linexp = y*(1 - x/y/2)
    } else {
        linexp = x/(exp(x/y) - 1)
    }
}
