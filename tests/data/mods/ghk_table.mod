TITLE Calcium channel by the GHK equation, rates in FUNCTIONs with TABLE
COMMENT
Habits: UNITS constants by name, a FUNCTION that changes its argument, TABLE in a FUNCTION, LOCAL in DERIVATIVE.
ENDCOMMENT

NEURON {
    SUFFIX ghk_table
    USEION ca READ cai, cao WRITE ica
    RANGE pmax, ica
    GLOBAL slow
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (molar) = (1/liter)
    (mM) = (millimolar)
    F = (faraday) (coulomb)
    R = (k-mole) (joule/degC)
}

PARAMETER {
    slow = 2    <1e-6, 1e6>
    pmax = 2e-6 (cm/s)  <0, 1e9>
}

ASSIGNED { celsius (degC) v (mV) cai (mM) cao (mM) ica (mA/cm2) }
STATE { o }

INITIAL { o = oinf(v) }

BREAKPOINT {
    SOLVE gate METHOD cnexp
    ica = pmax*o*o*drive(v, cai, cao)
}

DERIVATIVE gate {
    LOCAL inf, tau
    inf = oinf(v)  tau = otau(v)
    o' = (inf - o)/tau
}

FUNCTION drive(u (mV), in (mM), out (mM)) (.001 coul/cm3) {
    LOCAL x
    x = (1e-3)*2*F*u/(R*(celsius + 273.15))
    drive = (.001)*2*F*(in*bern(-x) - out*bern(x))
}

FUNCTION bern(x) {
    if (fabs(x) < 1e-4) {
        bern = 1 - x/2
    }else{
        bern = x/(exp(x) - 1)
    }
}

FUNCTION oinf(u (mV)) {
    LOCAL a, b
    TABLE FROM -150 TO 150 WITH 200
    u = u + 65
    a = bern(.1*(25 - u))
    b = 4*exp(-u/18)
    oinf = a/(a + b)
}

FUNCTION otau(u (mV)) (ms) {
    LOCAL a, b, q
    TABLE DEPEND celsius, slow FROM -150 TO 150 WITH 200
    q = 3^((celsius - 6.3)/10)
    u = u + 65
    a = bern(.1*(25 - u))
    b = 4*exp(-u/18)
    otau = slow/(a + b)/q
}
