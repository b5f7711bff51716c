"""Venues: one folder an exchange, each with client.py (I/O), parse.py (pure) and sign.py."""
