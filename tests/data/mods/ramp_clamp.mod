TITLE Electrode current that ramps, with at_time, area and a state of its own
NEURON {
    POINT_PROCESS ramp_clamp
    ELECTRODE_CURRENT inj
    RANGE del, dur, top, inj, area_here, charge
}
UNITS { (nA) = (nanoamp) }
PARAMETER {
    del = 5 (ms)
    dur = 20 (ms) <0, 1e9>
    top = 0.2 (nA)
}
ASSIGNED { area (um2) inj (nA) area_here (um2) }
STATE { charge (pC) }
INITIAL { charge = 0 }
BREAKPOINT {
    SOLVE collect METHOD cnexp
    at_time(del)
    at_time(del + dur)
    if (t < del || t > del + dur) {
        inj = 0
    } else if (t < del + dur/2) {
        inj = top*(t - del)/(dur/2)
    } else {
        inj = top*(del + dur - t)/(dur/2)
    }
    area_here = area
}
DERIVATIVE collect {
    charge' = inj
}
