"""Reddit's submissions and comments: polled live, and from listings and dumps back in time."""
