"""Mechanisms of our own wording, one for each rule of nmodl.md section 4, for comparing the lowering with NEURON."""

MODS: dict[str, str] = {}

MODS["lwtab"] = """
NEURON { SUFFIX lwtab USEION k READ ek WRITE ik RANGE gbar, ninf, ntau }
PARAMETER { gbar = 0.01 (S/cm2) shift = 3 (mV) }
ASSIGNED { v (mV) celsius (degC) ek (mV) ik (mA/cm2) ninf ntau (ms) }
STATE { n }
INITIAL { rates(v) n = ninf }
BREAKPOINT { SOLVE s METHOD cnexp ik = gbar*n^4*(v - ek) }
DERIVATIVE s { rates(v) n' = (ninf - n)/ntau + half(v) }
PROCEDURE rates(u (mV)) {
  LOCAL q, a, b
  TABLE ninf, ntau DEPEND celsius, shift FROM -90 TO 40 WITH 130
  q = 3^((celsius - 6.3)/10)
  a = 0.1*exp((u + 40 + shift)/12)
  b = 0.2*exp(-(u + 50)/30)
  ninf = a/(a + b)
  ntau = 1/(q*(a + b))
}
FUNCTION half(u (mV)) { TABLE FROM -100 TO 100 WITH 400 half = 0.05/(1 + exp(-u/10)) }
"""

MODS["lwcnexp"] = """
NEURON { SUFFIX lwcnexp NONSPECIFIC_CURRENT i RANGE g, e, tau, p, q, r, s, w, aux }
PARAMETER { g = 0.0005 (S/cm2) e = -50 (mV) tau = 3 (ms) }
ASSIGNED { v (mV) i (mA/cm2) aux }
STATE { p q r s w }
INITIAL { p = 0.3 q = 0.1 r = 1 s = 0 w = 0.5 }
BREAKPOINT { SOLVE st METHOD cnexp i = g*(p + q + r + w)*(v - e) }
DERIVATIVE st {
  LOCAL up, down
  up = 0.3*exp((v + 60)/15)
  down = 0.2*exp(-(v + 60)/20)
  p' = up*(1 - p) - down*p
  aux = p*2
  q' = (0.5 - q + p)/(tau + 1) - 0.1*q
  r' = -r/tau
  s' = 0.01*aux
  w' = 2*(p - w)/tau*(1 + fabs(s)) + f(w2(p))
}
FUNCTION f(x) { f = 0.001*x }
FUNCTION w2(x) { x = x + 1 w2 = x*x }
"""

MODS["lwnonlin"] = """
NEURON { SUFFIX lwnonlin NONSPECIFIC_CURRENT i RANGE g, e, p, q, rate }
PARAMETER { g = 0.001 (S/cm2) e = -40 (mV) }
ASSIGNED { v (mV) i (mA/cm2) rate }
STATE { p q }
INITIAL { p = 0.2 q = 0.5 }
BREAKPOINT { SOLVE st METHOD cnexp i = g*p*q*(v - e) }
DERIVATIVE st {
  rate = 0.2*exp((v + 60)/20)
  p' = rate*(1 - p)/(1 + p) - 0.5*p
  q' = (p - q)/5
}
"""

MODS["lwimplicit"] = """
NEURON { SUFFIX lwimplicit NONSPECIFIC_CURRENT i RANGE g, a, b, c, seen }
PARAMETER { g = 0.0008 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) seen }
STATE { a b c }
INITIAL { a = 0.2 b = 1.5 c = 0 }
BREAKPOINT { SOLVE st METHOD derivimplicit i = g*(a*a + 0.1*b)*(v + 55) }
DERIVATIVE st {
  seen = a*b
  a' = 0.4*(v/50 + 2) - 0.3*a*b*b - 0.1*a
  b' = 0.3*a*b*b - 0.6*b
  c' = a - c/(1 + b)
}
"""

MODS["lwlinimp"] = """
NEURON { SUFFIX lwlinimp NONSPECIFIC_CURRENT i RANGE g, a, b }
PARAMETER { g = 0.0008 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) k }
STATE { a b }
INITIAL { a = 0.2 b = 0.1 }
BREAKPOINT { SOLVE st METHOD derivimplicit i = g*a*(v + 55) }
DERIVATIVE st {
  k = exp((v + 60)/25)
  a' = k*(1 - a - b) - 0.3*a + 0.1*b
  b' = 0.3*a - 0.1*b - 0.05*k*b
}
"""

