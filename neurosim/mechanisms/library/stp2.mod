: stp2: stp1 with a recovery that each event makes faster.
: g' = -g/tau_1, i = g (v - e), n' = (1 - n)/tau_r, tau_r' = (tau_r0 - tau_r)/tau_FDR; an event does g + w Pmax, then n
: - n p0 and tau_r - a_FDR tau_r. Pmax is n p0 of the last evaluation of the current, so two events within one step see
: the same (Hennig 2013, Front Comput Neurosci 7:45, equations 3 and 5). SONATA's template "stp2" of the Allen
: Institute. The state belongs to the synapse: all its connections share it.

NEURON {
    POINT_PROCESS stp2
    NONSPECIFIC_CURRENT i
    RANGE e, p0, tau_1, tau_r0, tau_FDR, a_FDR, i, Pmax
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    e = 0 (mV)                         : reversal potential
    p0 = 0.3 <0, 1>                    : probability of release
    tau_1 = 5 (ms) <1e-9, 1e9>         : decay of the conductance
    tau_r0 = 1000 (ms) <1e-9, 1e9>     : recovery of vesicles at rest
    tau_FDR = 1000 (ms) <1e-9, 1e9>    : return of tau_r to tau_r0
    a_FDR = 0.5                        : part of tau_r lost by an event
}

ASSIGNED {
    v (mV)
    i (nA)
    Pmax
}

STATE {
    n
    tau_r (ms)
    g (uS)
}

INITIAL {
    n = 1
    tau_r = tau_r0
    g = 0
}

BREAKPOINT {
    SOLVE relax METHOD cnexp
    i = g*(v - e)
    Pmax = n*p0
}

DERIVATIVE relax {
    g' = -g/tau_1
    n' = (1 - n)/tau_r
    tau_r' = (tau_r0 - tau_r)/tau_FDR
}

NET_RECEIVE (weight (uS)) {
    g = g + weight*Pmax
    n = n - n*p0
    tau_r = tau_r - a_FDR*tau_r
}
