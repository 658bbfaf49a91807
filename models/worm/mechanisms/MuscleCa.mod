: MuscleCa: calcium of a body wall muscle, filled by its calcium current and emptied with one time constant.
: cai' = -1e4 share ica/(2 F depth) - (cai - rest)/tau; an outward current does not empty it. 1e4 turns mA/cm2 over um
: into mM/ms. depth is the volume that the current fills, over the surface that it crosses. Source of the form: Destexhe
: et al. 1993, Biophys J 65:1538. The values of the worm are in params/muscle.toml.

NEURON {
    SUFFIX MuscleCa
    USEION ca READ ica WRITE cai
    RANGE depth, share, rest, tau, influx
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    depth = 1 (um)         : volume over surface
    share = 0.01           : share of calcium that stays free
    rest = 5e-5 (mM)       : concentration at rest
    tau = 50 (ms)          : time constant of removal
}

ASSIGNED {
    ica (mA/cm2)
    influx (mM/ms)
}

STATE {
    cai (mM)
}

INITIAL {
    cai = rest
}

BREAKPOINT {
    SOLVE pool METHOD cnexp
}

DERIVATIVE pool {
    influx = -(1e4)*share*ica/(2*FARADAY*depth)
    if (influx < 0) {
        influx = 0
    }
    cai' = influx - (cai - rest)/tau
}