MODS["lweuler"] = """
NEURON { SUFFIX lweuler NONSPECIFIC_CURRENT i RANGE g, a, b }
PARAMETER { g = 0.0008 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { a b }
INITIAL { a = 0.2 b = 0.1 }
BREAKPOINT { SOLVE st METHOD euler i = g*a*(v + 55) }
DERIVATIVE st { a' = b - a*a + 0.01*(v + 65) + 0.1*sin(t) b' = a - b }
"""

MODS["lwrunge"] = MODS["lweuler"].replace("lweuler", "lwrunge").replace("euler", "runge")

MODS["lwkin"] = """
NEURON { SUFFIX lwkin USEION na READ ena WRITE ina RANGE gbar, c1, c2, o, z, flux, back }
PARAMETER { gbar = 0.02 (S/cm2) }
ASSIGNED { v (mV) ena (mV) ina (mA/cm2) a b flux back }
STATE { c1 c2 o z }
INITIAL { SOLVE kin STEADYSTATE sparse }
BREAKPOINT { SOLVE kin METHOD sparse ina = gbar*o*(v - ena) }
KINETIC kin {
  rates(v)
  ~ c1 <-> c2 (2*a, b)
  ~ c2 <-> o (a, 2*b)
  flux = f_flux
  back = b_flux
  ~ o <-> z (0.3, 0.02)
  ~ z <-> c1 (0.01, 0.001)
  CONSERVE c1 + c2 + o + z = 1
}
PROCEDURE rates(u) { a = 0.5*exp((u + 40)/20) b = 0.4*exp(-(u + 40)/25) }
"""

MODS["lwkin2"] = """
NEURON { SUFFIX lwkin2 NONSPECIFIC_CURRENT i RANGE g, c, o, z, vol, src }
PARAMETER { g = 0.0005 (S/cm2) vol = 2 src = 0.003 }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { c o z }
INITIAL { c = 0.7 o = 0.1 z = 0.3 }
BREAKPOINT { SOLVE kin METHOD sparse i = g*o*(v + 30) }
KINETIC kin {
  COMPARTMENT vol { c z }
  ~ c <-> o (0.2*exp((v + 60)/30), 0.1)
  ~ o <-> z (0.3, 0.2)
  ~ z -> (0.05)
  ~ c << (src*(1 + 0.1*cos(t)))
}
"""

MODS["lwcons"] = """
NEURON { SUFFIX lwcons NONSPECIFIC_CURRENT i RANGE g, c, o, z }
PARAMETER { g = 0.0005 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { c o z }
INITIAL { c = 0.7 o = 0.1 z = 0.3 }
BREAKPOINT { SOLVE kin METHOD sparse i = g*o*(v + 30) }
KINETIC kin {
  ~ c <-> o (0.2*exp((v + 60)/30), 0.1)
  ~ o <-> z (0.3, 0.2)
  CONSERVE z + c + o = 1
}
"""

MODS["lwconsvol"] = """
NEURON { SUFFIX lwconsvol NONSPECIFIC_CURRENT i RANGE g, c, o, z, vol }
PARAMETER { g = 0.0005 (S/cm2) vol = 2 }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { c o z }
INITIAL { c = 0.25 o = 0.2 z = 0.3 }
BREAKPOINT { SOLVE kin METHOD sparse i = g*o*(v + 30) }
KINETIC kin {
  COMPARTMENT vol { c }
  ~ c <-> o (0.2*exp((v + 60)/30), 0.1)
  ~ o <-> z (0.3, 0.2)
  CONSERVE c + o + z = 1
}
"""

MODS["lwbuffer"] = """
NEURON { SUFFIX lwbuffer USEION ca READ cai, ica WRITE cai RANGE buf, cab, depth, kf, pump, pumpca }
UNITS { FARADAY = (faraday) (coulomb) }
PARAMETER { depth = 0.5 (um) kf = 50 (/mM/ms) total = 0.05 (mM) }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) buf (mM) cab (mM) pump pumpca }
INITIAL { cai = 1e-4 cab = 0.01 buf = total - cab pump = 1e-3 pumpca = 0 }
BREAKPOINT { SOLVE kin METHOD sparse }
KINETIC kin {
  ~ cai + buf <-> cab (kf, 0.1)
  ~ cai + pump <-> pumpca (20, 0.02)
  ~ pumpca -> (0.1)
  ~ pump << (0.1*pumpca)
  ~ cai << (-1e4*ica/(2*FARADAY*depth))
}
"""

