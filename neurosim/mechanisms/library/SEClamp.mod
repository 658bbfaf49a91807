: SEClamp: voltage clamp through one electrode of series resistance rs, three levels one after the other from t = 0.
: i = (vc - v)/rs while a level is on, else 0 (the circuit of NEURON's "SEClamp"). After the voltage has moved, i is
: computed again, so that a recorded i belongs to the recorded v.

NEURON {
    POINT_PROCESS SEClamp
    ELECTRODE_CURRENT i
    RANGE rs, dur1, amp1, dur2, amp2, dur3, amp3, vc, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
}

PARAMETER {
    rs = 1 (megohm) <1e-9, 1e9>   : series resistance
    dur1 = 0 (ms)                 : duration and
    amp1 = 0 (mV)                 : voltage of the first level
    dur2 = 0 (ms) <0, 1e9>
    amp2 = 0 (mV)
    dur3 = 0 (ms) <0, 1e9>
    amp3 = 0 (mV)
}

ASSIGNED {
    v (mV)
    i (nA)
    vc (mV)       : voltage asked for
    end2 (ms)
    end3 (ms)
    active        : 1 while a level is on
}

INITIAL {
    end2 = dur1 + dur2
    end3 = end2 + dur3
    active = 0
}

BREAKPOINT {
    SOLVE electrode METHOD after_cvode
    level()
    electrode()
}

PROCEDURE level() {
    active = 1
    if (t < dur1) {
        vc = amp1
    } else if (t < end2) {
        vc = amp2
    } else if (t < end3) {
        vc = amp3
    } else {
        vc = 0
        active = 0
    }
}

PROCEDURE electrode() {
    if (active > 0) {
        i = (vc - v)/rs
    } else {
        i = 0
    }
}
