: Ca_LVA: low-voltage activated calcium current; the sources' curves moved by 10 mV (junction potential).
: Source: Avery and Johnston 1996, J Neurosci 16:5567-5582, time constants from
: Randall and Tsien 1997, Neuropharmacology 36:879-893; 21 degC, Q10 2.3.

NEURON {
    SUFFIX Ca_LVA
    USEION ca READ eca WRITE ica
    RANGE gbar, g, ica
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
    eca (mV)
    ica (mA/cm2)
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
    ica = g*(v - eca)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
}

PROCEDURE rates(u (mV)) {
    LOCAL warmth, x
    warmth = 2.3^((celsius - 21)/10)
    x = u + 10

    minf = 1/(1 + exp(-(x + 30)/6))
    mtau = (5 + 20/(1 + exp((x + 25)/5)))/warmth
    hinf = 1/(1 + exp((x + 80)/6.4))
    htau = (20 + 50/(1 + exp((x + 40)/7)))/warmth
}
