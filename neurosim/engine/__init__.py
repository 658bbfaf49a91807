"""The CPU engine: laying cells out as arrays and advancing them."""
