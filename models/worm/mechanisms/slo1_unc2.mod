: slo1_unc2: potassium current of SLO-1 (BK), opened by the calcium beside one open UNC-2 channel.
: m is the share of open channels; cm and ch are the channel's own copies of UNC-2's gates. m starts at 0 and follows cm
: of the step before. Source: Nicoletti et al. 2019, PLoS ONE 14:e0218738; the values are those of Zhao et al. 2024, Nat
: Comput Sci 4:978; after Montefusco et al. 2017, Biophys J 112:2387.

NEURON {
    SUFFIX slo1_unc2
    USEION k WRITE ik
    RANGE gbar, g, ik
}

UNITS {
    (mV) = (millivolt)
    (mA) = (milliamp)
    (S)  = (siemens)
}

PARAMETER {
    gbar = 1e-4 (S/cm2)  : conductance with all channels open
    erev = -80 (mV)      : reversal potential
    erevca = 60 (mV)     : reversal potential of the calcium current
}

ASSIGNED {
    v (mV)
    ik (mA/cm2)
    g (S/cm2)
    minf
    mtau (ms)
    cminf
    cmtau (ms)
    chinf
    chtau (ms)
}

STATE {
    m
    cm
    ch
}

INITIAL {
    rates(v)
    m = 0
    cm = cminf
    ch = chinf
}

BREAKPOINT {
    SOLVE gates METHOD cnexp
    g = gbar*m*ch
    ik = g*(v - erev)
}

DERIVATIVE gates {
    rates(v)
    m' = (minf - m)/mtau
    cm' = (cminf - cm)/cmtau
    ch' = (chinf - ch)/chtau
}

UNITSOFF
: a, b: rates of the calcium channel; kom, kop, kcm: of this one, closing, opening, and closing at 0.05 uM.
PROCEDURE rates(u (mV)) {
    LOCAL a, b, wminus, lnca, kom, kop, kcm, num, den
    cminf = sigma(-(u + 12.2)/4)
    chinf = sigma((u + 52.5)/5.6)
    cmtau = 1.5/(exp(-(u + 8.2)/9.1) + exp((u + 8.2)/15.4)) + 0.1
    chtau = 83.8*sigma((u - 52.9)/3.5) + 72.1*sigma(-(u - 23.9)/3.6)

    a = cminf/cmtau
    b = 1/cmtau - a
    lnca = log(nano(u))
    wminus = 3.15*exp(-0.013*u)
    kom = wminus*sigma(1e-4*(lnca - log(34.34)))
    kop = 0.16*exp(0.028*u)*sigma(1.30*(log(55.73) - lnca))
    kcm = wminus*sigma(1e-4*log(0.05/34.34))
    num = a + b + kcm
    den = (kop + kom)*(kcm + a) + b*kcm
    minf = cm*kop*num/den
    mtau = num/den
}

: Calcium (uM) at r um from the mouth of a channel of gsc nS, with a buffer of B uM and on-rate kb /(uM s):
: gsc (erevca - u) 1e9/(8 pi r D F) exp(-r/sqrt(D/(kb B))).
FUNCTION nano(u (mV)) {
    if (u < erevca) {
        nano = 0.04*(erevca - u)*1e9/(8*3.141592653589793*0.013*250*96485)*exp(-0.013/sqrt(250/(500*30)))
    } else {
        nano = 1e-4
    }
}

: 1/(1 + exp(x))
FUNCTION sigma(x) {
    sigma = 1/(1 + exp(x))
}
UNITSON
