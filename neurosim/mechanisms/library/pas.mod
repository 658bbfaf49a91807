: pas: passive leak of the membrane.
: Equation: i = g (v - e), Ohm's law; the same defaults as the mechanism "pas" of NEURON.

NEURON {
    SUFFIX pas
    NONSPECIFIC_CURRENT i
    RANGE g, e
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    g = 0.001 (S/cm2) <0, 1e9>  : leak conductance
    e = -70 (mV)                : reversal potential
}

ASSIGNED {
    v (mV)
    i (mA/cm2)
}

BREAKPOINT {
    i = g*(v - e)
}
