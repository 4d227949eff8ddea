"""Changes of runs: one file for each kind, flows apart from the methods that run them."""
