: GABAAB: inhibitory synapse of GABA-A and GABA-B receptors with probabilistic release, facilitation and depression.
: Release at one site, its state kept for each connection (Tsodyks and Markram 1997, PNAS 94:719; stochastic form:
: Fuhrmann, Segev, Markram and Tsodyks 2002, J Neurophysiol 87:140). At an event that comes gap ms after the last:
:   u <- u exp(-gap/tau_facil), then u <- u + U (1 - u)    probability of release
: stochastic = 1: an empty site has filled with probability 1 - exp(-gap/tau_rec); a full one releases with probability
: u and is empty then. stochastic = 0: the mean over many sites, R <- 1 - (1 - R) exp(-gap/tau_rec), u R is released.
: Each receptor has a rise and a decay; a release of weight w gives GABA-A a peak of w and GABA-B one of w GABAB_ratio:
: i = g_GABAA (v - e_GABAA) + g_GABAB (v - e_GABAB). A rise is kept at or below 0.9999 of its decay.

NEURON {
    POINT_PROCESS GABAAB
    NONSPECIFIC_CURRENT i
    RANGE tau_r_GABAA, tau_d_GABAA, tau_r_GABAB, tau_d_GABAB, e_GABAA, e_GABAB, GABAB_ratio
    RANGE U, tau_rec, tau_facil, stochastic, i, g_GABAA, g_GABAB
    RANDOM chance
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    tau_r_GABAA = 0.2 (ms) <1e-9, 1e9>
    tau_d_GABAA = 8 (ms) <1e-9, 1e9>
    tau_r_GABAB = 3.5 (ms) <1e-9, 1e9>
    tau_d_GABAB = 260.9 (ms) <1e-9, 1e9>
    e_GABAA = -80 (mV)                : reversal potential
    e_GABAB = -97 (mV)                : reversal potential
    GABAB_ratio = 0.3 <0, 1e9>        : peak of GABA-B over peak of GABA-A
    U = 0.25 <0, 1>                   : probability of release at rest
    tau_rec = 700 (ms) <1e-9, 1e9>    : recovery from depression
    tau_facil = 20 (ms) <0, 1e9>      : decay of facilitation; 0: none
    stochastic = 1 <0, 1>             : 1: a site that releases or does not; 0: the mean
}

ASSIGNED {
    v (mV)
    i (nA)
    g_GABAA (uS)
    g_GABAB (uS)
    factor_GABAA
    factor_GABAB
}

STATE {
    A_GABAA (uS)
    B_GABAA (uS)
    A_GABAB (uS)
    B_GABAB (uS)
}

INITIAL {
    random_setseq(chance, 0)
    tau_r_GABAA = below(tau_r_GABAA, tau_d_GABAA)
    tau_r_GABAB = below(tau_r_GABAB, tau_d_GABAB)
    factor_GABAA = per_weight(tau_r_GABAA, tau_d_GABAA)
    factor_GABAB = per_weight(tau_r_GABAB, tau_d_GABAB)
    A_GABAA = 0
    B_GABAA = 0
    A_GABAB = 0
    B_GABAB = 0
}

BREAKPOINT {
    SOLVE decay METHOD cnexp
    g_GABAA = B_GABAA - A_GABAA
    g_GABAB = B_GABAB - A_GABAB
    i = g_GABAA*(v - e_GABAA) + g_GABAB*(v - e_GABAB)
}

DERIVATIVE decay {
    A_GABAA' = -A_GABAA/tau_r_GABAA
    B_GABAA' = -B_GABAA/tau_d_GABAA
    A_GABAB' = -A_GABAB/tau_r_GABAB
    B_GABAB' = -B_GABAB/tau_d_GABAB
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
    A_GABAA = A_GABAA + released*weight*factor_GABAA
    B_GABAA = B_GABAA + released*weight*factor_GABAA
    A_GABAB = A_GABAB + released*weight*GABAB_ratio*factor_GABAB
    B_GABAB = B_GABAB + released*weight*GABAB_ratio*factor_GABAB
}
