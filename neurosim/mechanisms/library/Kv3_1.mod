: Kv3_1: fast potassium current of Kv3 type; the rates do not depend on temperature.
: Source: Rettig et al. 1992, EMBO J 11:2473-2486, as in Hay et al. 2011,
: PLoS Comput Biol 7:e1002107.

NEURON {
    SUFFIX Kv3_1
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
    vshift = 0 (mV)      : shift of both curves to the right
}

ASSIGNED {
    v (mV)
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
    minf = 1/(1 + exp(-(u - (18.7 + vshift))/9.7))
    mtau = 4/(1 + exp(-(u - (-46.56 + vshift))/44.14))
}
