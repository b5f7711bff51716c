"""Classifiers: the port that signals read through."""
