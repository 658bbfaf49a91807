: stp5: synaptic conductance with depletion, facilitation, faster recovery, desensitisation and a slow loss of release.
: g' = -g/tau_1, i = g (v - e), n' = (1 - n)/tau_r, p' = (pb - p)/tau_f, tau_r' = (tau_r0 - tau_r)/tau_FDR, D' = (1 -
: D)/tau_D, pb' = (pbtilde - pb)/tau_i; an event does, in this order, g + w Pmax, n - n p, p + a_f (1 - p), tau_r -
: a_FDR tau_r, D - a_D p n D, pb - a_i pb. Pmax is n p D of the last evaluation of the current (Hennig 2013, Front
: Comput Neurosci 7:45, equations 3 to 10). SONATA's template "stp5" of the Allen Institute. The state belongs to the
: synapse: all its connections share it.

NEURON {
    POINT_PROCESS stp5
    NONSPECIFIC_CURRENT i
    RANGE e, tau_1, tau_r0, tau_FDR, a_FDR, tau_D, a_D, tau_i, a_i, tau_f, a_f, pbtilde, i, Pmax
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    e = 0 (mV)                         : reversal potential
    tau_1 = 10 (ms) <1e-9, 1e9>        : decay of the conductance
    tau_r0 = 1000 (ms) <1e-9, 1e9>     : recovery of vesicles at rest
    tau_FDR = 1000 (ms) <1e-9, 1e9>    : return of tau_r to tau_r0
    a_FDR = 0.5                        : part of tau_r lost by an event
    tau_D = 100 (ms) <1e-9, 1e9>       : recovery from desensitisation
    a_D = 0.5                          : desensitisation by an event
    tau_i = 100 (ms) <1e-9, 1e9>       : return of pb to pbtilde
    a_i = 0.5                          : part of pb lost by an event
    tau_f = 10 (ms) <1e-9, 1e9>        : return of p to pb
    a_f = 0.5                          : facilitation by an event
    pbtilde = 0.5                      : probability of release at rest
}

ASSIGNED {
    v (mV)
    i (nA)
    Pmax
}

STATE {
    n
    p
    tau_r (ms)
    D
    pb
    g (uS)
}

INITIAL {
    n = 1
    p = 1
    tau_r = tau_r0
    D = 1
    pb = pbtilde
    g = 0
}

BREAKPOINT {
    SOLVE relax METHOD cnexp
    i = g*(v - e)
    Pmax = n*p*D
}

DERIVATIVE relax {
    n' = (1 - n)/tau_r
    p' = (pb - p)/tau_f
    tau_r' = (tau_r0 - tau_r)/tau_FDR
    D' = (1 - D)/tau_D
    pb' = (pbtilde - pb)/tau_i
    g' = -g/tau_1
}

NET_RECEIVE (weight (uS)) {
    g = g + weight*Pmax
    n = n - n*p
    p = p + a_f*(1 - p)
    tau_r = tau_r - a_FDR*tau_r
    D = D - a_D*p*n*D
    pb = pb - a_i*pb
}
