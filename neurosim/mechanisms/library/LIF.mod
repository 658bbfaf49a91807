: LIF: point cell, leaky integrate and fire; an event of weight w is a jump of its voltage V by w mV.
: tau_m V' = v_rest - V + rm i_offset; V above v_thresh is a spike, V starts at v_reset then (Brunel 2000, J Comput
: Neurosci 8:183). The step is exact (Rotter and Diesmann 1999, Biol Cybern 81:381), with dt as it was at the start: V
: decays, then the jumps of all events within half a step of the start of the step are added, then V is compared with
: the threshold. So a jump acts one step after its event: a program that adds it at the time of the event gives the same
: spikes with delays longer by dt. Spikes are at whole steps. After a spike V stays at the reset for tau_refrac, in
: whole steps; jumps in that time are lost.

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
    until (ms)
    decay
}

INITIAL {
    V = v_start
    input = 0
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
        V = goal + (V - goal)*decay + input
    }
    input = 0
}

NET_RECEIVE (w (mV)) {
    if (flag == 0) {
        input = input + w
    } else if (flag == 1) {
        WATCH (V > v_thresh) 2
    } else {
        net_event(t)
        V = v_reset
        until = t + tau_refrac
    }
}
