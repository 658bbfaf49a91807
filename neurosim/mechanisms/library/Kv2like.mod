: Kv2like: delayed rectifier of Kv2 type with two inactivation gates.
: Source: Keren, Peled and Korngreen 2005, J Neurophysiol 94:3730-3742, adjusted to the current of
: Liu and Bean 2014, J Neurosci 34:4991-5002; 21 degC, Q10 2.3.

NEURON {
    SUFFIX Kv2like
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
    h1tau (ms)
    h2tau (ms)
}

STATE {
    m
    h1
    h2
}

INITIAL {
    rates(v)
    m = minf
    h1 = hinf
    h2 = hinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m*m*(0.5*h1 + 0.5*h2)
    ik = g*(v - ek)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    h1' = (hinf - h1)/h1tau
    h2' = (hinf - h2)/h2tau
}

PROCEDURE rates(u (mV)) {
    LOCAL warmth, opening, closing
    warmth = 2.3^((celsius - 21)/10)

    opening = 0.12*linexp(-(u - 43), 11)
    closing = 0.02*exp(-(u + 1.27)/120)
    minf = opening/(opening + closing)
    mtau = 2.5*(1/(warmth*(opening + closing)))

    hinf = 1/(1 + exp((u + 58)/11))
    h1tau = (360 + (1010 + 23.7*(u + 54))*exp(-((u + 75)/48)^2))/warmth
    h2tau = (2350 + 1380*exp(-0.011*u) - 210*exp(-0.03*u))/warmth
}

: x/(exp(x/y) - 1), with its first-order expansion where numerator and denominator vanish.
FUNCTION linexp(x, y) {
    if (fabs(x/y) < 1e-6) {
        linexp = y*(1 - x/y/2)
    } else {
        linexp = x/(exp(x/y) - 1)
    }
}
