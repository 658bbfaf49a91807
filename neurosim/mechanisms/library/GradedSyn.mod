: GradedSyn: synapse that the presynaptic voltage drives without spikes.
: i = weight gmax s (v - e), s' = (sinf - s)/tau, sinf = 1/(1 + exp((vth - vpre)/delta)), tau = (1 - sinf)/k (Prinz,
: Bucher and Marder 2004, Nat Neurosci 7:1345; for C. elegans Zhao et al. 2024, Nat Comput Sci 4:978), written with the
: rate 1/tau = k (1 + exp((vpre - vth)/delta)), which is kept below 1e9 /ms. s starts at sinf.

NEURON {
    POINT_PROCESS GradedSyn
    NONSPECIFIC_CURRENT i
    RANGE weight, gmax, e, vth, delta, k, i
    POINTER vpre
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    weight = 1                          : scale of the conductance
    gmax = 4.9e-4 (uS) <0, 1e9>         : largest conductance
    e = 30 (mV)                         : reversal potential
    vth = -20 (mV)                      : presynaptic voltage of half activation
    delta = 5 (mV) <1e-9, 1e9>          : slope
    k = 0.5 (/ms) <1e-9, 1e9>           : rate of closing
}

ASSIGNED {
    v (mV)
    vpre (mV)
    i (nA)
    sinf
    rate (/ms)
}

STATE {
    s
}

INITIAL {
    rates(vpre)
    s = sinf
}

BREAKPOINT {
    SOLVE open METHOD cnexp
    i = weight*gmax*s*(v - e)
}

DERIVATIVE open {
    rates(vpre)
    s' = (sinf - s)*rate
}

PROCEDURE rates(u (mV)) {
    LOCAL x, w
    x = (u - vth)/delta
    if (x > 100) {
        x = 100
    }
    w = exp(x)
    sinf = w/(1 + w)
    rate = k*(1 + w)
    if (rate > 1e9) {
        rate = 1e9
    }
}
