"""Inputs nobody would think of: what is fuzzed, how, and the inputs that once found something."""
