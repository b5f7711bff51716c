"""Signals and quotes turned into orders."""
