"""Parquet files of histories: which bytes of a file are needed, and what they hold; no I/O."""
