: unc2: calcium current of UNC-2 (Cav2, P/Q type).
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX unc2
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
    g = gbar*m*h
    ica = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

UNITSOFF
PROCEDURE rates(u (mV)) {
    minf = sigma(-(u + 12.2)/4)
    hinf = sigma((u + 52.5)/5.6)
    mtau = 1.5/(exp(-(u + 8.2)/9.1) + exp((u + 8.2)/15.4)) + 0.1
    htau = 83.8*sigma((u - 52.9)/3.5) + 72.1*sigma(-(u - 23.9)/3.6)
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
