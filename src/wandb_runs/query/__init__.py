"""Queries: which runs, in which order, and which of their keys; checked before any request."""
