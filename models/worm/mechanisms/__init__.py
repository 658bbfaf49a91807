"""The worm's channels, calcium and muscle activation as ``.mod`` files; ``neurosim.models.worm.channels`` reads them."""
