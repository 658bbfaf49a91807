: leak_na: constant sodium conductance, carried by the ion so that concentrations see it.
: Equation: ina = gbar (v - ena), Ohm's law.

NEURON {
    SUFFIX leak_na
    USEION na READ ena WRITE ina
    RANGE gbar, ina
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
    ena (mV)
    ina (mA/cm2)
}

BREAKPOINT {
    ina = gbar*(v - ena)
}
