: Im_v2: M type potassium current, second version.
: Source: Vervaeke et al. 2006, J Physiol 576:235-256; 30 degC, Q10 2.3.
: Six gating charges, 0.4 of the barrier on the opening side, kT/e = 26.12 mV.

NEURON {
    SUFFIX Im_v2
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
    warmth = 2.3^((celsius - 30)/10)
    opening = 0.007*exp(6*0.4*(u + 48)/26.12)
    closing = 0.007*exp(-6*(1 - 0.4)*(u + 48)/26.12)
    minf = opening/(opening + closing)
    mtau = (15 + 1/(opening + closing))/warmth
}
