"""Tests of how the stages are composed."""
