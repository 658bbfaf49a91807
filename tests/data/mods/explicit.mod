TITLE Explicit methods: an adaptation variable by euler, set back at a threshold
: habit: an if in BREAKPOINT that chooses between conductances

NEURON {
    SUFFIX explicit
    NONSPECIFIC_CURRENT i
    RANGE gmax, w, i, rate
}
PARAMETER {
    gmax = 1e-4 (S/cm2)
    e = -80 (mV)
    tau = 30 (ms)
}
ASSIGNED { v (mV) i (mA/cm2) rate (/ms) }
STATE { w }
INITIAL { w = 0.1 }
BREAKPOINT {
    SOLVE adapt METHOD euler
    if (v > -50) {
        i = gmax*w*(v - e)
    } else {
        i = gmax*w^1.5*(v - e)/2
    }
}
DERIVATIVE adapt {
    rate = 1/tau
    w' = (1/(1 + exp(-(v + 40)/6)) - w*w)*rate
}
