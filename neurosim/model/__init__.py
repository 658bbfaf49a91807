"""What is simulated, as the user describes it: cells and stimuli."""
