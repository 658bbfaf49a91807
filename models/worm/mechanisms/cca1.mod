: cca1: low-threshold calcium current of CCA-1 (Cav3, T type).
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX cca1
    USEION ca WRITE ica
    RANGE gbar, g, ica
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-4 (S/cm2)  : conductance with all channels open
    erev = 60 (mV)       : reversal potential
}

ASSIGNED {
    v (mV)
    ica (mA/cm2)
    g (S/cm2)
    minf
    hinf
    mtau (ms)
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
    ica = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

UNITSOFF
PROCEDURE rates(u (mV)) {
    minf = sigma(-(u + 43.32)/7.6)
    hinf = sigma((u + 58)/7)
    mtau = 40*sigma((u + 62.5)/12.6) + 0.7
    htau = 280*sigma((u + 60.7)/8.5) + 19.8
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
