TITLE Hand-made exponential update by SOLVE of a PROCEDURE, as in older models
COMMENT
Habits: trivial VERBATIM, "?" comments, UNITSOFF, v and celsius declared as parameters, if without else, tadj by Q10.
ENDCOMMENT
INDEPENDENT { t FROM 0 TO 1 WITH 1 (ms) }

NEURON {
    SUFFIX update
    USEION k READ ek WRITE ik
    RANGE n, gk, gbar
    GLOBAL ninf, ntau, q10, vmin, vmax
}

PARAMETER {
    gbar = 5 (pS/um2)   ? 0.0005 mho/cm2
    v (mV)
    celsius (degC)
    dt (ms)
    q10 = 2.3
    vmin = -120 (mV)
    vmax = 100 (mV)
}

UNITS {
    (pS) = (picosiemens)
    (um) = (micron)
}

ASSIGNED { ik (mA/cm2) gk (pS/um2) ek (mV) ninf ntau (ms) nexp tadj }
STATE { n }

INITIAL {
    rates(v)
    n = ninf
}

BREAKPOINT {
    SOLVE states
    gk = tadj*gbar*n
    ik = (1e-4)*gk*(v - ek)
}

PROCEDURE states() {
    rates(v)
    n = n + nexp*(ninf - n)
    VERBATIM
    return 0;
    ENDVERBATIM
}

PROCEDURE rates(v) {
    LOCAL a, b
    TABLE ninf, ntau, nexp, tadj DEPEND dt, celsius, q10 FROM vmin TO vmax WITH 199
UNITSOFF
    a = 0.02*trap(v - 25, 9)
    b = 0.002*trap(25 - v, 9)
    tadj = q10^((celsius - 23)/10)
    ntau = 1/(a + b)/tadj
    ninf = a/(a + b)
    nexp = 1 - exp(-dt/ntau)
UNITSON
}

FUNCTION trap(x, y) {
    trap = 0
    if (fabs(x/y) > 1e-6) { trap = x/(1 - exp(-x/y)) } else { trap = y*(1 + x/y/2) }
}
