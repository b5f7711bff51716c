"""The crawlers, without a socket."""
