: exp1syn: ExpSyn under the name of SONATA's template "exp1syn": g' = -g/tau, i = g (v - e), an event adds its weight to
: g.

NEURON {
    POINT_PROCESS exp1syn
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
    SOLVE relax METHOD cnexp
    i = g*(v - e)
}

DERIVATIVE relax {
    g' = -g/tau
}

NET_RECEIVE (weight (uS)) {
    g = g + weight
}
