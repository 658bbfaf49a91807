: leak_k: constant potassium conductance, carried by the ion so that concentrations see it.
: Equation: ik = gbar (v - ek), Ohm's law.

NEURON {
    SUFFIX leak_k
    USEION k READ ek WRITE ik
    RANGE gbar, ik
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
    ek (mV)
    ik (mA/cm2)
}

BREAKPOINT {
    ik = gbar*(v - ek)
}
