"""Frames: rows of many runs as lists of dicts, pandas or polars frames. No I/O.

`plan` checks arguments, `requests` builds requests and reads their answers, `histories` fetches
many runs, `rows` decodes rows, and `build` makes the frame.
"""
