: IntFire1: leaky integrator of events that fires above 1, known only at the times of its events.
: m' = -m/tau; an event of weight w does m + w. Above 1 it fires; m is 2 then and events have no effect for refrac ms,
: after which m starts at 0. The same as NEURON's "IntFire1".

NEURON {
    ARTIFICIAL_CELL IntFire1
    RANGE tau, refrac, m
}

PARAMETER {
    tau = 10 (ms) <1e-9, 1e9>    : decay
    refrac = 5 (ms) <0, 1e9>     : time without effect of events after a spike
}

ASSIGNED {
    m
    last (ms)
    waits
}

INITIAL {
    m = 0
    last = t
    waits = 0
}

NET_RECEIVE (w) {
    if (flag == 1) {
        waits = 0
        m = 0
        last = t
    } else if (waits == 0) {
        m = m*exp(-(t - last)/tau) + w
        last = t
        if (m > 1) {
            waits = 1
            m = 2
            net_send(refrac, 1)
            net_event(t)
        }
    }
}
