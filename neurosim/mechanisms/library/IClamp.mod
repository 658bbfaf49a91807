: IClamp: a step of current through an electrode, positive inwards.
: i = amp while del <= t < del + dur, else 0; t is the middle of the step, as in NEURON's "IClamp".

NEURON {
    POINT_PROCESS IClamp
    ELECTRODE_CURRENT i
    RANGE del, dur, amp, i
}

UNITS {
    (nA) = (nanoamp)
}

PARAMETER {
    del = 0 (ms)              : start
    dur = 0 (ms) <0, 1e9>     : duration
    amp = 0 (nA)              : current
}

ASSIGNED {
    i (nA)
}

INITIAL {
    i = 0
}

BREAKPOINT {
    i = 0
    if (t >= del && t < del + dur) {
        i = amp
    }
}
