: ExpSyn: synaptic conductance that jumps by the weight at each event and decays.
: g' = -g/tau, i = g (v - e); the same defaults as NEURON's "ExpSyn".

NEURON {
    POINT_PROCESS ExpSyn
    NONSPECIFIC_CURRENT i
    RANGE tau, e, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau = 0.1 (ms) <1e-9, 1e9>    : decay
    e = 0 (mV)                    : reversal potential
}

ASSIGNED {
    v (mV)
    i (nA)
}

STATE {
    g (uS)
}

INITIAL {
    g = 0
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = g*(v - e)
}

DERIVATIVE decay {
    g' = -g/tau
}

NET_RECEIVE (weight (uS)) {
    g = g + weight
}
