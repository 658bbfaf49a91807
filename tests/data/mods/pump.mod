TITLE Calcium pump and buffer shells by KINETIC with COMPARTMENT, CONSERVE, arrays, FROM and STEADYSTATE
: habit: a current written and not READ, used inside as the pump's own part

NEURON {
    SUFFIX pump
    USEION ca READ cao, cai WRITE cai, ica
    RANGE ipump, last
    GLOBAL k1, k2, k3, k4
}

DEFINE SHELLS 4

UNITS {
    (mol) = (1)
    PI = (pi) (1)
    F = (faraday) (coulomb)
}

PARAMETER {
    rest = 5e-5 (mM)
    swap = 2 (ms)
    D = 3 (um3/ms)
    k1 = 5e8 (/mM-s)
    k2 = .25e6 (/s)
    k3 = .5e3 (/s)
    k4 = 5e0 (/mM-s)
    density = 3e-14 (mol/cm2)
}

CONSTANT { litre = 1 (liter) }

STATE {
    free (mol/cm2)
    bound (mol/cm2)
    cai (mM)
    c[SHELLS] (mM)
}

ASSIGNED {
    diam (um)
    cao (mM)
    ica (mA/cm2)
    ipump (mA/cm2)
    last (mA/cm2)
    voli (um3)
    skin (um2)
    r1 r2 r3 r4
}

BREAKPOINT {
    SOLVE flow METHOD sparse
    last = ipump
    ica = ipump
}

KINETIC flow {
    COMPARTMENT voli { cai }
    COMPARTMENT (1e10)*skin { free bound }
    COMPARTMENT litre*(1e15) { cao rest }
    COMPARTMENT i, 1 + i { c }
    ~ rest <-> cai (1/swap, 1/swap)
    ~ cai + free <-> bound (r1, r2)
    ~ bound <-> free + cao (r3, r4)
    ipump = (1e-4)*2*F*(f_flux - b_flux)/skin
    ~ cai << (-(ica - last)*skin/(2*F)*(1e4))
    ~ cai <-> c[0] (0.05, 0.05)
    FROM i = 0 TO SHELLS-2 {
        ~ c[i] <-> c[i+1] (D, D)
    }
    ~ c[SHELLS-1] -> (0.05)
    CONSERVE free + bound = (1e10)*skin*density
}

INITIAL {
    voli = PI*(diam/2)^2
    skin = 2*PI*(diam/2)
    r1 = (1e7)*skin*k1
    r2 = (1e7)*skin*k2
    r3 = (1e7)*skin*k3
    r4 = (1e7)*skin*k4
    SOLVE flow STEADYSTATE sparse
    FROM i = 0 TO SHELLS-1 { c[i] = cai }
}
