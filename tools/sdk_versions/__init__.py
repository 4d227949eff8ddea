"""Parts of `tools/sdks.py`: environments, scenarios, and what is read back."""
