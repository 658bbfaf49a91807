: VecStim: cell that fires when an event reaches it, whatever its weight: it passes spikes on that are given elsewhere.
: The times come from a neurosim.SpikeTrain connected to it (in NEURON, from NetCon.event); the delay of that connection
: shifts them.

NEURON {
    ARTIFICIAL_CELL VecStim
    RANGE count
}

ASSIGNED {
    count
}

INITIAL {
    count = 0
}

NET_RECEIVE (w) {
    count = count + 1
    net_event(t)
}
