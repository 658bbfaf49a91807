: NaV: sodium current of hippocampal pyramidal cells, a Markov chain of twelve states (five closed C, open O, six
: inactivated I); the states sum to 1.
: Source: Carter, Giessel, Sabatini and Bean 2012, Neuron 75:1081-1093; 37 degC, Q10 2.3.
: The states start at their steady state. With allen_init = 1 they start as in the Allen Institute's file, whose system
: for the start has the rate of I3 -> C3 in the place of I4 -> I3: needed to repeat those models' first milliseconds.

NEURON {
    SUFFIX NaV
    USEION na READ ena WRITE ina
    RANGE gbar, g, ina
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 0.015 (S/cm2)    : conductance with all channels open
    Con = 0.01 (/ms)        : C1 -> I1
    Coff = 40 (/ms)         : I1 -> C1
    Oon = 8 (/ms)           : O -> I6
    Ooff = 0.05 (/ms)       : I6 -> O
    alpha = 400 (/ms)       : activation of one of four sensors at 0 mV
    beta = 12 (/ms)         : its deactivation
    gamma = 250 (/ms)       : C5 -> O and I5 -> I6
    delta = 60 (/ms)        : O -> C5 and I6 -> I5
    alfac = 2.51            : factor of activation and inactivation for each sensor
    btfac = 5.32            : divisor of deactivation and recovery for each sensor
    x1 = 24 (mV)            : slope of activation
    x2 = -24 (mV)           : slope of deactivation
    allen_init = 0 <0, 1>   : 1: start as the Allen Institute's file does
}

ASSIGNED {
    v (mV)
    celsius (degC)
    ena (mV)
    ina (mA/cm2)
    g (S/cm2)
    warmth
    rise                    : voltage dependence of activation
    fall                    : and of deactivation
    slip (/ms)              : rate by which I4 fills I3 in the system for the start
}

STATE {
    C1
    C2
    C3
    C4
    C5
    O
    I1
    I2
    I3
    I4
    I5
    I6
}

INITIAL {
    rates(v)
    slip = allen_init*free(3) + (1 - allen_init)*ioff(3)
    SOLVE start
}

BREAKPOINT {
    SOLVE chain METHOD sparse
    g = gbar*O
    ina = g*(v - ena)
}

KINETIC chain {
    rates(v)
    ~ C1 <-> C2 (on(4), off(1))
    ~ C2 <-> C3 (on(3), off(2))
    ~ C3 <-> C4 (on(2), off(3))
    ~ C4 <-> C5 (on(1), off(4))
    ~ C5 <-> O (warmth*gamma, warmth*delta)
    ~ O <-> I6 (warmth*Oon, warmth*Ooff)
    ~ I1 <-> I2 (ion(4), ioff(1))
    ~ I2 <-> I3 (ion(3), ioff(2))
    ~ I3 <-> I4 (ion(2), ioff(3))
    ~ I4 <-> I5 (ion(1), ioff(4))
    ~ I5 <-> I6 (warmth*gamma, warmth*delta)
    ~ C1 <-> I1 (shut(1), free(1))
    ~ C2 <-> I2 (shut(2), free(2))
    ~ C3 <-> I3 (shut(3), free(3))
    ~ C4 <-> I4 (shut(4), free(4))
    ~ C5 <-> I5 (shut(5), free(5))
    CONSERVE C1 + C2 + C3 + C4 + C5 + O + I1 + I2 + I3 + I4 + I5 + I6 = 1
}

: Balance of the states; the sum stands for the balance of I6.
LINEAR start {
    ~ off(1)*C2 + free(1)*I1 = (shut(1) + on(4))*C1
    ~ on(4)*C1 + off(2)*C3 + free(2)*I2 = (off(1) + shut(2) + on(3))*C2
    ~ on(3)*C2 + off(3)*C4 + free(3)*I3 = (off(2) + shut(3) + on(2))*C3
    ~ on(2)*C3 + off(4)*C5 + free(4)*I4 = (off(3) + shut(4) + on(1))*C4
    ~ on(1)*C4 + warmth*delta*O + free(5)*I5 = (off(4) + shut(5) + warmth*gamma)*C5
    ~ warmth*gamma*C5 + warmth*Ooff*I6 = (warmth*delta + warmth*Oon)*O
    ~ ioff(1)*I2 + shut(1)*C1 = (free(1) + ion(4))*I1
    ~ ion(4)*I1 + ioff(2)*I3 + shut(2)*C2 = (ioff(1) + free(2) + ion(3))*I2
    ~ ion(3)*I2 + slip*I4 + shut(3)*C3 = (ioff(2) + free(3) + ion(2))*I3
    ~ ion(2)*I3 + ioff(4)*I5 + shut(4)*C4 = (ioff(3) + free(4) + ion(1))*I4
    ~ ion(1)*I4 + warmth*delta*I6 + shut(5)*C5 = (ioff(4) + free(5) + warmth*gamma)*I5
    ~ C1 + C2 + C3 + C4 + C5 + O + I1 + I2 + I3 + I4 + I5 + I6 = 1
}

PROCEDURE rates(u (mV)) {
    warmth = 2.3^((celsius - 37)/10)
    rise = exp(u/x1)
    fall = exp(u/x2)
}

: Rates of n sensors: on and off while the channel can open, ion and ioff when it is inactivated.
FUNCTION on(n) (/ms) {
    on = warmth*n*alpha*rise
}

FUNCTION off(n) (/ms) {
    off = warmth*n*beta*fall
}

FUNCTION ion(n) (/ms) {
    ion = warmth*n*alpha*alfac*rise
}

FUNCTION ioff(n) (/ms) {
    ioff = warmth*n*beta*fall/btfac
}

: Inactivation of closed state number k, and recovery from it.
FUNCTION shut(k) (/ms) {
    shut = warmth*Con*alfac^(k - 1)
}

FUNCTION free(k) (/ms) {
    free = warmth*Coff/btfac^(k - 1)
}
