: AlphaSyn: synaptic conductance in the form of an alpha function; an event of weight w gives a peak of w after tau.
: g(t) = w (t/tau) exp(1 - t/tau) summed over the events, i = g (v - e) (Rall 1967, J Neurophysiol 30:1138). Written as
: two states, s' = -s/tau and g' = (s - g)/tau with s + w exp(1) at an event, and stepped by the exact solution.

NEURON {
    POINT_PROCESS AlphaSyn
    NONSPECIFIC_CURRENT i
    RANGE tau, e, i
    RANGE g, s
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau = 1 (ms) <1e-9, 1e9>      : time of the peak
    e = 0 (mV)                    : reversal potential
}

ASSIGNED {
    v (mV)
    dt (ms)
    g (uS)
    s (uS)
    i (nA)
}

INITIAL {
    g = 0
    s = 0
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
    i = g*(v - e)
}

PROCEDURE advance() {
    LOCAL decay
    decay = exp(-dt/tau)
    g = (g + s*dt/tau)*decay
    s = s*decay
}

NET_RECEIVE (weight (uS)) {
    s = s + weight*exp(1)
}
