: exp1isyn: synaptic current that jumps at each event and decays, SONATA's template "exp1isyn".
: g' = -g/tau, an event adds its weight to g; i = g e does not depend on v: e is only a scale and sets the sign,
: positive outwards.

NEURON {
    POINT_PROCESS exp1isyn
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
    e = 0 (mV)                    : current per conductance
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
    SOLVE relax METHOD cnexp
    i = g*e
}

DERIVATIVE relax {
    g' = -g/tau
}

NET_RECEIVE (weight (uS)) {
    g = g + weight
}
