"""Constructs of events that no mechanism of the library uses, compared with NEURON: .mod texts and runs.

``evwatch`` watches the voltage in turn from below and above, ``evmove`` moves its pending self-event, ``evcons``
changes all its connections when it fires, ``evloop`` returns early, loops and keeps times in a ring of slots,
``evrelay`` is an artificial cell that answers with procedures.
"""

from __future__ import annotations

from tests.reference.synapse_cases import BURST, IRREGULAR, REGULAR, Case, Target, Train

MODS: dict[str, str] = {}

MODS["evwatch"] = """
NEURON { POINT_PROCESS evwatch NONSPECIFIC_CURRENT i RANGE g, up, down, high, low, extra, count, last }
PARAMETER { up = -50 (mV) down = -60 (mV) }
ASSIGNED { v (mV) i (nA) high low extra count last (ms) }
STATE { g (uS) }
INITIAL { g = 0 high = 0 low = 0 extra = 0 count = 0 last = 0 net_send(0, 1) }
BREAKPOINT { SOLVE decay METHOD cnexp i = g*(v + 70) }
DERIVATIVE decay { g' = -g/3 }
NET_RECEIVE(w) {
  last = t
  if (flag == 0) {
    count = count + 1
    extra = extra + w
  } else if (flag == 1 || flag == 3) {
    WATCH (v > up + extra) 2
    if (flag == 3) { low = low + 1 }
  } else if (flag == 2) {
    high = high + 1
    g = g + 0.002
    WATCH (v < down) 3, (v > 0) 4
  } else if (flag == 4) {
    g = g + 0.004
    WATCH (v < down + 3) 3
  }
}
"""

MODS["evmove"] = """
NEURON { POINT_PROCESS evmove NONSPECIFIC_CURRENT i RANGE g, delay, waiting, fired, moved }
PARAMETER { delay = 2.3 (ms) }
ASSIGNED { v (mV) i (nA) waiting fired moved }
STATE { g (uS) }
INITIAL { g = 0 waiting = 0 fired = 0 moved = 0 }
BREAKPOINT { SOLVE decay METHOD cnexp i = g*(v + 40) }
DERIVATIVE decay { g' = -g/4 }
NET_RECEIVE(w, n) {
  INITIAL { n = 1 }
  if (flag == 1) {
    g = g + 0.001
    waiting = 0
    fired = fired + 1
  } else if (waiting == 0) {
    net_send(delay, 1)
    waiting = 1
  } else {
    net_move(t + delay/2 + w*n)
    moved = moved + 1
    n = n + 1
  }
}
"""

MODS["evcons"] = """
NEURON { POINT_PROCESS evcons RANGE m, sum, total, rounds }
ASSIGNED { v (mV) m sum total rounds }
INITIAL { m = 0 sum = 0 total = 0 rounds = 0 }
BREAKPOINT { m = m*0.999 }
NET_RECEIVE(w, gain, last (ms)) {
  INITIAL { gain = 1 last = -100 }
  if (flag == 0) {
    m = m + w*gain
    sum = sum + gain
    last = t
    if (m > 2) { net_send(0.7, 1) net_event(t) m = 0 }
  } else {
    rounds = rounds + 1
    FOR_NETCONS(w1, gain1, last1) {
      gain1 = gain1 + 0.3*exp(-(t - last1)/10) - 0.05
      if (gain1 < 0) { gain1 = 0 }
    }
  }
}
"""

MODS["evloop"] = """
DEFINE SLOTS 5
NEURON { POINT_PROCESS evloop NONSPECIFIC_CURRENT i RANGE g, place, halvings, recent, skipped }
ASSIGNED { v (mV) i (nA) place halvings recent skipped times[SLOTS] }
STATE { g (uS) }
INITIAL { g = 0 place = 0 halvings = 0 recent = 0 skipped = 0 FROM k = 0 TO SLOTS - 1 { times[k] = -100 } }
BREAKPOINT { SOLVE decay METHOD cnexp i = g*(v + 40) }
DERIVATIVE decay { g' = -g/4 }
PROCEDURE look(now) {
  recent = 0
  FROM k = 0 TO SLOTS - 1 { if (now - times[k] < 3) { recent = recent + 1 } }
}
NET_RECEIVE(w) {
  LOCAL x
  look(t)
  if (recent > 3) {
    skipped = skipped + 1
    VERBATIM
    return;
    ENDVERBATIM
  }
  times[place] = t
  place = place + 1
  if (place == SLOTS) { place = 0 }
  x = w*t
  while (x > 0.004) { x = x/2 halvings = halvings + 1 }
  g = g + x
}
"""

MODS["evrelay"] = """
NEURON { ARTIFICIAL_CELL evrelay RANGE count, every, m }
PARAMETER { every = 3 }
ASSIGNED { count m }
INITIAL { count = 0 m = 0 net_send(4, 2) }
PROCEDURE add(x) { count = count + x m = m*0.5 + x }
NET_RECEIVE(w) {
  if (flag == 0) {
    add(1)
    if (count >= every) { net_send(0.31, 1) count = 0 }
  } else if (flag == 1) {
    net_event(t)
    net_send(1.5, 3)
  } else {
    add(0.25)
    net_event(t + 0.5)
  }
}
"""

PULSES = ((2.0, 3.0, 0.15), (12.0, 4.0, 0.2), (25.0, 6.0, 0.12), (33.0, 1.0, 0.4))


def _case(name: str, mod: str, record: tuple[str, ...], *targets: Target, point: bool = False) -> list[Case]:
    columns = tuple(f"{mod}.{x}" for x in record)
    columns = columns if point else ("v", *columns)
    return [
        Case(f"{name} {k}", targets, columns, point, dt_ms, steps, every)
        for k, (dt_ms, steps, every) in enumerate(((0.025, 1600, 40), (0.1, 400, 16)))
    ]


def cases() -> dict[str, Case]:
    """Return all runs by name."""
    a, b, c = Train(IRREGULAR, 0.01, 0.0), Train(REGULAR, 0.4, 0.0375), Train(BURST, 0.7, 1.3)
    made = [
        *_case(
            "WATCH",
            "evwatch",
            ("g", "high", "low", "extra", "count", "last"),
            Target("evwatch", {}, (a,), pulses=PULSES),
            Target("evwatch", {"up": -55.0, "down": -58.0}, (Train(REGULAR, 0.2, 0.5),), pulses=PULSES),
            Target("evwatch", {"up": 0.0}, (Train((50.0,), 1.0, 0.0),), pulses=PULSES, hh=True),
        ),
        *_case(
            "net_move",
            "evmove",
            ("g", "waiting", "fired", "moved"),
            *(Target("evmove", {"delay": d}, (train,)) for d, train in ((2.3, a), (5.0, b), (0.0125, c), (1.0, a))),
        ),
        *_case(
            "FOR_NETCONS",
            "evcons",
            ("m", "sum", "rounds"),
            Target("evcons", {}, (a, b, c)),
            Target("evcons", {}, (c, b)),
            point=True,
        ),
        *_case(
            "loops in events",
            "evloop",
            ("g", "place", "halvings", "recent", "skipped"),
            *(
                Target("evloop", {}, (Train(t, w, 0.3),))
                for t, w in ((IRREGULAR, 0.01), (BURST, 0.5), (REGULAR, 0.003))
            ),
        ),
        *_case(
            "artificial cell",
            "evrelay",
            ("count", "m"),
            Target("evrelay", {}, (a, b)),
            Target("evrelay", {"every": 5.0}, (c,)),
            Target("evrelay", {}, ()),
            point=True,
        ),
    ]
    return {case.name: case for case in made}
