"""Queries: which runs, in what order, and which of their keys; checked before anything is sent."""
