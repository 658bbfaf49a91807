: NetStim: cell that fires a train of spikes, regular or with random intervals, by itself or when an event asks for it.
: An interval is interval (1 - noise + noise z) with z exponential of mean 1. The train has number spikes; its first is
: at start on average, not before 0. While no train runs, an event of positive weight starts one (first spike after
: noise interval on average); an event of negative weight stops the train that runs. start < 0: no train by itself. The
: same as NEURON's "NetStim".

NEURON {
    ARTIFICIAL_CELL NetStim
    RANGE interval, number, start, noise
    RANDOM chance
}

PARAMETER {
    interval = 10 (ms) <1e-9, 1e9>    : mean time between spikes
    number = 10 <0, 1e9>              : spikes of a train
    start = 50 (ms)                   : first spike
    noise = 0 <0, 1>                  : 0: regular, 1: a Poisson process
}

ASSIGNED {
    running
    fired
    wait (ms)
}

INITIAL {
    random_setseq(chance, 0)
    running = 0
    fired = 0
    if (noise < 0) {
        noise = 0
    }
    if (noise > 1) {
        noise = 1
    }
    if (start >= 0 && number > 0) {
        running = 1
        wait = start + pause() - interval*(1 - noise)
        if (wait < 0) {
            wait = 0
        }
        net_send(wait, 3)
    }
}

FUNCTION pause() (ms) {
    LOCAL mean
    mean = interval
    if (mean <= 0) {
        mean = 0.01
    }
    if (noise == 0) {
        pause = mean
    } else {
        pause = (1 - noise)*mean + noise*mean*random_negexp(chance)
    }
}

PROCEDURE begin() {
    if (number > 0) {
        running = 1
        wait = 0
        fired = 0
    }
}

PROCEDURE next() {
    if (number > 0) {
        wait = pause()
    }
    if (fired >= number) {
        running = 0
    }
}

: Flag 0: an event from outside; 3: the train that starts by itself; 1: the next spike of a train.
NET_RECEIVE (w) {
    if (flag == 0) {
        if (w > 0 && running == 0) {
            begin()
            next()
            wait = wait - interval*(1 - noise)
            net_send(wait, 1)
        } else if (w < 0) {
            running = 0
        }
    }
    if (flag == 3 && running == 1) {
        begin()
        net_send(0, 1)
    }
    if (flag == 1 && running == 1) {
        fired = fired + 1
        net_event(t)
        next()
        if (running == 1) {
            net_send(wait, 1)
        }
    }
}
