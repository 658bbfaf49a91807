TITLE Sodium-calcium exchange, no states, two ions written in one BREAKPOINT
: habit: file-level LOCAL as a cache of the temperature factor

NEURON {
    SUFFIX exchanger
    USEION ca READ eca WRITE ica
    USEION na READ ena WRITE ina
    RANGE kmax, ex, ica, ina
}

PARAMETER {
    kmax = 2e-4 (mho/cm2) <0, 1e6>
}

ASSIGNED { v (mV) celsius (degC) eca (mV) ena (mV) ica (mA/cm2) ina (mA/cm2) ex (mV) }

LOCAL factor, warm

BREAKPOINT {
    if (warm != celsius) {
        warm = celsius
        factor = 3^((celsius - 6.3)/10)
    }
    ex = 2*ena - eca
    ina = 2*kmax*factor*(v - ex)
    ica = -ina/2
}
