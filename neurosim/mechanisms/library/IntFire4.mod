: IntFire4: leaky integrator of a fast excitatory and a slower inhibitory current that fires at 1, known only at events.
: With k = 1/tau of each: e' = -ke e, i1' = -ki1 i1, i2' = -ki2 i2 + ai1 i1, m' = -km m + ae e + ai2 i2. A positive weight
: is added to e, another to i1; a weight of 1 gives e and m a peak of 1, one of -1 gives i2 and m a peak of -1. When m
: reaches 1 - eps it fires and m starts at 0, the currents go on. A self-event at the time where the tangent of m reaches 1,
: which is never late, is repeated until it does (Hines and Carnevale 2004, Neurocomputing 58:1117). The proof of that needs
: taue < taui1 < taui2 < taum: what is not larger than the one before it becomes that + 0.01. The same as NEURON's
: "IntFire4".

NEURON {
    ARTIFICIAL_CELL IntFire4
    RANGE taue, taui1, taui2, taum, e, i1, i2, m, nself, nexcite, ninhibit
    GLOBAL eps
}

PARAMETER {
    taue = 5 (ms) <1e-9, 1e9>      : decay of e
    taui1 = 10 (ms) <1e-9, 1e9>    : decay of i1
    taui2 = 20 (ms) <1e-9, 1e9>    : decay of i2
    taum = 50 (ms) <1e-9, 1e9>     : membrane
    eps = 1e-6                     : tolerance of the threshold
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
    ai2 (/ms)
    be
    bi1
    bi2
    p
    q
}

INITIAL {
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

PROCEDURE constants() {
    LOCAL tp
    if (taui1 <= taue) {
        taui1 = taue + 0.01
    }
    if (taui2 <= taui1) {
        taui2 = taui1 + 0.01
    }
    if (taum <= taui2) {
        taum = taui2 + 0.01
    }
    ke = 1/taue
    ki1 = 1/taui1
    ki2 = 1/taui2
    km = 1/taum
    tp = log(km/ke)/(km - ke)
    be = 1/(exp(-km*tp) - exp(-ke*tp))
    ae = be*(ke - km)
    tp = log(ki2/ki1)/(ki2 - ki1)
    bi1 = 1/(exp(-ki2*tp) - exp(-ki1*tp))
    : m after a pulse into i1 alone is bi2 (p/bi2 (...) - q/bi2 (...)); its peak is made 1.
    tp = peak()
    q = bi1*(ki2 - km)/(ki1 - km)
    bi2 = 1/(bi1*(exp(-km*tp) - exp(-ki2*tp)) - q*(exp(-km*tp) - exp(-ki1*tp)))
    ai2 = bi2*(ki2 - km)
    p = bi2*bi1
    q = p*(ki2 - km)/(ki1 - km)
}

: Has the sign of m' at d after a pulse into i1 alone.
FUNCTION rising(d (ms)) (/ms2) {
    rising = -km*(ki1 - ki2)*exp(-km*d) + ki2*(ki1 - km)*exp(-ki2*d) - ki1*(ki2 - km)*exp(-ki1*d)
}

: Time of the peak of m after a pulse into i1 alone, halved in to 1e-6 ms: on the left a bound without the slow membrane,
: or the peak of i2, on the right one without the fast i1.
FUNCTION peak() (ms) {
    LOCAL low, high, middle
    low = -log(ki1*(ki2 - km)/ki2/(ki1 - km))/(ki1 - ki2)
    if (rising(low) < 0) {
        low = log(ki1/ki2)/(ki1 - ki2)
    }
    high = log(km*(ki1 - ki2)/ki2/(ki1 - km))/(km - ki2)
    middle = low
    while (high - low > 1e-6) {
        middle = (low + high)/2
        if (rising(middle) > 0) {
            low = middle
        } else {
            high = middle
        }
    }
    peak = middle
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
