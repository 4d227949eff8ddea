"""Register the sweep with wandb and print its id: `python -m sample_project.sweep`."""

from __future__ import annotations

import wandb

from sample_project.trials import SWEEP

if __name__ == "__main__":
    print(wandb.sweep(SWEEP))  # pyright: ignore[reportUnknownMemberType] - wandb's own types say so
