: LIFexp: point cell, leaky integrate and fire with exponential synaptic currents; an event of weight w adds w nA.
: tau_m V' = v_rest - V + rm (ie + ii + i_offset), ie' = -ie/tau_ex, ii' = -ii/tau_in; a positive weight is added to ie,
: another to ii, at the nearest step; V above v_thresh is a spike, V starts at v_reset then. The step is exact (Rotter
: and Diesmann 1999, Biol Cybern 81:381), with dt as it was at the start. Spikes are at whole steps. After a spike V
: stays at the reset for tau_refrac, in whole steps; the currents go on.

NEURON {
    POINT_PROCESS LIFexp
    RANGE tau_m, rm, v_rest, v_reset, v_thresh, v_start, tau_refrac, i_offset, tau_ex, tau_in
    RANGE V, ie, ii
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
    tau_ex = 5 (ms) <1e-9, 1e9>      : decay of the excitatory current
    tau_in = 5 (ms) <1e-9, 1e9>      : decay of the inhibitory current
}

ASSIGNED {
    dt (ms)
    V (mV)
    ie (nA)
    ii (nA)
    until (ms)
    decay
    decay_ex
    decay_in
    gain_ex (MOhm)
    gain_in (MOhm)
}

INITIAL {
    V = v_start
    ie = 0
    ii = 0
    until = -1e9
    decay = exp(-dt/tau_m)
    decay_ex = exp(-dt/tau_ex)
    decay_in = exp(-dt/tau_in)
    gain_ex = rm*dt/tau_m*decay*mean0(dt/tau_m - dt/tau_ex)
    gain_in = rm*dt/tau_m*decay*mean0(dt/tau_m - dt/tau_in)
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
}

PROCEDURE advance() {
    LOCAL goal
    if (t - 0.5*dt > until) {
        goal = v_rest + rm*i_offset
        V = goal + (V - goal)*decay + gain_ex*ie + gain_in*ii
    }
    ie = ie*decay_ex
    ii = ii*decay_in
}

: (exp(x) - 1)/x: the mean of exp(x s) for s in 0 to 1.
FUNCTION mean0(x) {
    if (fabs(x) < 0.03) {
        mean0 = 1 + x/2*(1 + x/3*(1 + x/4*(1 + x/5*(1 + x/6))))
    } else {
        mean0 = (exp(x) - 1)/x
    }
}

NET_RECEIVE (w (nA)) {
    if (flag == 0) {
        if (w > 0) {
            ie = ie + w
        } else {
            ii = ii + w
        }
    } else if (flag == 1) {
        WATCH (V > v_thresh) 2
    } else {
        net_event(t)
        V = v_reset
        until = t + tau_refrac
    }
}
