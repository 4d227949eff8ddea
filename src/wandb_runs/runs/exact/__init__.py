"""Histories with every row, read from where W&B exports them; flows apart from what runs them."""
