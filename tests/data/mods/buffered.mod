TITLE A buffered pool: two coupled nonlinear states by derivimplicit
NEURON {
    SUFFIX buffered
    USEION ca READ ica WRITE cai
    NONSPECIFIC_CURRENT i
    RANGE kb, total, depth, tau, i, gmax
}
UNITS { F = (faraday) (coulomb) }
PARAMETER {
    kb = 10 (/mM-ms)
    ku = 0.1 (/ms)
    total = 0.05 (mM)
    depth = 0.2 (um)
    tau = 20 (ms)
    gmax = 1e-4 (S/cm2)
}
ASSIGNED { v (mV) ica (mA/cm2) i (mA/cm2) }
STATE { cai (mM) cb (mM) }
INITIAL {
    cai = 1e-4
    cb = total*kb*cai/(kb*cai + ku)
}
BREAKPOINT {
    SOLVE buffer METHOD derivimplicit
    i = gmax*cb/total*(v + 80)
}
DERIVATIVE buffer {
    cai' = -(1e4)*ica/(2*F*depth) - (cai - 1e-4)/tau - kb*cai*(total - cb) + ku*cb
    cb' = kb*cai*(total - cb) - ku*cb
}
