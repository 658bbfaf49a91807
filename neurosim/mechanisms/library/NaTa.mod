: NaTa: transient sodium current of the axon.
: Source: Colbert and Pan 2002, Nat Neurosci 5:533-538; rates at 23 degC with a Q10 of 2.3,
: half-voltages and factors of the Allen Institute's cell models.

NEURON {
    SUFFIX NaTa
    USEION na READ ena WRITE ina
    RANGE gbar, g, ina
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-5 (S/cm2)       : conductance with all channels open
    malphaF = 0.182 (/ms/mV)  : activation: factor of the opening rate
    mbetaF = 0.124 (/ms/mV)   : and of the closing rate
    mvhalf = -48 (mV)         : voltage where both are at their factors
    mk = 6 (mV)               : slope
    halphaF = 0.015 (/ms/mV)  : inactivation: the same
    hbetaF = 0.015 (/ms/mV)
    hvhalf = -69 (mV)
    hk = 6 (mV)
}

ASSIGNED {
    v (mV)
    celsius (degC)
    ena (mV)
    ina (mA/cm2)
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
    g = gbar*m*m*m*h
    ina = g*(v - ena)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(u (mV)) {
    LOCAL warmth, opening, closing
    warmth = 2.3^((celsius - 23)/10)

    opening = malphaF*linexp(-(u - mvhalf), mk)
    closing = mbetaF*linexp(u - mvhalf, mk)
    minf = opening/(opening + closing)
    mtau = 1/(opening + closing)/warmth

    opening = halphaF*linexp(u - hvhalf, hk)
    closing = hbetaF*linexp(-(u - hvhalf), hk)
    hinf = opening/(opening + closing)
    htau = 1/(opening + closing)/warmth
}

: x/(exp(x/y) - 1), with its first-order expansion where numerator and denominator vanish.
FUNCTION linexp(x, y) {
    if (fabs(x/y) < 1e-6) {
        linexp = y*(1 - x/y/2)
    } else {
        linexp = x/(exp(x/y) - 1)
    }
}
