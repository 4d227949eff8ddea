"""`python -m wandb_runs.local`, which is `wandb-runs local`."""

from __future__ import annotations

import sys

from wandb_runs.cli import main

if __name__ == "__main__":
    main(["local", *sys.argv[1:]])
