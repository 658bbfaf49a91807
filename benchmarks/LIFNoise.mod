: LIFNoise: the library's LIF with a Poisson input of its own: in every step a Poisson number of events (mean rate_in*dt)
: of weight w_in, drawn by inversion of the cumulated distribution. For the balanced random network, where 10,000 sources
: of 20 kHz would each be one event at a time, while the other simulators draw numbers for each step as well.

NEURON {
    POINT_PROCESS LIFNoise
    RANGE tau_m, v_rest, v_reset, v_thresh, v_start, tau_refrac, rate_in, w_in
    RANGE V
    RANDOM chance
}

UNITS {
    (mV) = (millivolt)
}

PARAMETER {
    tau_m = 20 (ms) <1e-9, 1e9>      : membrane
    v_rest = 0 (mV)                  : V without input
    v_reset = 10 (mV)                : V after a spike
    v_thresh = 20 (mV)               : threshold
    v_start = 0 (mV)                 : V at the start
    tau_refrac = 2 (ms) <0, 1e9>     : refractory time
    rate_in = 20 (/ms) <0, 1e9>      : mean rate of the input
    w_in = 0.1 (mV)                  : jump of V at each of its events
}

ASSIGNED {
    dt (ms)
    V (mV)
    input (mV)
    until (ms)
    decay
    none
}

INITIAL {
    V = v_start
    input = 0
    until = -1e9
    decay = exp(-dt/tau_m)
    none = exp(-rate_in*dt)
    random_setseq(chance, 0)
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
}

PROCEDURE advance() {
    LOCAL drawn
    drawn = count()
    if (t - 0.5*dt > until) {
        V = v_rest + (V - v_rest)*decay + input + w_in*drawn
    }
    input = 0
}

FUNCTION count() {
    LOCAL u, mean, part, sum
    u = random_uniform(chance, 0, 1)
    mean = rate_in*dt
    part = none
    sum = none
    count = 0
    : more than 20 of a mean of 2 come once in 1e14 steps
    FROM n = 1 TO 20 {
        if (u > sum) {
            count = n
        }
        part = part*mean/n
        sum = sum + part
    }
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
