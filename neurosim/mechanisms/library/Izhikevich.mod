: Izhikevich: point cell with two variables; an event of weight w is a pulse of current over one step, w mV in all.
: V' = 0.04 V^2 + 5 V + 140 - u + i_offset, u' = a (b V - u); V above v_spike is a spike, then V = c and u + d
: (Izhikevich 2003, IEEE Trans Neural Netw 14:1569; V in mV, t in ms, the current in mV/ms). Stepped as in the paper: V
: by two explicit steps of dt/2, then u by one with the new V; with dt = 1 ms this is the paper's program. Spikes are at
: whole steps.

NEURON {
    POINT_PROCESS Izhikevich
    RANGE a, b, c, d, v_spike, v_start, i_offset, u
    RANGE V
}

UNITS {
    (mV) = (millivolt)
}

PARAMETER {
    a = 0.02 (/ms)            : rate of u
    b = 0.2 (/ms)             : sensitivity of u to V
    c = -65 (mV)              : V after a spike
    d = 8 (mV/ms)             : jump of u at a spike
    v_spike = 30 (mV)         : V above this is a spike
    v_start = -65 (mV)        : V at the start, where u is b V
    i_offset = 0 (mV/ms)      : constant current
}

ASSIGNED {
    dt (ms)
    V (mV)
    u (mV/ms)
    input (mV)
}

INITIAL {
    V = v_start
    u = b*v_start
    input = 0
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
}

PROCEDURE advance() {
    LOCAL current
    current = i_offset + input/dt
    V = V + 0.5*dt*(0.04*V*V + 5*V + 140 - u + current)
    V = V + 0.5*dt*(0.04*V*V + 5*V + 140 - u + current)
    u = u + dt*a*(b*V - u)
    input = 0
}

NET_RECEIVE (w (mV)) {
    if (flag == 0) {
        input = input + w
    } else if (flag == 1) {
        WATCH (V > v_spike) 2
    } else {
        net_event(t)
        V = c
        u = u + d
    }
}
