: Im: muscarine-sensitive (M type) potassium current.
: Source: Adams, Brown and Constanti 1982, J Physiol 330:537-572; 21 degC, Q10 2.3.

NEURON {
    SUFFIX Im
    USEION k READ ek WRITE ik
    RANGE gbar, g, ik
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
    celsius (degC)
    ek (mV)
    ik (mA/cm2)
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
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
}

PROCEDURE rates(u (mV)) {
    LOCAL warmth, opening, closing
    warmth = 2.3^((celsius - 21)/10)
    opening = 0.0033*exp(0.1*(u + 35))
    closing = 0.0033*exp(-0.1*(u + 35))
    minf = opening/(opening + closing)
    mtau = 1/(opening + closing)/warmth
}
