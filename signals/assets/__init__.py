"""Which coins a text speaks of."""
