"""One module each, no servers, no real time."""
