: TsodyksMarkram: synaptic conductance with depression and facilitation, its resources kept for each connection.
: Resources of each connection are recovered (x), active (y) or inactive (z), x + y + z = 1; between events
:   x' = z/tau_rec,  y' = -y/tau,  z' = y/tau - z/tau_rec,  u' = -u/tau_facil
: and an event of weight w does u <- u + U (1 - u), then moves u x from x to y: g + w u x. g' = -g/tau, i = g (v - e)
: (Tsodyks, Pawelzik and Markram 1998, Neural Comput 10:821). Between events the solution is exact; tau and tau_rec must
: differ.

NEURON {
    POINT_PROCESS TsodyksMarkram
    NONSPECIFIC_CURRENT i
    RANGE tau, tau_rec, tau_facil, U, e, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau = 3 (ms) <1e-9, 1e9>          : inactivation: decay of the conductance
    tau_rec = 800 (ms) <1e-9, 1e9>    : recovery
    tau_facil = 0 (ms) <0, 1e9>       : decay of facilitation; 0: none, u is U
    U = 0.5  <0, 1>                 : use by one event
    e = 0 (mV)                        : reversal potential
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

NET_RECEIVE (weight (uS), y, z, u, last (ms)) {
    LOCAL lost, rested, used
    INITIAL {
        y = 0
        z = 0
        u = 0
        last = t
    }
    lost = exp(-(t - last)/tau)
    rested = exp(-(t - last)/tau_rec)
    z = z*rested + y*(lost - rested)/(tau/tau_rec - 1)
    y = y*lost
    if (tau_facil > 0) {
        u = u*exp(-(t - last)/tau_facil)
        u = u + U*(1 - u)
    } else {
        u = U
    }
    used = u*(1 - y - z)
    y = y + used
    g = g + weight*used
    last = t
}