MODS["lwdimer"] = """
NEURON { SUFFIX lwdimer NONSPECIFIC_CURRENT i RANGE g, m1, m2 }
PARAMETER { g = 0.0005 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { m1 m2 }
INITIAL { m1 = 1 m2 = 0.1 }
BREAKPOINT { SOLVE kin METHOD sparse i = g*m2*(v + 30) }
KINETIC kin { ~ 2 m1 <-> m2 (0.5*exp((v + 60)/30), 0.2) ~ m2 <-> m1 (0.1, 0.01) }
"""

MODS["lwchan"] = """
NEURON { SUFFIX lwchan USEION ca READ eca, cai, cao WRITE ica RANGE pmax, gmax, m, nest }
UNITS { FARADAY = (faraday) (coulomb) R = (k-mole) (joule/degC) }
PARAMETER { pmax = 1e-5 (cm/s) gmax = 1e-4 (S/cm2) }
ASSIGNED { v (mV) celsius (degC) eca (mV) cai (mM) cao (mM) ica (mA/cm2) nest }
STATE { m }
INITIAL { m = 0.1 }
BREAKPOINT {
  SOLVE st METHOD cnexp
  nest = eca
  ica = pmax*m*m*flux(v, cai, cao) + gmax*(v - eca)
}
DERIVATIVE st { m' = (1/(1 + exp(-(v + 30)/6)) - m)/2 }
FUNCTION flux(u, ci, co) {
  LOCAL w, x
  w = 1e-3*2*FARADAY*u/(R*(celsius + 273.15))
  if (fabs(w) < 1e-4) { x = 1 + w/2 } else { x = w/(1 - exp(-w)) }
  flux = 1e-3*2*FARADAY*x*(ci - co*exp(-w))
}
"""

MODS["lwpool"] = """
NEURON { SUFFIX lwpool USEION ca READ ica, cai WRITE cai RANGE depth, tau }
UNITS { FARADAY = (faraday) (coulomb) }
PARAMETER { depth = 0.2 (um) tau = 20 (ms) rest = 1e-4 (mM) }
ASSIGNED { ica (mA/cm2) }
STATE { cai (mM) }
INITIAL { cai = rest }
BREAKPOINT { SOLVE st METHOD cnexp }
DERIVATIVE st { cai' = -1e4*ica/(2*FARADAY*depth) - (cai - rest)/tau }
"""

MODS["lwproc"] = """
NEURON { SUFFIX lwproc NONSPECIFIC_CURRENT i RANGE g, m, h, inf, count }
PARAMETER { g = 0.001 (S/cm2) }
ASSIGNED { v (mV) dt (ms) i (mA/cm2) inf ex count }
STATE { m h }
INITIAL { rates(v) m = inf h = 1 - inf count = 0 }
BREAKPOINT { SOLVE update i = g*m*m*h*(v + 20) }
PROCEDURE update() {
  rates(v)
  m = m + ex*(inf - m)
  h = h + 0.2*ex*(1 - inf - h)
  count = count + 1
}
PROCEDURE rates(u) { inf = 1/(1 + exp(-(u + 45)/8)) ex = 1 - exp(-dt/(0.3 + 2*inf)) }
"""

MODS["lwarray"] = """
NEURON { SUFFIX lwarray NONSPECIFIC_CURRENT i RANGE g, x, total }
DEFINE N 4
PARAMETER { g = 0.0003 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) w[N] total }
STATE { x[N] }
INITIAL { FROM k = 0 TO N-1 { w[k] = 1/(k + 1) x[k] = 0.1*k } total = 0 }
BREAKPOINT {
  LOCAL sum
  SOLVE st METHOD sparse
  sum = 0
  FROM k = 0 TO N-1 { sum = sum + w[k]*x[k] }
  total = sum
  i = g*sum*(v + 40)
}
KINETIC st {
  COMPARTMENT k, 1/w[k] { x }
  ~ x[0] << (0.01*(v + 65))
  FROM k = 0 TO N-2 { ~ x[k] <-> x[k+1] (w[k], w[k+1]/3) }
  ~ x[N-1] -> (0.3)
}
"""

MODS["lwbranch"] = """
NEURON { SUFFIX lwbranch NONSPECIFIC_CURRENT i, j RANGE g, mode, m, tau, last, calls }
PARAMETER { g = 0.0008 (S/cm2) mode = 1 }
ASSIGNED { v (mV) i (mA/cm2) j (mA/cm2) tau last calls }
STATE { m }
INITIAL { m = 0.5 last = 0 calls = 0 }
BREAKPOINT {
  SOLVE st METHOD cnexp
  if (v < -60 || (mode == 2 && v > -40)) { tau = 4 last = 1 }
  else if (v < -50) { LOCAL w w = v + 50 tau = 3 + w/10 }
  else { tau = 2 last = last*0.5 + 1 }
  calls = calls + 1
  i = g*m*tau*(v + 30)
  if (!(v < -55)) { j = 1e-5*(v + 10)*(v + 10) } else { j = 0 }
}
DERIVATIVE st { m' = (pick(v) - m)/(1 + tau) }
FUNCTION pick(u) { if (u < -55) { pick = 0.2 } else { pick = pow(0.7, 2) + sqrt(fabs(u))/100 } }
"""

