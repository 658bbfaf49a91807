"""The ion channels, calcium pools and the muscle's activation as ``.mod`` files; ``neurosim.models.worm.channels`` reads them."""
