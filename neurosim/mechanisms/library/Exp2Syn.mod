: Exp2Syn: synaptic conductance with a rise and a decay; an event of weight w gives a peak of w.
: g = B - A with A' = -A/tau1 and B' = -B/tau2, i = g (v - e). Both jump by w/peak at an event, where peak is
: exp(-tp/tau2) - exp(-tp/tau1) at the time of the maximum, tp = tau1 tau2/(tau2 - tau1) ln(tau2/tau1).
: tau1 is kept between 1e-9 and 0.9999 of tau2. The same defaults as NEURON's "Exp2Syn".

NEURON {
    POINT_PROCESS Exp2Syn
    NONSPECIFIC_CURRENT i
    RANGE tau1, tau2, e, i, g
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau1 = 0.1 (ms) <1e-9, 1e9>   : rise
    tau2 = 10 (ms) <1e-9, 1e9>    : decay
    e = 0 (mV)                    : reversal potential
}

ASSIGNED {
    v (mV)
    i (nA)
    g (uS)
    factor
}

STATE {
    A (uS)
    B (uS)
}

INITIAL {
    LOCAL tp
    if (tau1/tau2 > 0.9999) {
        tau1 = 0.9999*tau2
    } else if (tau1/tau2 < 1e-9) {
        tau1 = tau2*1e-9
    }
    tp = tau1*tau2/(tau2 - tau1)*log(tau2/tau1)
    factor = 1/(exp(-tp/tau2) - exp(-tp/tau1))
    A = 0
    B = 0
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    g = B - A
    i = g*(v - e)
}

DERIVATIVE decay {
    A' = -A/tau1
    B' = -B/tau2
}

NET_RECEIVE (weight (uS)) {
    A = A + weight*factor
    B = B + weight*factor
}
