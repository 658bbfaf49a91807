: LIF: point cell, leaky integrate and fire; an event of weight w is a jump of its voltage V by w mV.
: tau_m V' = v_rest - V + rm i_offset; V above v_thresh is a spike, V starts at v_reset then (Brunel 2000, J Comput
: Neurosci 8:183). Events act at the nearest step, all at once, and are seen by the threshold at once; between them the
: step is exact (Rotter and Diesmann 1999, Biol Cybern 81:381), with dt as it was at the start. Spikes are at whole
: steps. After a spike V stays at the reset for tau_refrac, in whole steps; input of that time, up to its last step, is
: lost.

NEURON {
    POINT_PROCESS LIF
    RANGE tau_m, rm, v_rest, v_reset, v_thresh, v_start, tau_refrac, i_offset
    RANGE V
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (MOhm) = (megaohm)
}

PARAMETER {
    tau_m = 20 (ms) <1e-9, 1e9>      : membrane
    rm = 10 (MOhm)                   : resistance of the membrane
    v_rest = -65 (mV)                : V without input
    v_reset = -65 (mV)               : V after a spike
    v_thresh = -50 (mV)              : threshold
    v_start = -65 (mV)               : V at the start
    tau_refrac = 2 (ms) <0, 1e9>     : refractory time
    i_offset = 0 (nA)                : constant current, positive inwards
}

ASSIGNED {
    dt (ms)
    V (mV)
    input (mV)
    ready
    until (ms)
    decay
}

INITIAL {
    V = v_start
    input = 0
    ready = 1
    until = -1e9
    decay = exp(-dt/tau_m)
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
}

PROCEDURE advance() {
    LOCAL goal
    if (t - 0.5*dt > until) {
        goal = v_rest + rm*i_offset
        V = goal + (V + ready*input - goal)*decay
        ready = 1
    }
    input = 0
}

NET_RECEIVE (w (mV)) {
    if (flag == 0) {
        input = input + w
    } else if (flag == 1) {
        WATCH (V + ready*input > v_thresh) 2
    } else {
        net_event(t)
        V = v_reset
        ready = 0
        until = t + tau_refrac
    }
}
