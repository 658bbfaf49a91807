: K_P: persistent (slowly inactivating) potassium current.
: Source: Korngreen and Sakmann 2000, J Physiol 525:621-639; 21 degC, Q10 2.3.

NEURON {
    SUFFIX K_P
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
    vshift = 0 (mV)      : shift of all curves to the right
    tauF = 1             : factor of the time constant of activation
}

ASSIGNED {
    v (mV)
    celsius (degC)
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
    g = gbar*m*m*h
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(u (mV)) {
    LOCAL warmth, x
    warmth = 2.3^((celsius - 21)/10)
    x = u - vshift

    minf = 1/(1 + exp(-(x + 14.3)/14.6))
    if (u < -50 + vshift) {
        mtau = tauF*(1.25 + 175.03*exp(0.026*x))/warmth
    } else {
        mtau = tauF*(1.25 + 13*exp(-0.026*x))/warmth
    }
    hinf = 1/(1 + exp((x + 54)/11))
    htau = (360 + (1010 + 24*(x + 55))*exp(-((x + 75)/48)^2))/warmth
}
