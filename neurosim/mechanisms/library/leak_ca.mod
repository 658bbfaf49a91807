: leak_ca: constant calcium conductance, carried by the ion so that concentrations see it.
: Equation: ica = gbar (v - eca), Ohm's law.

NEURON {
    SUFFIX leak_ca
    USEION ca READ eca WRITE ica
    RANGE gbar, ica
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-5 (S/cm2) <0, 1e9>  : leak conductance
}

ASSIGNED {
    v (mV)
    eca (mV)
    ica (mA/cm2)
}

BREAKPOINT {
    ica = gbar*(v - eca)
}
