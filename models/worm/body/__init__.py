"""Bodies in their medium: ``chain`` (our overdamped chain), ``mujoco`` (the option for contact and obstacles)."""
