: CaPool: like CaDynamics, but an outward calcium current does not empty the pool.
: cai' = influx - (cai - cainf)/taur, influx = max(0, -1e4 ica/(2 F depth)) (Destexhe, Babloyantz and Sejnowski 1993,
: Biophys J 65:1538-1552). 1e4 turns mA/cm2 over um into mM/ms. cai starts at cainf.

NEURON {
    SUFFIX CaPool
    USEION ca READ ica WRITE cai
    RANGE depth, taur, cainf, influx
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    depth = 0.1 (um)        : thickness of the shell
    taur = 80 (ms)          : time constant of removal
    cainf = 1e-4 (mM)       : concentration at rest
}

ASSIGNED {
    ica (mA/cm2)
    influx (mM/ms)
}

STATE {
    cai (mM)
}

INITIAL {
    cai = cainf
}

BREAKPOINT {
    SOLVE pool METHOD cnexp
}

DERIVATIVE pool {
    influx = -1e4*ica/(2*FARADAY*depth)
    if (influx < 0) {
        influx = 0
    }
    cai' = influx - (cai - cainf)/taur
}
