: SinClamp: a sine current through an electrode, positive inwards.
: i = offset + amp sin(2 pi freq (t - del)/1000 + phase) while del <= t < del + dur, else 0; t is the middle of the
: step, as in IClamp.

NEURON {
    POINT_PROCESS SinClamp
    ELECTRODE_CURRENT i
    RANGE del, dur, amp, offset, freq, phase, i
}

UNITS {
    (nA) = (nanoamp)
}

PARAMETER {
    del = 0 (ms)                : start
    dur = 1e9 (ms) <0, 1e9>     : duration
    amp = 0 (nA)                : amplitude
    offset = 0 (nA)             : constant part
    freq = 10 (/s) <0, 1e9>     : frequency
    phase = 0 (radian)          : phase at the start
}

ASSIGNED {
    i (nA)
}

INITIAL {
    i = 0
}

BREAKPOINT {
    if (t >= del && t < del + dur) {
        i = offset + amp*sin(2*3.141592653589793*freq*0.001*(t - del) + phase)
    } else {
        i = 0
    }
}
