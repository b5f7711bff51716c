"""Finds ports for the servers that tests start and that can't choose one themselves."""

import socket


def free_port() -> int:
    """Find a loopback port that is free now; whoever binds it next may still be another."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
