: IntFire2: leaky integrator of a decaying synaptic current that fires at 1, known only at the times of its events.
: taum m' = i - m, taus i' = ib - i; an event of weight w does i + w. When m reaches 1 it fires and m starts at 0; i
: goes on. The time of the next spike is solved in advance (Hines and Carnevale 2004, Neurocomputing 58:1117): with b, c
: the excess of i and the value of m now,
:   1 = ib + B exp(-t/taus) + (c - ib - B) exp(-t/taum),   B = b taus/(taus - taum),
: by Newton's method in x = exp(-t/taum) (from x = 1 with r = taum/taus: 1 = ib + B x^r + (c - ib - B) x), or in x =
: exp(-t/taus) from 0 where the slope at 1 leads away. taum < taus is needed: else taus = taum + 0.1. The same as
: NEURON's "IntFire2", with its tolerance of 1e-6 and its limit of 11 iterations.

NEURON {
    ARTIFICIAL_CELL IntFire2
    RANGE taus, taum, ib, i, m
}

PARAMETER {
    taus = 20 (ms) <1e-9, 1e9>    : decay of the current
    taum = 10 (ms) <1e-9, 1e9>    : membrane
    ib = 0                        : constant current
}

ASSIGNED {
    i
    m
    last (ms)
    wait (ms)
}

INITIAL {
    i = ib
    m = 0
    if (taus <= taum) {
        taus = taum + 0.1
    }
    last = t
    solve_wait(0, 0)
    net_send(wait, 1)
}

: Set wait to the time from now to the spike, 1e9 where there is none. b: B above, c: m now.
PROCEDURE solve_wait(b, c) {
    LOCAL r, k, slope, x, f, df, dx, n, power, one, other, scale
    r = taum/taus
    k = c - ib - b
    slope = r*b + k
    scale = 0
    x = 0
    power = r
    one = b
    other = k
    if (ib > 1 && b <= 0) {
        scale = taus
        if (slope < 0) {
            x = (1 - c + slope)/slope
            if (x > 0) {
                scale = taum
            }
        }
        if (scale == taus) {
            x = 0
            power = 1/r
            one = k
            other = b
        }
    } else if (ib > 1 || ib + b > 1) {
        x = (-k/(r*b))^(1/(r - 1))
        f = ib + b*x^r + k*x
        if (x < 1 && f > 1) {
            scale = taum
            x = (1 - c + slope)/slope
        }
    }
    wait = 1e9
    if (scale > 0) {
        dx = 1
        f = 0
        n = 0
        while (fabs(dx) > 1e-6 || fabs(f - 1) > 1e-6) {
            f = ib + one*x^power + other*x
            df = power*one*x^(power - 1) + other
            dx = (1 - f)/df
            x = x + dx
            if (x <= 0) {
                x = 1e-4
            } else if (x > 1) {
                x = 1
            }
            n = n + 1
            if (n > 10) {
                f = 1
                dx = 0
            }
        }
        wait = -scale*log(x)
    }
}

NET_RECEIVE (w) {
    LOCAL ratio, excess
    ratio = taus/(taus - taum)
    excess = (i - ib)*exp(-(t - last)/taus)
    if (flag == 1) {
        net_event(t)
        m = 0
        i = ib + excess
        solve_wait((i - ib)*ratio, 0)
        net_send(wait, 1)
    } else {
        m = ib + ratio*excess + (m - (ib + (i - ib)*ratio))*exp(-(t - last)/taum)
        i = ib + excess + w
        if (m >= 1) {
            net_move(t)
        } else {
            solve_wait((i - ib)*ratio, m)
            net_move(t + wait)
        }
    }
    last = t
}
