: stp3: stp2 with desensitised receptors.
: g' = -g/tau_1, i = g (v - e), n' = (1 - n)/tau_r, tau_r' = (tau_r0 - tau_r)/tau_FDR, D' = (1 - D)/tau_D; an event does
: g + w n p0 D, n - n p0, tau_r - a_FDR tau_r and, with the reduced n, D - a_D p0 n D (Hennig 2013, Front Comput
: Neurosci 7:45, equations 3, 5 and 10). SONATA's template "stp3" of the Allen Institute. The state belongs to the
: synapse: all its connections share it.

NEURON {
    POINT_PROCESS stp3
    NONSPECIFIC_CURRENT i
    RANGE e, p0, tau_1, tau_r0, tau_FDR, a_FDR, tau_D, a_D, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    e = 0 (mV)                         : reversal potential
    p0 = 0.3 <0, 1>                    : probability of release
    tau_1 = 10 (ms) <1e-9, 1e9>        : decay of the conductance
    tau_r0 = 1000 (ms) <1e-9, 1e9>     : recovery of vesicles at rest
    tau_FDR = 1000 (ms) <1e-9, 1e9>    : return of tau_r to tau_r0
    a_FDR = 0.5                        : part of tau_r lost by an event
    tau_D = 100 (ms) <1e-9, 1e9>       : recovery from desensitisation
    a_D = 0.5                          : desensitisation by an event
}

ASSIGNED {
    v (mV)
    i (nA)
}

STATE {
    n
    tau_r (ms)
    D
    g (uS)
}

INITIAL {
    n = 1
    tau_r = tau_r0
    g = 0
    D = 1
}

BREAKPOINT {
    SOLVE relax METHOD cnexp
    i = g*(v - e)
}

DERIVATIVE relax {
    n' = (1 - n)/tau_r
    g' = -g/tau_1
    tau_r' = (tau_r0 - tau_r)/tau_FDR
    D' = (1 - D)/tau_D
}

NET_RECEIVE (weight (uS)) {
    g = g + weight*n*p0*D
    n = n - n*p0
    tau_r = tau_r - a_FDR*tau_r
    D = D - a_D*p0*n*D
}
