"""Events that other tools send, signed, over HTTP."""
