: AMPANMDA: excitatory synapse of AMPA and NMDA receptors with probabilistic release, facilitation and depression.
: Release at one site, its state kept for each connection (Tsodyks and Markram 1997, PNAS 94:719; stochastic form:
: Fuhrmann, Segev, Markram and Tsodyks 2002, J Neurophysiol 87:140). At an event that comes gap ms after the last:
:   u <- u exp(-gap/tau_facil), then u <- u + U (1 - u)    probability of release
: stochastic = 1: an empty site has filled with probability 1 - exp(-gap/tau_rec); a full one releases with probability
: u and is empty then. stochastic = 0: the mean over many sites, R <- 1 - (1 - R) exp(-gap/tau_rec), u R is released.
: Each receptor has a rise and a decay; a release of weight w gives AMPA a peak of w and NMDA one of w NMDA_ratio: i =
: (g_AMPA + g_NMDA block) (v - e), block = 1/(1 + mg/3.57 exp(-0.062 v)) (Jahr and Stevens 1990, J Neurosci 10:3178). A
: rise is kept at or below 0.9999 of its decay.

NEURON {
    POINT_PROCESS AMPANMDA
    NONSPECIFIC_CURRENT i
    RANGE tau_r_AMPA, tau_d_AMPA, tau_r_NMDA, tau_d_NMDA, e, mg, NMDA_ratio, U, tau_rec, tau_facil, stochastic
    RANGE i, g_AMPA, g_NMDA
    RANDOM chance
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
    (mM) = (milli/liter)
}

PARAMETER {
    tau_r_AMPA = 0.2 (ms) <1e-9, 1e9>
    tau_d_AMPA = 1.7 (ms) <1e-9, 1e9>
    tau_r_NMDA = 3 (ms) <1e-9, 1e9>
    tau_d_NMDA = 70 (ms) <1e-9, 1e9>
    e = 0 (mV)                        : reversal potential
    mg = 1 (mM) <0, 1e9>              : magnesium outside
    NMDA_ratio = 0.7 <0, 1e9>         : peak of NMDA over peak of AMPA
    U = 0.5 <0, 1>                    : probability of release at rest
    tau_rec = 670 (ms) <1e-9, 1e9>    : recovery from depression
    tau_facil = 17 (ms) <0, 1e9>      : decay of facilitation; 0: none
    stochastic = 1 <0, 1>             : 1: a site that releases or does not; 0: the mean
}

ASSIGNED {
    v (mV)
    i (nA)
    g_AMPA (uS)
    g_NMDA (uS)
    factor_AMPA
    factor_NMDA
}

STATE {
    A_AMPA (uS)
    B_AMPA (uS)
    A_NMDA (uS)
    B_NMDA (uS)
}

INITIAL {
    random_setseq(chance, 0)
    tau_r_AMPA = below(tau_r_AMPA, tau_d_AMPA)
    tau_r_NMDA = below(tau_r_NMDA, tau_d_NMDA)
    factor_AMPA = per_weight(tau_r_AMPA, tau_d_AMPA)
    factor_NMDA = per_weight(tau_r_NMDA, tau_d_NMDA)
    A_AMPA = 0
    B_AMPA = 0
    A_NMDA = 0
    B_NMDA = 0
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    g_AMPA = B_AMPA - A_AMPA
    g_NMDA = (B_NMDA - A_NMDA)/(1 + mg/3.57*exp(-0.062*v))
    i = (g_AMPA + g_NMDA)*(v - e)
}

DERIVATIVE decay {
    A_AMPA' = -A_AMPA/tau_r_AMPA
    B_AMPA' = -B_AMPA/tau_d_AMPA
    A_NMDA' = -A_NMDA/tau_r_NMDA
    B_NMDA' = -B_NMDA/tau_d_NMDA
}

FUNCTION per_weight(rise (ms), fall (ms)) {
    LOCAL tp
    tp = rise*fall/(fall - rise)*log(fall/rise)
    per_weight = 1/(exp(-tp/fall) - exp(-tp/rise))
}

FUNCTION below(rise (ms), fall (ms)) (ms) {
    if (rise > 0.9999*fall) {
        below = 0.9999*fall
    } else {
        below = rise
    }
}

NET_RECEIVE (weight (uS), u, R, last (ms)) {
    LOCAL gap, released
    INITIAL {
        u = 0
        R = 1
        last = t
    }
    gap = t - last
    last = t
    if (tau_facil > 0) {
        u = u*exp(-gap/tau_facil)
    } else {
        u = 0
    }
    u = u + U*(1 - u)
    released = 0
    if (stochastic > 0) {
        if (R < 0.5) {
            if (random_uniform(chance) > exp(-gap/tau_rec)) {
                R = 1
            }
        }
        if (R > 0.5) {
            if (random_uniform(chance) < u) {
                released = 1
                R = 0
            }
        }
    } else {
        R = 1 - (1 - R)*exp(-gap/tau_rec)
        released = u*R
        R = R - released
    }
    A_AMPA = A_AMPA + released*weight*factor_AMPA
    B_AMPA = B_AMPA + released*weight*factor_AMPA
    A_NMDA = A_NMDA + released*weight*NMDA_ratio*factor_NMDA
    B_NMDA = B_NMDA + released*weight*NMDA_ratio*factor_NMDA
}
