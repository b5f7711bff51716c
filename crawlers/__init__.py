"""The outside world turned into events."""
