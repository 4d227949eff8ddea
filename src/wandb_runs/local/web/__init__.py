"""Pages of the local server, for browsers."""
