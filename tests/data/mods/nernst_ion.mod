TITLE An ion of its own with a valence, its reversal potential written
NEURON {
    SUFFIX nernst_ion
    USEION cl READ cli, clo WRITE ecl, icl VALENCE -1
    RANGE g, ecl0
}
PARAMETER { g = 1e-4 (S/cm2) }
ASSIGNED { v (mV) celsius (degC) cli (mM) clo (mM) ecl (mV) icl (mA/cm2) ecl0 (mV) }
BREAKPOINT {
    ecl = (0.0861733326)*(celsius + 273.15)*log(cli/clo)
    ecl0 = ecl
    icl = g*(v - ecl)
}
