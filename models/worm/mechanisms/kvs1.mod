: kvs1: potassium current of KVS-1 (Kv3).
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX kvs1
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
}

ASSIGNED {
    v (mV)
    ik (mA/cm2)
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
    g = gbar*m*h
    ik = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

UNITSOFF
PROCEDURE rates(u (mV)) {
    minf = sigma(-(u - 57.1)/25)
    hinf = sigma((u - 47.3)/11.1)
    mtau = 30*sigma((u - 18.1)/20) + 1
    htau = 88.5*sigma((u - 50)/15) + 53.4
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
