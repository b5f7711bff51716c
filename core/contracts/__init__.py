"""Records on the wire, their identity, topics and codec; no I/O."""
