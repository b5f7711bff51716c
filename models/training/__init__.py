"""Trains and judges the classifiers; never imported by what trades."""
