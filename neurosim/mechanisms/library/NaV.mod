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
    up (/ms)                : activation of one sensor, of a channel that can open
    upi (/ms)               : the same, inactivated
    down (/ms)
    downi (/ms)
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
    slip = allen_init*inward(3) + (1 - allen_init)*3*downi
    SOLVE start
}

BREAKPOINT {
    SOLVE chain METHOD sparse
    g = gbar*O
    ina = g*(v - ena)
}

KINETIC chain {
    rates(v)
    ~ C1 <-> C2 (4*up, down)
    ~ C2 <-> C3 (3*up, 2*down)
    ~ C3 <-> C4 (2*up, 3*down)
    ~ C4 <-> C5 (up, 4*down)
    ~ C5 <-> O (warmth*gamma, warmth*delta)
    ~ O <-> I6 (warmth*Oon, warmth*Ooff)
    ~ I1 <-> I2 (4*upi, downi)
    ~ I2 <-> I3 (3*upi, 2*downi)
    ~ I3 <-> I4 (2*upi, 3*downi)
    ~ I4 <-> I5 (upi, 4*downi)
    ~ I5 <-> I6 (warmth*gamma, warmth*delta)
    ~ C1 <-> I1 (outward(1), inward(1))
    ~ C2 <-> I2 (outward(2), inward(2))
    ~ C3 <-> I3 (outward(3), inward(3))
    ~ C4 <-> I4 (outward(4), inward(4))
    ~ C5 <-> I5 (outward(5), inward(5))
    CONSERVE C1 + C2 + C3 + C4 + C5 + O + I1 + I2 + I3 + I4 + I5 + I6 = 1
}

: Balance of the states; the sum stands for the balance of I6.
LINEAR start {
    ~ down*C2 + inward(1)*I1 = (4*up + outward(1))*C1
    ~ 4*up*C1 + 2*down*C3 + inward(2)*I2 = (down + 3*up + outward(2))*C2
    ~ 3*up*C2 + 3*down*C4 + inward(3)*I3 = (2*down + 2*up + outward(3))*C3
    ~ 2*up*C3 + 4*down*C5 + inward(4)*I4 = (3*down + up + outward(4))*C4
    ~ up*C4 + warmth*delta*O + inward(5)*I5 = (4*down + warmth*gamma + outward(5))*C5
    ~ warmth*gamma*C5 + warmth*Ooff*I6 = (warmth*delta + warmth*Oon)*O
    ~ downi*I2 + outward(1)*C1 = (4*upi + inward(1))*I1
    ~ 4*upi*I1 + 2*downi*I3 + outward(2)*C2 = (downi + 3*upi + inward(2))*I2
    ~ 3*upi*I2 + slip*I4 + outward(3)*C3 = (2*downi + 2*upi + inward(3))*I3
    ~ 2*upi*I3 + 4*downi*I5 + outward(4)*C4 = (3*downi + upi + inward(4))*I4
    ~ upi*I4 + warmth*delta*I6 + outward(5)*C5 = (4*downi + warmth*gamma + inward(5))*I5
    ~ C1 + C2 + C3 + C4 + C5 + O + I1 + I2 + I3 + I4 + I5 + I6 = 1
}

PROCEDURE rates(u (mV)) {
    warmth = 2.3^((celsius - 37)/10)
    up = warmth*alpha*exp(u/x1)
    upi = warmth*alpha*alfac*exp(u/x1)
    down = warmth*beta*exp(u/x2)
    downi = down/btfac
}

: Inactivation of closed state number k, and recovery from it.
FUNCTION outward(k) (/ms) {
    outward = warmth*Con*alfac^(k - 1)
}

FUNCTION inward(k) (/ms) {
    inward = warmth*Coff/btfac^(k - 1)
}
