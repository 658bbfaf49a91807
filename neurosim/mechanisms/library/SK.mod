: SK: potassium current of small-conductance channels opened by calcium inside; not dependent on voltage or temperature.
: Source: Koehler et al. 1996, Science 273:1709-1714.
: zinf = 1/(1 + (0.00043 mM/cai)^4.8); below 1e-7 mM, 1e-7 is added to cai so that the quotient stays finite.

NEURON {
    SUFFIX SK
    USEION k READ ek WRITE ik
    USEION ca READ cai
    RANGE gbar, g, ik
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
    (molar) = (1/liter)
    (mM) = (millimolar)
}

PARAMETER {
    gbar = 1e-6 (S/cm2)  : conductance with all channels open
    zTau = 1 (ms)        : time constant of opening
}

ASSIGNED {
    v (mV)
    ek (mV)
    cai (mM)
    ik (mA/cm2)
    g (S/cm2)
}

STATE {
    z
}

INITIAL {
    z = zinf(cai)
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*z
    ik = g*(v - ek)
}

DERIVATIVE gates {
    z' = (zinf(cai) - z)/zTau
}

FUNCTION zinf(c (mM)) {
    if (c < 1e-7) {
        c = c + 1e-7
    }
    zinf = 1/(1 + (0.00043/c)^4.8)
}
