: OUNoise: Ornstein-Uhlenbeck noise current through an electrode, positive inwards.
: x' = -x/tau + sigma sqrt(2/tau) (white noise), i = mean + x. The step is exact for any dt:
: x <- x exp(-dt/tau) + sigma sqrt(1 - exp(-2 dt/tau)) normal
: (Gillespie 1996, Phys Rev E 54:2084); x starts in its stationary distribution.
: "normal" is an input: a fresh standard normal number for each instance at initialisation and at each step. neurosim
: draws it (counter-based, keyed by seed, cell, instance and step); in NEURON play a Vector into it. Left at 0, the
: current is constant.

NEURON {
    POINT_PROCESS OUNoise
    ELECTRODE_CURRENT i
    RANGE mean, sigma, tau, x, normal, i
}

UNITS {
    (nA) = (nanoamp)
}

PARAMETER {
    mean = 0 (nA)                 : mean current
    sigma = 0 (nA) <0, 1e9>       : standard deviation
    tau = 3 (ms) <1e-9, 1e9>      : correlation time
}

ASSIGNED {
    dt (ms)
    i (nA)
    normal
}

STATE {
    x (nA)
}

INITIAL {
    x = sigma*normal
    i = mean + x
}

BREAKPOINT {
    SOLVE diffuse METHOD after_cvode
    i = mean + x
}

PROCEDURE diffuse() {
    x = x*exp(-dt/tau) + sigma*sqrt(1 - exp(-2*dt/tau))*normal
}
