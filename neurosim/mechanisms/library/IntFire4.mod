: IntFire4: leaky integrator of a fast excitatory and a slower inhibitory current that fires at 1, known only at events.
: With k = 1/tau of each: e' = -ke e, i1' = -ki1 i1, i2' = -ki2 i2 + ai1 i1, m' = -km m + ae e + ai2 i2. A positive
: weight is added to e, another to i1; a weight of 1 gives e and m a peak of 1, one of -1 gives i2 and m a peak of -1.
: When m is above 1 - eps at an event it fires and m starts at 0, the currents go on. A self-event at the time where the
: tangent of m reaches 1, which is never late if taue < taui2 and taui1 < taui2, is repeated until it fires (Hines and
: Carnevale 2004, Neurocomputing 58:1117; van Elburg and van Ooyen 2009, Neural Comput 21:1913). Time constants are
: moved apart to keep that order and a distance of taueps. The same as NEURON's "IntFire4".

NEURON {
    ARTIFICIAL_CELL IntFire4
    RANGE taue, taui1, taui2, taum, e, i1, i2, m, ae, ai1, ai2, nself, nexcite, ninhibit
    GLOBAL eps, taueps
}

PARAMETER {
    taue = 5 (ms) <0, 1e9>            : decay of e
    taui1 = 10 (ms) <0, 1e9>          : decay of i1
    taui2 = 20 (ms) <0, 1e9>          : decay of i2
    taum = 50 (ms) <0, 1e9>           : membrane
    eps = 1e-6 <1e-9, 0.01>           : tolerance of the threshold
    taueps = 0.01 (ms) <1e-9, 1e9>    : smallest distance of two time constants
}

ASSIGNED {
    e
    i1
    i2
    m
    last (ms)
    nself
    nexcite
    ninhibit
    ke (/ms)
    ki1 (/ms)
    ki2 (/ms)
    km (/ms)
    ae (/ms)
    ai1 (/ms)
    ai2 (/ms)
    be
    bi1
    bi2
    p
    q
}

INITIAL {
    in_order()
    constants()
    e = 0
    i1 = 0
    i2 = 0
    m = 0
    last = t
    nself = 0
    nexcite = 0
    ninhibit = 0
    net_send(bound(), 1)
}

PROCEDURE in_order() {
    LOCAL longer
    if (taui2 < 4*taueps) {
        taui2 = 4*taueps
    }
    if (taui1 < 3*taueps) {
        taui1 = 3*taueps
    }
    if (taue < 2*taueps) {
        taue = 2*taueps
    }
    if (taui2 - taue < taueps) {
        taue = taui2 - taueps
    }
    if (taui1 > taui2) {
        longer = taui1
        taui1 = taui2
        taui2 = longer
    }
    if (taui2 - taui1 < taueps) {
        taui1 = taui2 - taueps
    }
    if (taum > taui2) {
        if (taum - taui2 < taueps) {
            taum = taui2 + taueps
        }
    } else {
        if (taui2 - taum < taueps) {
            taum = taui2 - taueps
        }
        below_inhibition()
        if (near(taui1)) {
            if (taui1 < taum) {
                taum = taui1 - taueps
            } else {
                taui1 = taum - taueps
            }
        }
        if (near(taue)) {
            if (taue < taum) {
                taum = taue - taueps
            } else {
                taue = taum - taueps
            }
        }
        below_inhibition()
    }
}

PROCEDURE below_inhibition() {
    if (near(taui1)) {
        taum = taui1 - taueps
    }
}

FUNCTION near(tau (ms)) {
    if (fabs(tau - taum) < taueps) {
        near = 1
    } else {
        near = 0
    }
}

PROCEDURE constants() {
    LOCAL tp
    ke = 1/taue
    ki1 = 1/taui1
    ki2 = 1/taui2
    km = 1/taum
    tp = log(km/ke)/(km - ke)
    be = 1/(exp(-km*tp) - exp(-ke*tp))
    ae = be*(ke - km)
    tp = log(ki2/ki1)/(ki2 - ki1)
    bi1 = 1/(exp(-ki2*tp) - exp(-ki1*tp))
    ai1 = bi1*(ki1 - ki2)
    : bi2 makes the peak of m after a pulse into i1 alone 1.
    tp = peak()
    q = bi1*(ki2 - km)/(ki1 - km)
    bi2 = 1/(bi1*(exp(-km*tp) - exp(-ki2*tp)) - q*(exp(-km*tp) - exp(-ki1*tp)))
    ai2 = bi2*(ki2 - km)
    p = bi2*bi1
    q = p*(ki2 - km)/(ki1 - km)
}

: Has the sign of m' at d after a pulse into i1 alone.
FUNCTION rising(d (ms)) {
    LOCAL fm
    fm = km*exp(-km*d)
    rising = (ki2*exp(-ki2*d) - fm)/(ki2 - km) - (ki1*exp(-ki1*d) - fm)/(ki1 - km)
}

: Time of the peak of m after a pulse into i1 alone, by halving: it is before the mean of the delays through i1, i2 and
: m.
FUNCTION peak() (ms) {
    LOCAL low, high, middle
    low = 0
    high = taui1 + taui2 + taum
    while (high - low > 1e-8*high) {
        middle = 0.5*(low + high)
        if (rising(middle) > 0) {
            low = middle
        } else {
            high = middle
        }
    }
    peak = high
}

PROCEDURE to_now() {
    LOCAL fe, f1, f2, fm
    fe = exp(-ke*(t - last))
    f1 = exp(-ki1*(t - last))
    f2 = exp(-ki2*(t - last))
    fm = exp(-km*(t - last))
    m = m*fm + be*e*(fm - fe) + (bi2*i2 + p*i1)*(fm - f2) - q*i1*(fm - f1)
    e = e*fe
    i2 = i2*f2 + bi1*i1*(f2 - f1)
    i1 = i1*f1
    last = t
}

FUNCTION bound() (ms) {
    LOCAL slope
    slope = -km*m + ae*e + ai2*i2
    if (slope <= 1e-9) {
        bound = 1e9
    } else {
        bound = (1 - m)/slope
    }
}

NET_RECEIVE (w) {
    to_now()
    if (m > 1 - eps) {
        net_event(t)
        m = 0
    }
    if (flag == 1) {
        nself = nself + 1
        net_send(bound(), 1)
    } else {
        if (w > 0) {
            nexcite = nexcite + 1
            e = e + w
        } else {
            ninhibit = ninhibit + 1
            i1 = i1 + w
        }
        net_move(t + bound())
    }
}
