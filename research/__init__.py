"""Tapes and replay: the stages composed on a simulated clock."""
