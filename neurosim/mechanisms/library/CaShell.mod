: CaShell: calcium in a cylindrical shell with a pump of Michaelis-Menten kind and a leak that balances it at rest.
: cai' = -1e4 ica/(2 F width)/(1 + kappa) - (vmax/(1 + kappa)) (cai/(cai + kmp) - cainf/(cainf + kmp)).
: The shell of thickness depth in a cylinder of diameter diam has the volume width = depth (1 - depth/diam) per area of
: membrane (depth is cut at diam/2: then the shell is the whole cylinder, diam/4). kappa is the binding ratio of fast
: buffers (Neher and Augustine 1992, J Physiol 450:273-301). cai starts at cainf.

NEURON {
    SUFFIX CaShell
    USEION ca READ ica WRITE cai
    RANGE depth, kappa, vmax, kmp, cainf, width
}

UNITS {
    (mA) = (milliamp)
    (um) = (micron)
    (molar) = (1/liter)
    (mM) = (millimolar)
    FARADAY = (faraday) (coulombs)
}

PARAMETER {
    depth = 0.2 (um) <1e-6, 1e6>      : thickness of the shell
    kappa = 20 <0, 1e9>               : bound calcium over free calcium
    vmax = 1e-3 (mM/ms) <0, 1e9>      : fastest removal by the pump
    kmp = 5e-4 (mM) <1e-12, 1e9>      : concentration of half-fastest removal
    cainf = 5e-5 (mM) <0, 1e9>        : concentration at rest
}

ASSIGNED {
    diam (um)
    ica (mA/cm2)
    width (um)                        : volume of the shell per area of membrane
}

STATE {
    cai (mM)
}

INITIAL {
    if (depth < diam/2) {
        width = depth*(1 - depth/diam)
    } else {
        width = diam/4
    }
    cai = cainf
}

BREAKPOINT {
    SOLVE shell METHOD derivimplicit
}

DERIVATIVE shell {
    cai' = (-1e4*ica/(2*FARADAY*width) - vmax*(cai/(cai + kmp) - cainf/(cainf + kmp)))/(1 + kappa)
}
