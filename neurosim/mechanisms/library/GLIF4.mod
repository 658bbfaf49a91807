: GLIF4: point cell, leaky integrate and fire with reset rules and after-spike currents.
: cm V' = g_l (v_rest - V) + ie + ii + i_offset + asc1 + asc2; V above the threshold is a spike (Teeter et al. 2018, Nat
: Commun 9:709, model LIF-R-ASC). asc' = -k asc (two of them), at a spike asc <- amp + r asc exp(-k tau_refrac). At a
: spike V <- v_rest + f_v (V - v_rest) + v_add. The threshold is v_thresh + ths; ths' = -b_s ths, at a spike ths <- ths
: exp(-b_s tau_refrac) + ths_add. What a spike changes it changes at once to its value at the end of the refractory
: time; until then it stays, in whole steps. Synaptic currents are alpha functions, as in the point models of the Allen
: Institute's V1 (Billeh et al. 2020, Neuron 106:388): an event of weight w adds a peak of w nA after tau_ex (w > 0) or
: tau_in, at the nearest step. The step is exact (Rotter and Diesmann 1999, Biol Cybern 81:381), with dt as it was at
: the start. Spikes are at whole steps.

NEURON {
    POINT_PROCESS GLIF4
    RANGE cm, g_l, v_rest, v_thresh, v_start, tau_refrac, i_offset, tau_ex, tau_in, f_v, v_add, ths_add, b_s, amp1
    RANGE amp2, k1, k2, r1, r2
    RANGE V, ths, asc1, asc2, ie, ye, ii, yi
}

UNITS {
    (nA) = (nanoamp)
    (mV) = (millivolt)
    (uS) = (microsiemens)
    (nF) = (nanofarad)
    (MOhm) = (megaohm)
}

PARAMETER {
    cm = 0.06 (nF) <1e-9, 1e9>      : capacitance
    g_l = 0.004 (uS) <1e-9, 1e9>    : leak
    v_rest = -75 (mV)               : reversal potential of the leak
    v_thresh = -50 (mV)             : threshold at rest
    v_start = -75 (mV)              : V at the start
    tau_refrac = 3 (ms) <0, 1e9>    : refractory time
    i_offset = 0 (nA)               : constant current, positive inwards
    tau_ex = 2 (ms) <1e-9, 1e9>     : peak of the excitatory current
    tau_in = 2 (ms) <1e-9, 1e9>     : peak of the inhibitory current
    f_v = 0.2                       : part of V - v_rest that stays at a spike
    v_add = 0 (mV)                  : added to V at a spike
    ths_add = 0.4 (mV)              : added to the threshold at a spike
    b_s = 0.01 (/ms) <1e-9, 1e9>    : decay of that
    amp1 = -0.01 (nA)               : after-spike currents: added at a spike
    amp2 = -0.05 (nA)
    k1 = 0.003 (/ms) <1e-9, 1e9>    : rates of decay
    k2 = 0.1 (/ms) <1e-9, 1e9>
    r1 = 1                          : part that stays at a spike
    r2 = 1
}

ASSIGNED {
    dt (ms)
    V (mV)
    ths (mV)
    asc1 (nA)
    asc2 (nA)
    ie (nA)
    ye (nA)
    ii (nA)
    yi (nA)
    until (ms)
    decay
    decay_ex
    decay_in
    gain_ex (MOhm)
    gain_in (MOhm)
    late_ex (MOhm)
    late_in (MOhm)
    decay_1
    decay_2
    gain_1 (MOhm)
    gain_2 (MOhm)
    decay_s
}

INITIAL {
    V = v_start
    ths = 0
    asc1 = 0
    asc2 = 0
    ie = 0
    ye = 0
    ii = 0
    yi = 0
    until = -1e9
    constants()
    net_send(0, 1)
}

BREAKPOINT {
    SOLVE advance METHOD after_cvode
}

: Solutions over one step: a current that starts at 1 nA, and the late part of an alpha function (y of 1 nA).
PROCEDURE constants() {
    LOCAL h
    h = dt*g_l/cm
    decay = exp(-h)
    decay_ex = exp(-dt/tau_ex)
    decay_in = exp(-dt/tau_in)
    gain_ex = dt/cm*decay*mean0(h - dt/tau_ex)
    gain_in = dt/cm*decay*mean0(h - dt/tau_in)
    late_ex = dt/cm*decay*dt/tau_ex*mean1(h - dt/tau_ex)
    late_in = dt/cm*decay*dt/tau_in*mean1(h - dt/tau_in)
    decay_1 = exp(-dt*k1)
    decay_2 = exp(-dt*k2)
    gain_1 = dt/cm*decay*mean0(h - dt*k1)
    gain_2 = dt/cm*decay*mean0(h - dt*k2)
    decay_s = exp(-dt*b_s)
}

: Mean of exp(x s) and of s exp(x s) for s in 0 to 1.
FUNCTION mean0(x) {
    if (fabs(x) < 0.03) {
        mean0 = 1 + x/2*(1 + x/3*(1 + x/4*(1 + x/5*(1 + x/6))))
    } else {
        mean0 = (exp(x) - 1)/x
    }
}

FUNCTION mean1(x) {
    if (fabs(x) < 0.03) {
        mean1 = 1/2 + x*(1/3 + x*(1/8 + x*(1/30 + x*(1/144 + x/840))))
    } else {
        mean1 = (exp(x)*(x - 1) + 1)/x/x
    }
}

PROCEDURE advance() {
    LOCAL goal
    if (t - 0.5*dt > until) {
        goal = v_rest + i_offset/g_l
        V = goal + (V - goal)*decay + gain_ex*ie + late_ex*ye + gain_in*ii + late_in*yi
        V = V + gain_1*asc1 + gain_2*asc2
        asc1 = asc1*decay_1
        asc2 = asc2*decay_2
        ths = ths*decay_s
    }
    ie = (ie + ye*dt/tau_ex)*decay_ex
    ye = ye*decay_ex
    ii = (ii + yi*dt/tau_in)*decay_in
    yi = yi*decay_in
}

NET_RECEIVE (w (nA)) {
    if (flag == 0) {
        if (w > 0) {
            ye = ye + w*exp(1)
        } else {
            yi = yi + w*exp(1)
        }
    } else if (flag == 1) {
        WATCH (V > v_thresh + ths) 2
    } else {
        net_event(t)
        V = v_rest + f_v*(V - v_rest) + v_add
        ths = ths*exp(-b_s*tau_refrac) + ths_add
        asc1 = amp1 + r1*asc1*exp(-k1*tau_refrac)
        asc2 = amp2 + r2*asc2*exp(-k2*tau_refrac)
        until = t + tau_refrac
    }
}
