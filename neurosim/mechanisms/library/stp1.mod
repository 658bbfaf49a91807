: stp1: synaptic conductance with depletion of vesicles.
: g' = -g/tau_1, i = g (v - e), n' = (1 - n)/tau_r; an event does g + w n p0, then n - n p0 (Hennig 2013, Front Comput
: Neurosci 7:45, equation 3). SONATA's template "stp1" of the Allen Institute. The state belongs to the synapse: all its
: connections share it.

NEURON {
    POINT_PROCESS stp1
    NONSPECIFIC_CURRENT i
    RANGE e, tau_r, p0, tau_1, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    e = 0 (mV)                      : reversal potential
    tau_r = 100 (ms) <1e-9, 1e9>    : recovery of vesicles
    p0 = 0.3 <0, 1>                 : probability of release
    tau_1 = 10 (ms) <1e-9, 1e9>     : decay of the conductance
}

ASSIGNED {
    v (mV)
    i (nA)
}

STATE {
    n
    g (uS)
}

INITIAL {
    n = 1
    g = 0
}

BREAKPOINT {
    SOLVE relax METHOD cnexp
    i = g*(v - e)
}

DERIVATIVE relax {
    n' = (1 - n)/tau_r
    g' = -g/tau_1
}

NET_RECEIVE (weight (uS)) {
    g = g + weight*n*p0
    n = n - n*p0
}
