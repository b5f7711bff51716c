"""Tests of the signal stage without a broker."""
