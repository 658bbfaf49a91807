: NMDA: synaptic conductance with a rise, a decay and the block by magnesium.
: i = g block (v - e), block = 1/(1 + mg/3.57 exp(-0.062 v)), mg in mM (Jahr and Stevens 1990, J Neurosci 10:3178). g =
: B - A with A' = -A/tau1 and B' = -B/tau2; an event of weight w gives a peak of g of w, as in Exp2Syn. tau1 is kept
: between 1e-9 and 0.9999 of tau2.

NEURON {
    POINT_PROCESS NMDA
    NONSPECIFIC_CURRENT i
    RANGE tau1, tau2, e, mg, i, g
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
    (mM) = (milli/liter)
}

PARAMETER {
    tau1 = 3 (ms) <1e-9, 1e9>     : rise
    tau2 = 70 (ms) <1e-9, 1e9>    : decay
    e = 0 (mV)                    : reversal potential
    mg = 1 (mM) <0, 1e9>          : magnesium outside
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
    i = g*open_part(v)*(v - e)
}

DERIVATIVE decay {
    A' = -A/tau1
    B' = -B/tau2
}

FUNCTION open_part(v (mV)) {
    open_part = 1/(1 + mg/3.57*exp(-0.062*v))
}

NET_RECEIVE (weight (uS)) {
    A = A + weight*factor
    B = B + weight*factor
}
