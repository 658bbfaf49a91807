: VClamp: two-electrode voltage clamp with a feedback amplifier, three levels one after the other from t = 0.
: The circuit is that of NEURON's "VClamp" (NEURON writes dur[0] for dur1 and so on):
:   amplifier    tau2 vo' = -gain e - vo
:   measurement  vi = v + fac (vo - v)
:   summing node (vi - e) + tau1 (vi' - e') = stim + e
:   electrode    i = (vo - v)/rstim
: with backward differences, solved here by hand for e together with v.

NEURON {
    POINT_PROCESS VClamp
    ELECTRODE_CURRENT i
    RANGE dur1, amp1, dur2, amp2, dur3, amp3, gain, rstim, tau1, tau2, fac, i
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
}

PARAMETER {
    dur1 = 0 (ms) <0, 1e9>        : duration and
    amp1 = 0 (mV)                 : voltage of the first level
    dur2 = 0 (ms) <0, 1e9>
    amp2 = 0 (mV)
    dur3 = 0 (ms) <0, 1e9>
    amp3 = 0 (mV)
    gain = 1e5 <0, 1e9>           : of the control amplifier
    rstim = 1 (megohm) <1e-9, 1e9>  : resistance of the stimulating electrode
    tau1 = 0.001 (ms) <0, 1e9>    : of the measuring amplifier
    tau2 = 0 (ms) <0, 1e9>        : of the control amplifier
    fac = 0                       : share of the output that the measurement picks up
}

ASSIGNED {
    v (mV)
    dt (ms)
    i (nA)
    stim (mV)     : voltage asked for
    active        : 1 while a level is on
    elast (mV)    : the amplifiers at the end of the step before
    volast (mV)
    vilast (mV)
}

STATE {
    e (mV)        : input of the control amplifier
    vo (mV)       : its output
    vi (mV)       : output of the measuring amplifier
}

INITIAL {
    e = 0
    vo = v
    vi = v
    elast = 0
    volast = v
    vilast = v
    active = 0
}

BREAKPOINT {
    SOLVE settle METHOD after_cvode
    level()
    electrode()
}

PROCEDURE level() {
    active = 1
    if (t < dur1) {
        stim = amp1
    } else if (t < dur1 + dur2) {
        stim = amp2
    } else {
        stim = amp3
        if (t > dur1 + dur2 + dur3) {
            active = 0
        }
    }
}

: With r1 = tau1/dt and r2 = tau2/dt:
:   vo = (r2 volast - gain e)/(1 + r2),  vi = (1 - fac) v + fac vo,
:   (1 + r1) vi - (2 + r1) e = stim + r1 (vilast - elast).
PROCEDURE electrode() {
    LOCAL r1, r2, open, loop
    if (active > 0) {
        r1 = tau1/dt
        r2 = tau2/dt
        open = (1 - fac)*v + fac*r2*volast/(1 + r2)
        loop = 2 + r1 + (1 + r1)*fac*gain/(1 + r2)
        e = ((1 + r1)*open - stim - r1*(vilast - elast))/loop
        vo = (r2*volast - gain*e)/(1 + r2)
        vi = (1 - fac)*v + fac*vo
        i = (vo - v)/rstim
    } else {
        i = 0
    }
}

PROCEDURE settle() {
    electrode()
    elast = e
    volast = vo
    vilast = vi
}
