"""Events turned into signals."""
