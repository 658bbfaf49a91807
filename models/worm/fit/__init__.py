"""Where the fitted numbers of the worm come from: a fast circuit of the motor cells and searches of its parameters."""
