: shl1: fast potassium current of SHL-1 (Kv4), inactivating with two time constants.
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX shl1
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
    hftau (ms)
    hstau (ms)
}

STATE {
    m
    hf
    hs
}

INITIAL {
    rates(v)
    m = minf
    hf = hinf
    hs = hinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m*m*m*(0.7*hf + 0.3*hs)
    ik = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    hf' = (hinf - hf)/hftau
    hs' = (hinf - hs)/hstau
}

UNITSOFF
PROCEDURE rates(u (mV)) {
    minf = sigma(-(u - 11.2)/14.1)
    hinf = sigma((u + 33.1)/8.3)
    mtau = 0.4*(13.8/(exp(-(u + 17.5)/12.9) + exp((u + 3.7)/6.5)) + 1.9)
    hftau = 0.08*(539.2*sigma((u + 28.2)/4.9) + 27.3)
    hstau = 0.3*(8422*sigma((u + 37.7)/6.4) + 118.9)
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
