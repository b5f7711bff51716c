"""The demonstration: invented news served over real sockets, and the report of what came of it."""
