: kqt3: slow potassium current of KQT-3 (KCNQ); both opening gates start closed.
: Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978.

NEURON {
    SUFFIX kqt3
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
    erev = -77 (mV)      : reversal potential
    stau = 5e5 (ms)      : time constant of s
}

ASSIGNED {
    v (mV)
    ik (mA/cm2)
    g (S/cm2)
    minf
    winf
    sinf
    mftau (ms)
    mstau (ms)
    wtau (ms)
}

STATE {
    mf
    ms
    w
    s
}

INITIAL {
    rates(v)
    mf = 0
    ms = 0
    w = winf
    s = sinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*(0.3*mf + 0.7*ms)*w*s
    ik = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    mf' = (minf - mf)/mftau
    ms' = (minf - ms)/mstau
    w' = (winf - w)/wtau
    s' = (sinf - s)/stau
}

UNITSOFF
PROCEDURE rates(u (mV)) {
    minf = sigma(-(u + 12.6726)/15.8008)
    winf = 0.49 + 0.51*sigma((u + 1.084)/28.78)
    sinf = 0.34 + 0.66*sigma((u + 45.3)/12.3)
    mftau = 395.3/(1 + ((u + 38.1)/33.59)*((u + 38.1)/33.59))
    mstau = 5503 - 5345.4/(1 + exp(0.06509408057894167*(u + 23.9))) - 4590.6/(1 + exp(-0.08220228781988745*(u + 14.15)))
    wtau = 0.544 + 29.2/(1 + ((u + 48.09)/48.83)*((u + 48.09)/48.83))
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
