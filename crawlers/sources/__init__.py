"""One folder a source, each with client.py (I/O) and parse.py (pure)."""
