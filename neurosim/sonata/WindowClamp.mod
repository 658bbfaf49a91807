: WindowClamp: a voltage clamp through a series resistance rs that is connected only while del <= t < del + dur.
: i = (vc - v)/rs then, else 0. After the voltage has moved, i is computed again, so that i belongs to the new v.

NEURON {
    POINT_PROCESS WindowClamp
    ELECTRODE_CURRENT i
    RANGE rs, del, dur, vc, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
}

PARAMETER {
    rs = 1 (megohm) <1e-9, 1e9>
    del = 0 (ms)
    dur = 0 (ms) <0, 1e9>
    vc = 0 (mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    active
}

INITIAL {
    i = 0
    active = 0
}

BREAKPOINT {
    SOLVE electrode METHOD after_cvode
    active = 0
    if (t >= del && t < del + dur) {
        active = 1
    }
    electrode()
}

PROCEDURE electrode() {
    if (active > 0) {
        i = (vc - v)/rs
    } else {
        i = 0
    }
}
