"""Exchanges' announcement lists and status pages, polled."""
