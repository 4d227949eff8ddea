"""`python -m wandb_runs`, which is `wandb-runs`."""

from wandb_runs.cli import main

if __name__ == "__main__":
    main(program="python -m wandb_runs")
