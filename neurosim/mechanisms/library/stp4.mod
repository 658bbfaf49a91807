: stp4: stp1 with a facilitation p that events change and nothing uses.
: g' = -g/tau_1, i = g (v - e), n' = (1 - n)/tau_r, p' = 0 from p = 1; an event does g + w n p0, n - n p0, p + p0 (1 -
: p) (Hennig 2013, Front Comput Neurosci 7:45, equations 3 and 4). SONATA's template "stp4" of the Allen Institute. The
: state belongs to the synapse: all its connections share it. So it is published: the conductance is that of stp1, and
: tau_f has no effect.

NEURON {
    POINT_PROCESS stp4
    NONSPECIFIC_CURRENT i
    RANGE e, tau_r, p0, tau_f, tau_1, i
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
    tau_f = 1000 (ms) <0, 1e9>      : facilitation; not used
    tau_1 = 10 (ms) <1e-9, 1e9>     : decay of the conductance
}

ASSIGNED {
    v (mV)
    i (nA)
}

STATE {
    n
    p
    g (uS)
}

INITIAL {
    n = 1
    p = 1
    g = 0
}

BREAKPOINT {
    SOLVE relax METHOD cnexp
    i = g*(v - e)
}

DERIVATIVE relax {
    n' = (1 - n)/tau_r
    g' = -g/tau_1
    p' = 0
}

NET_RECEIVE (weight (uS)) {
    g = g + weight*n*p0
    n = n - n*p0
    p = p + p0*(1 - p)
}
