: kcnl: small-conductance potassium current of KCNL (SK), opened by the calcium of the whole cell.
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978. half is 0.33 uM.

NEURON {
    SUFFIX kcnl
    USEION k WRITE ik
    USEION ca READ cai
    RANGE gbar, half, g, ik
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
    (molar) = (1/liter)
    (mM) = (millimolar)
}

PARAMETER {
    gbar = 1e-4 (S/cm2)  : conductance with all channels open
    erev = -80 (mV)      : reversal potential
    half = 3.3e-4 (mM)   : calcium that opens half of the channels
    mtau = 6.3 (ms)      : time constant
}

ASSIGNED {
    v (mV)
    ik (mA/cm2)
    cai (mM)
    g (S/cm2)
    minf
}

STATE {
    m
}

INITIAL {
    minf = cai/(half + cai)
    m = minf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m
    ik = g*(v - erev)
}

DERIVATIVE gates {
    minf = cai/(half + cai)
    m' = (minf - m)/mtau
}
