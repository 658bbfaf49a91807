: CaDynamics: calcium in a shell under the membrane, filled by the calcium current and emptied with one time constant.
: cai' = -1e4 ica gamma/(2 F depth) - (cai - minCai)/decay (sonata-v1 set of the Allen Institute; after Destexhe et
: al. 1994, Neural Comput 6:14-18). 1e4 turns mA/cm2 over um into mM/ms. cai starts at minCai.

NEURON {
    SUFFIX CaDynamics
    USEION ca READ ica WRITE cai
    RANGE gamma, decay, depth, minCai
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    gamma = 0.05            : share of calcium that stays free
    decay = 80 (ms)         : time constant of removal
    depth = 0.1 (um)        : thickness of the shell
    minCai = 1e-4 (mM)      : concentration at rest
}

ASSIGNED {
    ica (mA/cm2)
}

STATE {
    cai (mM)
}

INITIAL {
    cai = minCai
}

BREAKPOINT {
    SOLVE shell METHOD cnexp
}

DERIVATIVE shell {
    cai' = -1e4*(ica*gamma/(2*FARADAY*depth)) - (cai - minCai)/decay
}
