"""Frames: rows of many runs as lists of dicts, pandas or polars frames. No I/O.

`plan` checks arguments, `requests` says what to send, `rows` reads what came, `build` makes the
frame.
"""
