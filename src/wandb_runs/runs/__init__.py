"""Runs: what a project holds, blocking; `*_base` is shared with `wandb_runs.aio`."""