MODS["lwlinear"] = """
NEURON { SUFFIX lwlinear NONSPECIFIC_CURRENT i RANGE g, a, b, c, d, p, q }
PARAMETER { g = 0.0004 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { a b c d p q }
INITIAL { SOLVE four SOLVE two }
BREAKPOINT { SOLVE four SOLVE two i = g*(a + c + p)*(v + 30) }
LINEAR four {
  LOCAL k
  k = exp((v + 60)/20)
  ~ b = k*a
  ~ 2*c + a - d = k
  ~ a + b + c + d = 1
  ~ c = 3*d + 0.1
}
LINEAR two { ~ 1e-9*(v + 65)*p + q = 0.5 ~ p - q/4 = 0.01*v }
"""

MODS["lwnonlinear"] = """
NEURON { SUFFIX lwnonlinear NONSPECIFIC_CURRENT i RANGE g, p, q }
PARAMETER { g = 0.0004 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) }
STATE { p q }
INITIAL { p = 1 q = 1 SOLVE nl }
BREAKPOINT { SOLVE nl i = g*p*(v + 30) }
NONLINEAR nl { ~ p*p + q = 2 + 0.01*(v + 65) ~ p - q*q*q = 0.1 }
"""

MODS["lwclamp"] = """
NEURON { POINT_PROCESS lwclamp ELECTRODE_CURRENT i RANGE on, long, amp, r }
PARAMETER { on = 1 (ms) long = 2 (ms) amp = 0.1 (nA) r = 50 (megohm) }
ASSIGNED { v (mV) i (nA) }
BREAKPOINT {
  at_time(on)
  at_time(on + long)
  if (t >= on && t < on + long) { i = amp*sin(2*t) + (-50 - v)/r } else { i = 0 }
}
"""

MODS["lwsyn"] = """
NEURON { POINT_PROCESS lwsyn NONSPECIFIC_CURRENT i RANGE g, tau, e, A }
PARAMETER { tau = 2 (ms) e = 0 (mV) }
ASSIGNED { v (mV) i (nA) g (uS) }
STATE { A (uS) }
INITIAL { A = 0.004 }
BREAKPOINT { SOLVE st METHOD cnexp g = A*block(v) i = g*(v - e) }
DERIVATIVE st { A' = -A/tau }
FUNCTION block(u) { block = 1/(1 + exp(-0.062*u)/3.57) }
"""

MODS["lwfun"] = """
NEURON { SUFFIX lwfun NONSPECIFIC_CURRENT i RANGE g, m, h, y, r3 }
PARAMETER { g = 0.002 (S/cm2) x0 = 0.25 y0 = 0.75 }
ASSIGNED { v (mV) celsius (degC) i (mA/cm2) r3 }
STATE { m h y }
BREAKPOINT { SOLVE st METHOD cnexp i = g*m^3*h*(v - 40) + g/40*y^0.5*(v + 70) }
INITIAL { m = 0.05 h = 0.6 r3 = atan2(1, 2) + tanh(0.3) + log10(50) + fmod(7, 3) + floor(2.5) + ceil(1.2) }
DERIVATIVE st {
  LOCAL am, bm, ah, bh, q, yinf
  yinf = 1/(1 + (0.2/(fabs(v)/100))^4.8)
  q = 2.3^((celsius - 21)/10)
  am = 0.182*trap(-(v + 38), 6)
  bm = 0.124*trap(v + 38, 6)
  ah = 0.015*trap(v + 66, 6)
  bh = 0.015*trap(-(v + 66), 6)
  m' = q*(am*(1 - m) - bm*m)
  h' = (ah/(ah + bh) - h)*(ah + bh)*q
  y' = (yinf - y)/1.5
}
FUNCTION trap(x, y) { if (fabs(x/y) < 1e-6) { trap = y*(1 - x/y/2) } else { trap = x/(exp(x/y) - 1) } }
"""

