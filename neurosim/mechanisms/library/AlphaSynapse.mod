: AlphaSynapse: one alpha function of conductance at a given time, without events.
: With x = (t - onset)/tau: g = gmax x exp(1 - x) for x in 0 to 10, else 0; i = g (v - e) (Rall 1967, J Neurophysiol
: 30:1138). t is the middle of the step. The same as NEURON's "AlphaSynapse", which also cuts the function at 10 tau.

NEURON {
    POINT_PROCESS AlphaSynapse
    NONSPECIFIC_CURRENT i
    RANGE onset, tau, gmax, e, i, g
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    onset = 0 (ms)                : start
    tau = 0.1 (ms) <1e-3, 1e6>    : time from the start to the peak
    gmax = 0 (uS) <0, 1e9>        : peak
    e = 0 (mV)                    : reversal potential
}

ASSIGNED {
    v (mV)
    i (nA)
    g (uS)
}

BREAKPOINT {
    LOCAL x
    x = (t - onset)/tau
    if (x >= 0 && x <= 10) {
        g = gmax*(x*exp(1 - x))
    } else {
        g = 0
    }
    i = g*(v - e)
}
