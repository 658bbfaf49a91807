"""Events: from spikes to connections to receivers, in NEURON's half steps.

``fan_out`` turns spikes into events of a later half step, ``deliver`` executes those of one group that are due. A
*receiver* is one mechanism's rows of one addressing; its words stand in the table ``entries``. Where NET_RECEIVE only
adds a multiple of the weight to states (``neurosim.mechanisms.lower.additive``), nothing is called: the sum is done
here, and receivers with a *ring* (point cells) get theirs through a ring of sums by half step instead of a list of
events.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

import numpy as np
from numba import njit

from neurosim.kernels.access import (
    call_kernel,
    call_receiver,
    index32,
    load,
    load_one,
    store,
    store_index32,
    store_one,
    word,
)
from neurosim.kernels.queue import (
    ARG,
    ARGS,
    AT_ONCE,
    BIN,
    BINS,
    DELAY,
    DT,
    EFFECT_TABLE,
    ENTRIES,
    ENTRIES_N,
    ENTRY,
    EXTERNAL,
    FIRST,
    GROUPS_N,
    HEAPS,
    INDEX,
    KEY,
    KEY_BITS,
    LAST,
    LIVE,
    NO_ARGS,
    PER_MS,
    RING_HALVES,
    RING_PLACES,
    RING_SUMS,
    SCRATCH,
    SELF,
    SORTED,
    SPIKE,
    START,
    TIME,
    TRAIN_GENERAL,
    fire,
    move,
    pop,
    push,
    put,
    sort_by_time,
)

(
    RECEIVE, CONTEXT, SUMS, RING, STATE, FACTOR, FACTOR_STRIDE, ROWS, EFFECTS, EFFECTS_N, SOURCES,
    WATCH, WATCH_N, WATCH_VALUES, WATCH_STATES, WATCH_FLAGS, PLACES, NETCONS, NETCON_FIRST, NETCON_LIST,
) = (0, 1, 2, 3, 4, 8, 12, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28)  # fmt: skip
ENTRY_WORDS = 32
MOST_SUMS = 4
"""Columns of the table of receivers: code and context of NET_RECEIVE; number of sums; place in the ring (-1: none);
addresses of states, factors (0: 1.0) and their strides (four each); first row of each block; range in the table of
effects; gid that fires by place (0: none); WATCH kernel, number of conditions, addresses of their values, states and
flags, number of places; FOR_NETCONS."""

RECEIVER_BITS = 10
RECEIVERS = 1 << RECEIVER_BITS
"""A connection names its receiver and group in one int32: receiver + group * RECEIVERS."""

NO_ARGUMENTS = 16
"""Zeros that stand for the arguments of an event without a connection."""

SEND, EVENT, MOVE, WATCHED, EACH = range(5)
"""Kinds of effects."""

IDLE, ARMED, HOLDS = range(3)
"""State of a WATCH condition: not active, waiting to hold, holds already."""

WATCH_ROUNDING = -1e-11
"""A condition this close to holding when it is set counts as holding (NEURON's hoc_epsilon)."""


@njit(forceinline=True, error_model="numpy")
def _receiver(m, e):
    """Return the address of a receiver's words."""
    return word(m, ENTRIES) + 8 * ENTRY_WORDS * e


@njit(error_model="numpy")
def due_half(m, time, lowest):
    """Return the first half step of the clock's table, not below ``lowest``, that is not before ``time``."""
    at, last = word(m, TIME), word(m, LAST)
    h = min(max(np.int64((time - load_one(at, 0)) * load_one(m, PER_MS)), 0), last)
    while h < last and load_one(at, h) < time:
        h += 1
    while h > lowest and load_one(at, h - 1) >= time:
        h -= 1
    return max(h, lowest)


@njit(forceinline=True, error_model="numpy")
def _ring_row(m, r, h, live):
    """Return the address of a receiver's part of the ring of sums at half step ``h`` of the clock's table."""
    row = live * word(m, RING_HALVES) + ((word(m, START) + h) & (word(m, RING_HALVES) - 1))
    return word(m, RING_SUMS) + 8 * (row * word(m, RING_PLACES) + word(r, RING))


@njit(forceinline=True, error_model="numpy")
def _argument(m, c):
    """Return the number of a connection's first argument."""
    return word(word(m, ARG), c) if word(m, ARG) != 0 else c


@njit(error_model="numpy")
def schedule(m, c, due, h, live):
    """Put the event of a connection onto a receiver without a ring where half step ``h`` will find it."""
    place, kind = index32(word(m, INDEX), c), index32(word(m, ENTRY), c)
    e, key = kind & (RECEIVERS - 1), index32(word(m, KEY), h) + live
    row = word(m, BINS) + 24 * (index32(word(m, BIN), h) * word(m, GROUPS_N) + (kind >> RECEIVER_BITS))
    if word(_receiver(m, e), SUMS) > 0:
        put(row, key, e, place, load_one(word(m, ARGS), _argument(m, c)))
    else:
        put(row, key + TRAIN_GENERAL, e, c, due)


@njit(error_model="numpy")
def put_later(m, c, due, h, live):
    """Put the event of a connection where half step ``h`` will find it: into a ring of sums, or into a bin."""
    r = _receiver(m, index32(word(m, ENTRY), c) & (RECEIVERS - 1))
    if word(r, RING) < 0:
        schedule(m, c, due, h, live)
    else:
        ring, place = _ring_row(m, r, h, live), index32(word(m, INDEX), c)
        store_one(ring, place, load_one(ring, place) + load_one(word(m, ARGS), _argument(m, c)))


@njit(error_model="numpy")
def fan_out(m, time, source, live, lowest):
    """Make the events of one spike.

    ``live`` is 1 for a spike of a cell and 0 for one of a given train, ``lowest`` the first half step (in the table of
    the clock) that has not been delivered. What neighbouring connections have in common is worked out once.
    """
    if source < 0:
        return
    delays, entries, places, args = word(m, DELAY), word(m, ENTRY), word(m, INDEX), word(m, ARGS)
    bin_bytes, bins = 24 * word(m, GROUPS_N), word(m, BINS)
    delay, entry, h, due, ring, sums, here, key = -1.0, -1, lowest, time, 0, False, bins, 0
    for c in range(word(word(m, FIRST), source), word(word(m, FIRST), source + 1)):
        own, kind, place = load_one(delays, c), index32(entries, c), index32(places, c)
        e = kind & (RECEIVERS - 1)
        if own != delay or e != entry:
            if own != delay:
                due = time + own
                h = due_half(m, due, lowest)
                here, key = bins + bin_bytes * index32(word(m, BIN), h), index32(word(m, KEY), h) + live
            r = _receiver(m, e)
            sums = word(r, SUMS) > 0
            ring = _ring_row(m, r, h, live) if word(r, RING) >= 0 else 0
            delay, entry = own, e
        if ring != 0:
            store_one(ring, place, load_one(ring, place) + load_one(args, _argument(m, c)))
        elif sums:
            put(here + 24 * (kind >> RECEIVER_BITS), key, e, place, load_one(args, _argument(m, c)))
        else:
            put(here + 24 * (kind >> RECEIVER_BITS), key + TRAIN_GENERAL, e, c, due)


@njit(error_model="numpy")
def add_sum(r, place, weight):
    """Add a weight to the states of one instance."""
    for q in range(word(r, SUMS)):
        state, factor = word(r, STATE + q), word(r, FACTOR + q)
        here = weight
        if factor != 0:
            here = weight * load_one(factor, (place >> 3) * word(r, FACTOR_STRIDE + q) + (place & 7))
        store_one(state, place, load_one(state, place) + here)


@njit(error_model="numpy")
def drain_ring(m, h, block):
    """Add what came for half step ``h`` to the states of a block's receivers that have a ring."""
    for e in range(word(m, ENTRIES_N)):
        r = _receiver(m, e)
        if word(r, RING) < 0:
            continue
        trains, cells = _ring_row(m, r, h, 0), _ring_row(m, r, h, 1)
        first, last = index32(word(r, ROWS), block), index32(word(r, ROWS), block + 1)
        state = word(r, STATE)
        if word(r, SUMS) == 1 and word(r, FACTOR) == 0:
            for at in range(8 * first, 8 * last, 8):
                store(state, at, load(state, at) + (load(trains, at) + load(cells, at)))
                store(trains, at, 0.0)
                store(cells, at, 0.0)
            continue
        for place in range(8 * first, 8 * last):
            add_sum(r, place, load_one(trains, place) + load_one(cells, place))
            store_one(trains, place, 0.0)
            store_one(cells, place, 0.0)


@njit(forceinline=True, error_model="numpy")
def due_in_heap(m, g, limit):
    """Return whether the first self-event of a group is due."""
    heap = word(m, HEAPS)
    return word(heap, 3 * g + 2) > 0 and load_one(word(heap, 3 * g), 0) <= limit


@njit(error_model="numpy")
def _heap_first(m, g, k):
    """Return whether the group's first item comes before the listed event ``k``."""
    top, out = word(word(m, HEAPS), 3 * g), word(m, SORTED)
    time, due = load_one(top, 0), load_one(out, 2 * k + 1)
    sent = due - load_one(word(m, DELAY), index32(out, 4 * k + 1))
    return time < due or (time == due and load_one(top, 1) <= sent)


@njit(error_model="numpy")
def deliver(m, g, lo, middle, hi, limit, h):
    """Execute what is due in one group at half step ``h`` of the clock's table.

    These are the sums ``lo`` to ``middle`` and the other events to ``hi`` of the sorted ones, and the group's
    self-events up to time ``limit``, in order of time.
    """
    out = word(m, SORTED)
    for k in range(lo, middle):
        add_sum(_receiver(m, index32(out, 4 * k) >> KEY_BITS), index32(out, 4 * k + 1), load_one(out, 2 * k + 1))
    if hi - middle > 1:
        sort_by_time(out, middle, hi)
    k = middle
    while True:
        heaped = due_in_heap(m, g, limit)
        if k < hi and not (heaped and _heap_first(m, g, k)):
            e, c, time = index32(out, 4 * k) >> KEY_BITS, index32(out, 4 * k + 1), load_one(out, 2 * k + 1)
            k += 1
            receive(m, g, e, index32(word(m, INDEX), c), _argument(m, c), time, 0.0, limit, h)
        elif heaped:
            at = pop(m, g)
            e, place, arg, time = index32(at, 10), index32(at, 11), word(at, 4), load_one(at, 0)
            if word(at, 6) == SPIKE:
                _send_out(m, time, arg, h)
            elif word(at, 6) == EXTERNAL and word(_receiver(m, e), SUMS) > 0:
                add_sum(_receiver(m, e), place, load_one(word(m, ARGS), arg))
            else:
                receive(m, g, e, place, arg, time, load_one(at, 2), limit, h)
        else:
            break


@njit(error_model="numpy")
def receive(m, g, e, place, arg, time, flag, limit, h):
    """Run NET_RECEIVE of one instance and do what it asked for; ``arg`` is -1 for an event without a connection."""
    r, out, dt = _receiver(m, e), word(m, SCRATCH), load_one(m, DT)
    args = word(m, ARGS) + 8 * arg
    if arg < 0:
        args = word(m, NO_ARGS)
        for k in range(NO_ARGUMENTS):
            store_one(args, k, 0.0)
    if word(r, NETCONS) != 0:
        _each_connection(m, r, place, args, time, flag)
    call_receiver(word(r, RECEIVE), word(r, CONTEXT), place, args, time, flag, dt, out)
    watching = False
    for j in range(word(r, EFFECTS_N)):
        if load_one(out, 3 * j) == 0.0:
            continue
        at = 2 * (word(r, EFFECTS) + j)
        kind, number = index32(word(m, EFFECT_TABLE), at), index32(word(m, EFFECT_TABLE), at + 1)
        when = load_one(out, 3 * j + 1)
        if kind == SEND:
            push(m, g, when, time, load_one(out, 3 * j + 2), arg, e, place, SELF)
        elif kind == EVENT:
            source = index32(word(r, SOURCES), place) if word(r, SOURCES) != 0 else -1
            if source >= 0 and when <= limit:
                _send_out(m, when, source, h)
            elif source >= 0:
                push(m, g, when, time, 0.0, source, e, place, SPIKE)
        elif kind == MOVE:
            move(m, g, e, place, when)
        elif kind == WATCHED:
            if not watching:
                for w in range(word(r, WATCH_N)):
                    store_index32(word(r, WATCH_STATES), w * word(r, PLACES) + place, IDLE)
                watching = True
            _set_watch(r, place, number, time, dt)


@njit(error_model="numpy")
def _each_connection(m, r, place, args, time, flag):
    """FOR_NETCONS: let every connection of the instance be changed, with the instance as it is before the event."""
    for k in range(index32(word(r, NETCON_FIRST), place), index32(word(r, NETCON_FIRST), place + 1)):
        c = index32(word(r, NETCON_LIST), k)
        other = word(m, ARGS) + 8 * _argument(m, c)
        call_receiver(word(r, NETCONS), word(r, CONTEXT), place, args, time, flag, load_one(m, DT), other)


@njit(error_model="numpy")
def _send_out(m, time, source, h):
    fire(m, time, source)
    if word(m, AT_ONCE) != 0:
        _at_once(m, time, source, h)


@njit(error_model="numpy")
def _at_once(m, time, source, h):
    """Fan out one spike when it is fired: what is due in this step goes to the heap (all in group 0)."""
    last = h + (h & 1)
    until = load_one(word(m, TIME), last)
    for c in range(word(word(m, FIRST), source), word(word(m, FIRST), source + 1)):
        due = time + load_one(word(m, DELAY), c)
        e = index32(word(m, ENTRY), c) & (RECEIVERS - 1)
        if due <= until:
            push(m, 0, due, time, 0.0, _argument(m, c), e, index32(word(m, INDEX), c), EXTERNAL)
            continue
        put_later(m, c, due, due_half(m, due, last + 1), LIVE)


@njit(error_model="numpy")
def _set_watch(r, place, number, time, dt):
    call_kernel(word(r, WATCH), word(r, CONTEXT), place >> 3, (place >> 3) + 1, time, dt)
    at = number * word(r, PLACES) + place
    holds = load_one(word(r, WATCH_VALUES), at) >= WATCH_ROUNDING
    store_index32(word(r, WATCH_STATES), at, HOLDS if holds else ARMED)


@njit(error_model="numpy")
def watch_block(m, block, g, time, h):
    """Test the WATCH conditions of a block at the end of a step; those that begin to hold send their flag at once."""
    for e in range(word(m, ENTRIES_N)):
        r = _receiver(m, e)
        if word(r, WATCH) == 0:
            continue
        lo, hi = index32(word(r, ROWS), block), index32(word(r, ROWS), block + 1)
        if lo == hi:
            continue
        call_kernel(word(r, WATCH), word(r, CONTEXT), lo, hi, time, load_one(m, DT))
        for w in range(word(r, WATCH_N)):
            base = w * word(r, PLACES)
            for place in range(8 * lo, 8 * hi):
                state = index32(word(r, WATCH_STATES), base + place)
                if state == IDLE:
                    continue
                if load_one(word(r, WATCH_VALUES), base + place) > 0.0:
                    if state == ARMED:
                        store_index32(word(r, WATCH_STATES), base + place, HOLDS)
                        receive(m, g, e, place, -1, time, load_one(word(r, WATCH_FLAGS), w), time, h)
                elif state == HOLDS:
                    store_index32(word(r, WATCH_STATES), base + place, ARMED)
