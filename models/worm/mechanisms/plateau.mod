: plateau: steady inward current of motor neurons that hold a depolarised potential.
: i = gbar m (v - e), m' = (minf - m)/tau, minf = 1/(1 + exp((vh - v)/slope)). Two stable potentials and plateaus were recorded
: in RMD (Mellem et al. 2008, Nat Neurosci 11:865) and in cord motor neurons (Liu, Chen and Wang 2014, Nat Commun 5:5155);
: which channel carries the current is not known, so the form is the simplest and its numbers are in params/motor.toml.

NEURON {
    SUFFIX plateau
    NONSPECIFIC_CURRENT i
    RANGE gbar, e, vh, slope, tau
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S) = (siemens)
}

PARAMETER {
    gbar = 0 (S/cm2) <0, 1e9>   : density
    e = 60 (mV)                 : reversal potential
    vh = -20 (mV)               : voltage of half activation
    slope = 2 (mV) <1e-3, 1e3>  : e-fold
    tau = 2 (ms) <1e-9, 1e9>    : time constant
}

ASSIGNED {
    v (mV)
    i (mA/cm2)
}

STATE {
    m
}

INITIAL {
    m = 1/(1 + exp((vh - v)/slope))
}

BREAKPOINT {
    SOLVE gate METHOD cnexp
    i = gbar*m*(v - e)
}

DERIVATIVE gate {
    m' = (1/(1 + exp((vh - v)/slope)) - m)/tau
}
