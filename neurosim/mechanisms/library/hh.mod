: hh: sodium, potassium and leak currents of the squid giant axon.
: Source: Hodgkin and Huxley 1952, J Physiol 117:500-544, doi:10.1113/jphysiol.1952.sp004764; voltages turned to
: today's sign with rest at -65 mV, rates at 6.3 degC with a Q10 of 3.
: The rates are tabulated in steps of 1 mV as in NEURON's "hh"; mechanism.variant(tables=False) computes them.

NEURON {
    SUFFIX hh
    USEION na READ ena WRITE ina
    USEION k READ ek WRITE ik
    NONSPECIFIC_CURRENT il
    RANGE gnabar, gkbar, gl, el, gna, gk, il
    RANGE minf, mtau, hinf, htau, ninf, ntau
    THREADSAFE
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gnabar = 0.12 (S/cm2) <0, 1e9>   : all sodium channels open
    gkbar = 0.036 (S/cm2) <0, 1e9>   : all potassium channels open
    gl = 0.0003 (S/cm2) <0, 1e9>     : leak conductance
    el = -54.3 (mV)                  : reversal potential of the leak
}

ASSIGNED {
    v (mV)
    celsius (degC)
    ena (mV)
    ek (mV)
    ina (mA/cm2)
    ik (mA/cm2)
    il (mA/cm2)
    gna (S/cm2)
    gk (S/cm2)
    minf
    hinf
    ninf
    mtau (ms)
    htau (ms)
    ntau (ms)
}

STATE {
    m
    h
    n
}

INITIAL {
    kinetics(v)
    m = minf
    h = hinf
    n = ninf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    gna = gnabar*m*m*m*h
    gk = gkbar*n*n*n*n
    ina = gna*(v - ena)
    ik = gk*(v - ek)
    il = gl*(v - el)
}

DERIVATIVE gates {
    kinetics(v)
    m' = (minf - m)/mtau
    h' = (hinf - h)/htau
    n' = (ninf - n)/ntau
}

PROCEDURE kinetics(u (mV)) {
    LOCAL opening, closing, warmth
    TABLE minf, mtau, hinf, htau, ninf, ntau DEPEND celsius FROM -100 TO 100 WITH 200

    warmth = 3^((celsius - 6.3)/10)

    opening = 0.1*linexp(-(u + 40), 10)
    closing = 4*exp(-(u + 65)/18)
    minf = opening/(opening + closing)
    mtau = 1/(warmth*(opening + closing))

    opening = 0.07*exp(-(u + 65)/20)
    closing = 1/(exp(-(u + 35)/10) + 1)
    hinf = opening/(opening + closing)
    htau = 1/(warmth*(opening + closing))

    opening = 0.01*linexp(-(u + 55), 10)
    closing = 0.125*exp(-(u + 65)/80)
    ninf = opening/(opening + closing)
    ntau = 1/(warmth*(opening + closing))
}

: x/(exp(x/y) - 1), with its first-order expansion where numerator and denominator vanish.
FUNCTION linexp(x, y) {
    if (fabs(x/y) < 1e-6) {
        linexp = y*(1 - x/y/2)
    } else {
        linexp = x/(exp(x/y) - 1)
    }
}
