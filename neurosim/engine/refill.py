"""Kernels that put events back: those that spikes before a moment still cause, and items of heaps.

Events under way are a function of the spikes that caused them. ``refill`` makes of a spike what ``fan_out`` made of it,
without what has been delivered. Python calls these with a range's words (``neurosim.kernels.queue``) whose clock begins
at the moment.
"""

# mypy: disable-error-code="no-untyped-def,untyped-decorator"
from __future__ import annotations

from numba import njit

from neurosim.kernels.access import index32, load_one, word
from neurosim.kernels.events import due_half, put_later
from neurosim.kernels.queue import AT_ONCE, BINS, DELAY, FIRST, GROUPS_N, TIME, push, put


@njit(error_model="numpy", cache=True)
def refill(m, times, sources, waiting, live):
    """Make the events of past spikes that are due after the clock's beginning.

    Parameters
    ----------
    m : int
        Address of the words of a range.
    times, sources : float64, int64 (n,)
        Spikes in order of time, then of gid: as they were fanned out.
    waiting : bool (n,)
        Those that were not fanned out: what they cause is all to come, at the first half step if it is late.
    live : int
        1 for spikes of cells, 0 for those of given trains.
    """
    reached, delays = load_one(word(m, TIME), 0), word(m, DELAY)
    for k in range(len(times)):
        at_once = word(m, AT_ONCE) != 0 and index32(word(m, AT_ONCE), sources[k]) != 0
        every = waiting[k] and not at_once
        for c in range(word(word(m, FIRST), sources[k]), word(word(m, FIRST), sources[k] + 1)):
            due = times[k] + load_one(delays, c)
            if every or due > reached:
                put_later(m, c, due, due_half(m, due, 1), live)


@njit(error_model="numpy", cache=True)
def push_items(m, group, time, since, flag, arg, entry, index, kind):
    """Put items back into the heaps of a range, in this order.

    Parameters
    ----------
    m : int
        Address of the words of a range.
    group, arg, entry, index, kind : int64 (n,)
        Group within the range, argument, receiver, place, kind of each item.
    time, since, flag : float64 (n,)
        When it acts, when it was sent, its flag.
    """
    for k in range(len(time)):
        push(m, group[k], time[k], since[k], flag[k], arg[k], entry[k], index[k], kind[k])


@njit(error_model="numpy", cache=True)
def put_events(m, bins, key, entry, index, load):
    """Put events back into the bins of a range's first group, in this order.

    Parameters
    ----------
    m : int
        Address of the words of a range.
    bins, key, entry, index : int64 (n,)
        Bin, key in it, receiver, connection or place of each event.
    load : float64 (n,)
        Weight, or time in ms.
    """
    for k in range(len(load)):
        put(word(m, BINS) + 24 * bins[k] * word(m, GROUPS_N), key[k], entry[k], index[k], load[k])
