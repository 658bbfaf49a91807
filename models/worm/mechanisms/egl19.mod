: egl19: long-lasting calcium current of EGL-19 (Cav1, L type).
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX egl19
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
    minf = sigma(-(u - 5.6)/7.5)
    hinf = (1.43*sigma(-(u - 24.9)/12) + 0.14)*(5.96*sigma((u + 20.5)/8.1) + 0.60)
    mtau = 2.9*exp(-((u - 5.2)/6)*((u - 5.2)/6)) + 1.9*exp(-((u - 1.4)/30)*((u - 1.4)/30)) + 2.3
    htau = 0.4*(44.6*sigma((u + 23)/5) + 36.4*sigma((u - 28.7)/3.7) + 43.1)
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
