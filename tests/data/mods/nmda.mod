TITLE Synapse with magnesium block and short-term depression, variables in the connection
NEURON {
    POINT_PROCESS nmda
    RANGE tau_r, tau_d, e, mg, i, g
    NONSPECIFIC_CURRENT i
}
UNITS { (nA) = (nanoamp) (mV) = (millivolt) (uS) = (microsiemens) (mM) = (milli/liter) }
PARAMETER {
    tau_r = 2 (ms)
    tau_d = 60 (ms)
    tau_rec = 300 (ms)
    U = 0.4
    e = 0 (mV)
    mg = 1 (mM)
}
ASSIGNED { v (mV) i (nA) g (uS) norm }
STATE { A (uS) B (uS) }
INITIAL {
    LOCAL tp
    tp = tau_r*tau_d/(tau_d - tau_r)*log(tau_d/tau_r)
    norm = 1/(exp(-tp/tau_d) - exp(-tp/tau_r))
    A = 0
    B = 0
}
BREAKPOINT {
    SOLVE decay METHOD cnexp
    g = (B - A)/(1 + mg/3.57*exp(-0.062*v))
    i = g*(v - e)
}
DERIVATIVE decay {
    A' = -A/tau_r
    B' = -B/tau_d
}
NET_RECEIVE (weight (uS), left, last (ms)) {
    INITIAL {
        left = 1
        last = t
    }
    left = 1 - (1 - left)*exp(-(t - last)/tau_rec)
    A = A + weight*norm*left*U
    B = B + weight*norm*left*U
    left = left*(1 - U)
    last = t
}
