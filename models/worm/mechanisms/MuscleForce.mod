: MuscleForce: how far a muscle is switched on by its calcium; the state a, from 0 to 1, is what the body takes.
: a' = (ainf - a)/tau, ainf = c^n/(c^n + half^n), c the calcium above its rest (Hill 1910; a first-order filter between
: calcium and force as in Boyle, Berri and Cohen 2012, Front Comput Neurosci 6:10). It carries no current.

NEURON {
    SUFFIX MuscleForce
    USEION ca READ cai
    RANGE half, hill, rest, tau, ainf
}

UNITS {
    (molar) = (1/liter)
    (mM) = (millimolar)
}

PARAMETER {
    half = 5e-4 (mM) <1e-12, 1e9>  : calcium above rest of half activation
    hill = 2 <1e-3, 100>           : steepness
    rest = 5e-5 (mM)               : calcium at rest
    tau = 50 (ms) <1e-9, 1e9>      : time constant
}

ASSIGNED {
    cai (mM)
    ainf
}

STATE {
    a
}

INITIAL {
    rates(cai)
    a = ainf
}

BREAKPOINT {
    SOLVE activation METHOD cnexp
}

DERIVATIVE activation {
    rates(cai)
    a' = (ainf - a)/tau
}

PROCEDURE rates(c (mM)) {
    LOCAL ratio
    ainf = 0
    if (c > rest) {
        ratio = ((c - rest)/half)^hill
        ainf = ratio/(1 + ratio)
    }
}
