"""Pagination: pages that lose no run while runs come, go and move. No I/O."""
