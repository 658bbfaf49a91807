: Gap: one side of a gap junction; the other side is a Gap in the other cell.
: i = g (v - vgap), vgap is the voltage at the other side (Bennett 1966, Ann N Y Acad Sci 137:509).

NEURON {
    POINT_PROCESS Gap
    NONSPECIFIC_CURRENT i
    RANGE g, i
    POINTER vgap
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
}

PARAMETER {
    g = 1e-3 (uS) <0, 1e9>    : conductance
}

ASSIGNED {
    v (mV)
    vgap (mV)
    i (nA)
}

BREAKPOINT {
    i = g*(v - vgap)
}
