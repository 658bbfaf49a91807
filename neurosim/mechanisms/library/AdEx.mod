: AdEx: point cell, adaptive exponential integrate and fire with conductances; an event of weight w adds w uS.
: cm V' = g_l (v_rest - V) + g_l delta exp((V - v_thresh)/delta) - w + ge (e_ex - V) + gi (e_in - V) + i_offset, tau_w
: w' = a (V - v_rest) - w; V above v_spike is a spike, then V = v_reset and w + b (Brette and Gerstner 2005, J
: Neurophysiol 94:3637, whose values are the defaults). ge' = -ge/tau_ex, gi' = -gi/tau_in; a positive weight is added
: to ge, the size of another to gi, at the nearest step. V and w are stepped by Heun's method (explicit, second order),
: with V in the exponential and after the step cut at v_spike. Spikes are at whole steps. After one V stays at the reset
: for tau_refrac, in whole steps; w and the conductances go on.

NEURON {
    POINT_PROCESS AdEx
    RANGE cm, g_l, v_rest, v_reset, v_thresh, v_spike, v_start, delta, a, b, tau_w, tau_refrac, i_offset
    RANGE tau_ex, tau_in, e_ex, e_in
    RANGE V, w, ge, gi
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
    (nF) = (nanofarad)
}

PARAMETER {
    cm = 0.281 (nF) <1e-9, 1e9>      : capacitance
    g_l = 0.03 (uS) <1e-9, 1e9>      : leak
    v_rest = -70.6 (mV)              : reversal potential of the leak
    v_reset = -70.6 (mV)             : V after a spike
    v_thresh = -50.4 (mV)            : where the exponential takes over
    v_spike = 0 (mV)                 : V above this is a spike
    v_start = -70.6 (mV)             : V at the start
    delta = 2 (mV) <1e-9, 1e9>       : slope of the exponential
    a = 0.004 (uS)                   : adaptation by V
    b = 0.0805 (nA)                  : adaptation by a spike
    tau_w = 144 (ms) <1e-9, 1e9>     : decay of the adaptation
    tau_refrac = 0 (ms) <0, 1e9>     : refractory time
    i_offset = 0 (nA)                : constant current, positive inwards
    tau_ex = 5 (ms) <1e-9, 1e9>      : decay of the excitatory conductance
    tau_in = 5 (ms) <1e-9, 1e9>      : decay of the inhibitory conductance
    e_ex = 0 (mV)                    : reversal potentials
    e_in = -80 (mV)
}

ASSIGNED {
    dt (ms)
    V (mV)
    w (nA)
    ge (uS)
    gi (uS)
    until (ms)
}

INITIAL {
    V = v_start
    w = 0
    ge = 0
    gi = 0
    until = -1e9
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
}

PROCEDURE advance() {
    LOCAL fe, fi, dv, dw, dv2, dw2
    fe = exp(-dt/tau_ex)
    fi = exp(-dt/tau_in)
    dw = (a*(V - v_rest) - w)/tau_w
    if (t - 0.5*dt > until) {
        dv = slope(V, w, ge, gi)
        dv2 = slope(V + dt*dv, w + dt*dw, ge*fe, gi*fi)
        dw2 = (a*(cut(V + dt*dv) - v_rest) - (w + dt*dw))/tau_w
        V = cut(V + dt*0.5*(dv + dv2))
        w = w + dt*0.5*(dw + dw2)
    } else {
        w = w + (1 - exp(-dt/tau_w))*(a*(V - v_rest) - w)
    }
    ge = ge*fe
    gi = gi*fi
}

FUNCTION cut(u (mV)) (mV) {
    if (u > v_spike) {
        cut = v_spike
    } else {
        cut = u
    }
}

FUNCTION slope(u (mV), w (nA), ge (uS), gi (uS)) (mV/ms) {
    LOCAL x
    x = cut(u)
    slope = (g_l*(v_rest - x) + g_l*delta*exp((x - v_thresh)/delta) - w + ge*(e_ex - x) + gi*(e_in - x) + i_offset)/cm
}

NET_RECEIVE (weight (uS)) {
    if (flag == 0) {
        if (weight > 0) {
            ge = ge + weight
        } else {
            gi = gi - weight
        }
    } else if (flag == 1) {
        : V ends at v_spike exactly.
        WATCH (V > v_spike - 1e-6) 2
    } else {
        net_event(t)
        V = v_reset
        w = w + b
        until = t + tau_refrac
    }
}
