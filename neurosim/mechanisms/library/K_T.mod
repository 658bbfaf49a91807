: K_T: transient (fast inactivating) potassium current.
: Source: Korngreen and Sakmann 2000, J Physiol 525:621-639; 21 degC, Q10 2.3.

NEURON {
    SUFFIX K_T
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
    mTauF = 1            : factor of the bell in the time constant of activation
    hTauF = 1            : and of inactivation
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
    g = gbar*m*m*m*m*h
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(u (mV)) {
    LOCAL warmth
    warmth = 2.3^((celsius - 21)/10)

    minf = 1/(1 + exp(-(u + 47 - vshift)/29))
    mtau = (0.34 + mTauF*0.92*exp(-((u + 71 - vshift)/59)^2))/warmth
    hinf = 1/(1 + exp((u + 66 - vshift)/10))
    htau = (8 + hTauF*49*exp(-((u + 73 - vshift)/23)^2))/warmth
}
