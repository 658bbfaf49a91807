: STDP: synaptic conductance whose connections learn from the order of spikes before and after it.
: g' = -g/tau, i = g (v - e). An event of weight w adds w f to g; the factor f of its connection starts at 1 and changes
: by pairs of spikes, all to all (Song, Miller and Abbott 2000, Nat Neurosci 3:919):
:   at a spike before:  f - a_minus y,  then x + 1      x' = -x/tau_plus, kept for each connection
:   at a spike after:   f + a_plus x,   then y + 1      y' = -y/tau_minus
: f stays between 0 and f_max. The spike after is seen where the synapse is: v rises above v_post. The weight itself is
: not changed, so a second run starts anew.

NEURON {
    POINT_PROCESS STDP
    NONSPECIFIC_CURRENT i
    RANGE tau, e, a_plus, a_minus, tau_plus, tau_minus, f_max, v_post, i, y, y_time
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau = 5 (ms) <1e-9, 1e9>            : decay of the conductance
    e = 0 (mV)                          : reversal potential
    a_plus = 0.005 <0, 1e9>             : largest gain by a pair
    a_minus = 0.00525 <0, 1e9>          : largest loss by a pair
    tau_plus = 20 (ms) <1e-9, 1e9>      : decay of the trace of spikes before
    tau_minus = 20 (ms) <1e-9, 1e9>     : decay of the trace of spikes after
    f_max = 2 <0, 1e9>                  : largest factor
    v_post = -20 (mV)                   : v above this is a spike after
}

ASSIGNED {
    v (mV)
    i (nA)
    y
    y_time (ms)
}

STATE {
    g (uS)
}

INITIAL {
    g = 0
    y = 0
    y_time = 0
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    i = g*(v - e)
}

DERIVATIVE decay {
    g' = -g/tau
}

FUNCTION within(f) {
    if (f < 0) {
        within = 0
    } else if (f > f_max) {
        within = f_max
    } else {
        within = f
    }
}

NET_RECEIVE (weight (uS), f, x, x_time (ms)) {
    INITIAL {
        f = 1
        x = 0
        x_time = 0
    }
    if (flag == 1) {
        WATCH (v > v_post) 2
    } else if (flag == 2) {
        FOR_NETCONS (its_weight, its_f, its_x, its_time) {
            its_f = within(its_f + a_plus*its_x*exp(-(t - its_time)/tau_plus))
        }
        y = y*exp(-(t - y_time)/tau_minus) + 1
        y_time = t
    } else {
        g = g + weight*f
        f = within(f - a_minus*y*exp(-(t - y_time)/tau_minus))
        x = x*exp(-(t - x_time)/tau_plus) + 1
        x_time = t
    }
}
