"""The simulated exchange without its sockets."""
