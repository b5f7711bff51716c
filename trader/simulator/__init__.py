"""The simulated exchange: a separate process that speaks HitBTC API 3 over real sockets."""
