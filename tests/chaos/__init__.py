"""Tests that break things: processes killed at random moments."""
