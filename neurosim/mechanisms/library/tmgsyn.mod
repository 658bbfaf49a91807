: tmgsyn: TsodyksMarkram under the names and defaults of SONATA's template "tmgsyn".
: Resources of each connection are recovered (x), active (y) or inactive (z), x + y + z = 1; between events
:   x' = z/tau_rec,  y' = -y/tau_1,  z' = y/tau_1 - z/tau_rec,  u' = -u/tau_facil
: and an event of weight w does u <- u + U (1 - u), then moves u x from x to y: g + w u x. g' = -g/tau_1, i = g (v - e)
: (Tsodyks, Pawelzik and Markram 1998, Neural Comput 10:821). Between events the solution is exact; tau_1 and tau_rec
: must differ.

NEURON {
    POINT_PROCESS tmgsyn
    NONSPECIFIC_CURRENT i
    RANGE tau_1, tau_rec, tau_facil, U, e, i, u0
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau_1 = 3 (ms) <1e-9, 1e9>        : inactivation: decay of the conductance
    tau_rec = 100 (ms) <1e-9, 1e9>    : recovery
    tau_facil = 1000 (ms) <0, 1e9>    : decay of facilitation; 0: none, u is U
    U = 0.04 <0, 1>                 : use by one event
    u0 = 0 <0, 1>                     : u before the first event
    e = -90 (mV)                      : reversal potential
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
    g' = -g/tau_1
}

NET_RECEIVE (weight (uS), y, z, u, last (ms)) {
    LOCAL lost, rested, used
    INITIAL {
        y = 0
        z = 0
        u = u0
        last = t
    }
    lost = exp(-(t - last)/tau_1)
    rested = exp(-(t - last)/tau_rec)
    z = z*rested + y*(lost - rested)/(tau_1/tau_rec - 1)
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
