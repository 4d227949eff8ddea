"""Log what the programs of the cookbook read, beside the sample project.

wandb-runs local --sample --port 8080
WANDB_BASE_URL=http://127.0.0.1:8080 WANDB_API_KEY=any python set_up.py
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from wandb_runs import Api
from wandb_runs.testing import log_run

CHECKPOINTS = ("epoch-1.pt", "epoch-2.pt", "last.pt")


def set_up(url: str) -> None:
    """Log two small projects to a local server."""
    log_run(
        url, "me", "dots", "r1", name="nested", config={"model": {"depth": 3}}
    )
    log_run(url, "me", "dots", "r2", name="flat", config={"model.depth": 3})
    for number in range(3):
        log_run(
            *(url, "me", "drafts", f"d{number}"),
            name=f"young-fox-{number}",
            config={
                "optimizer": ("adam", "sgd")[number % 2],
                "learing_rate": 0.1 / 10**number,
            },
            history=[{"loss": 1 / (step + 1 + number)} for step in range(4)],
        )
    log_run(
        url, "me", "drafts", "d3", name="calm-owl-3", exit_code=None
    )  # it goes on
    with (
        TemporaryDirectory() as folder,
        Api(base_url=url, api_key="any") as api,
    ):
        run = api.run("me/drafts/d0")
        for name in CHECKPOINTS:
            path = Path(folder) / "checkpoints" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(name.encode() * 100)
            run.upload_file(path, root=folder)


if __name__ == "__main__":
    set_up(os.environ["WANDB_BASE_URL"])
