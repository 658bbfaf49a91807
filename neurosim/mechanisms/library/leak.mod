: leak: passive leak with the parameter names of the Allen and Hay channel families (gbar, eleak).
: Equation: ileak = gbar (v - eleak), Ohm's law. For NEURON's names use "pas".

NEURON {
    SUFFIX leak
    NONSPECIFIC_CURRENT ileak
    RANGE gbar, eleak, ileak
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 0.0003 (S/cm2) <0, 1e9>  : leak conductance
    eleak = -65 (mV)                : reversal potential
}

ASSIGNED {
    v (mV)
    ileak (mA/cm2)
}

BREAKPOINT {
    ileak = gbar*(v - eleak)
}
