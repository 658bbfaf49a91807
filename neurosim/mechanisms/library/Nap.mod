: Nap: persistent sodium current; activation is instantaneous, so it is computed with the current, not as a state.
: Source: Magistretti and Alonso 1999, J Gen Physiol 114:491-509; 21 degC, Q10 2.3.

NEURON {
    SUFFIX Nap
    USEION na READ ena WRITE ina
    RANGE gbar, g, ina
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
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
}

STATE {
    h
}

INITIAL {
    h = hinf(v)
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*minf(v)*h
    ina = g*(v - ena)
}

DERIVATIVE gates {
    h' = (hinf(v) - h)/htau(v)
}

FUNCTION minf(u (mV)) {
    minf = 1/(1 + exp(-(u + 52.6)/4.6))
}

FUNCTION hinf(u (mV)) {
    hinf = 1/(1 + exp((u + 48.8)/10))
}

FUNCTION htau(u (mV)) (ms) {
    LOCAL opening, closing
    opening = 2.88e-6*linexp(u + 17, 4.63)
    closing = 6.94e-6*linexp(-(u + 64.4), 2.63)
    htau = 1/(opening + closing)/2.3^((celsius - 21)/10)
}

: x/(exp(x/y) - 1), with its first-order expansion where numerator and denominator vanish.
FUNCTION linexp(x, y) {
    if (fabs(x/y) < 1e-6) {
        linexp = y*(1 - x/y/2)
    } else {
        linexp = x/(exp(x/y) - 1)
    }
}