MODS["lwwhile"] = """
NEURON { SUFFIX lwwhile NONSPECIFIC_CURRENT i RANGE g, m, halvings, twice, steps }
PARAMETER { g = 0.001 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) halvings twice steps }
STATE { m }
INITIAL { m = 0.3 twice = 1 while (twice < 40) { twice = twice*2 } }
BREAKPOINT { SOLVE st METHOD cnexp i = g*m*(v + 20) }
DERIVATIVE st {
  LOCAL x, k
  x = fabs(v) + 1
  halvings = 0
  while (x > 1.5) { x = x/2 halvings = halvings + 1 }
  k = 0
  steps = 0
  if (v > -64) { while (steps < halvings + 2) { steps = steps + 1 k = k + x/steps } }
  m' = (1 - m)/(halvings + k) - 0.1*m
}
"""

MODS["lwhooks"] = """
NEURON { SUFFIX lwhooks NONSPECIFIC_CURRENT i RANGE g, m, gain, shown, seen, start, rounds, late }
PARAMETER { g = 0.001 (S/cm2) }
ASSIGNED { v (mV) i (mA/cm2) gain shown seen start rounds late }
STATE { m }
BEFORE INITIAL { start = v + 1 rounds = 0 }
INITIAL { m = 0.2 + start/1000 late = 0 }
AFTER INITIAL { late = m*2 }
BREAKPOINT { SOLVE st METHOD cnexp i = g*m*gain*(v + 40) }
DERIVATIVE st { m' = (1/(1 + exp(-(v + 50)/9)) - m)/4 }
BEFORE BREAKPOINT { gain = 1 + fabs(v)/100 + m }
AFTER SOLVE { shown = m*v + t }
BEFORE STEP { seen = i*1000 + m + t rounds = rounds + 1 }
"""

MODS["lwindex"] = """
NEURON { SUFFIX lwindex NONSPECIFIC_CURRENT i RANGE g, n, total, picked, slots }
PARAMETER { g = 0.001 (S/cm2) n = 3 }
ASSIGNED { v (mV) i (mA/cm2) total picked slots[6] weights[5] }
STATE { m }
INITIAL { m = 0.5 FROM k = 0 TO 4 { weights[k] = 1/(k + 1) } FROM k = 0 TO 5 { slots[k] = 0 } }
BREAKPOINT { SOLVE st METHOD cnexp i = g*m*(1 + total/10)*(v + 40) }
DERIVATIVE st {
  LOCAL place
  place = (v + 80)/20
  if (place < 0) { place = 0 }
  if (place > 5.9) { place = 5.9 }
  slots[place] = slots[place] + 1
  total = 0
  FROM k = 0 TO n { total = total + weights[k]*m }
  picked = slots[n - 2] + slots[n - 3]*100
  m' = (weights[n] - m)/(2 + slots[place]/50)
}
"""

MODS["lwmade"] = """
NEURON { POINT_PROCESS lwmade NONSPECIFIC_CURRENT i RANGE g, e, k, m }
PARAMETER { g = 0.004 (uS) e = 0 (mV) k = 7 }
ASSIGNED { v (mV) i (nA) }
STATE { m }
CONSTRUCTOR { e = -40 k = 3 }
DESTRUCTOR { k = 0 }
INITIAL { m = 1/k }
BREAKPOINT { SOLVE st METHOD cnexp PROTECT i = g*m*(v - e) }
DERIVATIVE st { m' = (1/(1 + exp(-v/30)) - m)/k }
"""

MODS["lwrandom"] = """
NEURON { POINT_PROCESS lwrandom NONSPECIFIC_CURRENT i RANGE flat, wide, wait, bell, broad, word, early, m RANDOM r }
ASSIGNED { v (mV) i (nA) flat wide wait bell broad word early }
STATE { m }
INITIAL { early = random_uniform(r) m = 0.1 }
BREAKPOINT { SOLVE draw i = 0.002*m*(v + 40) }
PROCEDURE draw() {
  flat = random_uniform(r)
  wide = random_uniform(r, -2, 5)
  if (flat > 0.6) { wait = random_negexp(r) } else { wait = random_negexp(r, 3) }
  bell = random_normal(r)
  broad = random_normal(r, 10, 2)
  word = random_dpick(r)*100
  m = m*0.9 + 0.1*flat
}
"""

MODS["lwquiet"] = """
NEURON { SUFFIX lwquiet RANGE m, seen, count, place, above }
ASSIGNED { v (mV) seen count place above }
STATE { m }
INITIAL { m = 1 seen = 0 count = 0 place = 0 above = 0 }
BREAKPOINT { seen = m SOLVE st METHOD cnexp count = count + 1 place = v + t if (v > -60) { above = above + m } }
DERIVATIVE st { m' = -m/(2 + fabs(v)/50) }
"""
