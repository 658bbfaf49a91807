: WormCa: calcium of a whole cell body, filled by the calcium current and emptied with one time constant.
: cai' = -1e4 share ica acell/(2 F vcell) - (cai - rest)/tau; above vtop only the second term. 1e4 turns mA/cm2 over um
: into mM/ms. acell and vcell are the surface that the current crosses and the volume that it fills. Steps are implicit
: Euler, before the gates. Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738. Zhao et al. 2024, Nat Comput Sci 4:978
: have acell = 100 um2 and vcell = 31.16 um3 in every cell, and rest = 0.05 with a start of 5e-5 (uM taken for mM).

NEURON {
    SUFFIX WormCa
    USEION ca READ ica WRITE cai
    RANGE vcell, acell, share, rest, tau
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (um) = (micron)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    vcell = 31.16 (um3)    : volume
    acell = 100 (um2)      : surface
    share = 0.001          : share of calcium that stays free
    rest = 5e-5 (mM)       : concentration at rest
    tau = 50 (ms)          : time constant of removal
    vtop = 60 (mV)         : voltage above which no calcium enters
}

ASSIGNED {
    v (mV)
    ica (mA/cm2)
    influx (mM/ms)
}

STATE {
    cai (mM)
}

INITIAL {
}

BREAKPOINT {
    SOLVE pool METHOD derivimplicit
}

DERIVATIVE pool {
    influx = 0
    if (v <= vtop) {
        influx = -(1e4)*share*ica*acell/(2*FARADAY*vcell)
    }
    cai' = influx - (cai - rest)/tau
}
