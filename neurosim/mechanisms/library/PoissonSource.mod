: PoissonSource: cell that fires at the times of a Poisson process from start to stop.
: The intervals are independent and exponential with mean 1000/rate ms (Kingman 1993, Poisson Processes, chapter 4).
: Events that reach it have no effect.

NEURON {
    ARTIFICIAL_CELL PoissonSource
    RANGE rate, start, stop
    RANDOM chance
}

PARAMETER {
    rate = 10 (/s) <0, 1e9>       : mean number of spikes in a second
    start = 0 (ms) <0, 1e9>       : no spike before
    stop = 1e9 (ms) <0, 1e9>      : no spike after
}

INITIAL {
    random_setseq(chance, 0)
    if (rate > 0) {
        net_send(start + interval(), 1)
    }
}

FUNCTION interval() (ms) {
    interval = 1000/rate*random_negexp(chance)
}

NET_RECEIVE (w) {
    if (flag == 1) {
        if (t <= stop) {
            net_event(t)
            net_send(interval(), 1)
        }
    }
}
