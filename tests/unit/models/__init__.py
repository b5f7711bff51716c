"""Models: features, training, serving, registry."""
