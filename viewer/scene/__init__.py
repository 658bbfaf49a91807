"""What to show, without any graphics."""
