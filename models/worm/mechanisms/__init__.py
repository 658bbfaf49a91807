"""The worm's channels, calcium and muscle activation as ``.mod`` files, read by ``neurosim.models.worm.channels``."""
