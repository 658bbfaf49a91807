: Kd: slowly inactivating (D type) potassium current; the rates do not depend on temperature.
: Source: Foust et al. 2011, J Neurosci 31:15490-15498.

NEURON {
    SUFFIX Kd
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
    ek (mV)
    ik (mA/cm2)
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
    g = gbar*m*h
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(u (mV)) {
    minf = 1 - 1/(1 + exp((u + 43)/8))
    mtau = 1
    hinf = 1/(1 + exp((u + 67)/7.3))
    htau = 1500
}
