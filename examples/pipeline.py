"""Which settings train best? A pipeline that resumes where it failed.

python examples/pipeline.py entity/project FOLDER

Reads the finished runs and their histories, a part at a time. Each part becomes a Parquet file, and
`position.json` holds the position after it: when the program is run again after a failure, no part
is read twice. The result is `settings.parquet`.
"""

import sys
from pathlib import Path

import polars as pl
from pydantic import BaseModel, FiniteFloat

from wandb_runs import Api, Checkpoint, CreatedAt, Run, Runs, State

PART = 200


class Config(BaseModel):  # `wandb-runs typegen` writes such models
    optimizer: str
    learning_rate: float


class Summary(BaseModel):  # finite: runs that diverged are left out
    loss: FiniteFloat


class Position(BaseModel):
    read: int = 0
    parts: list[str] = []
    checkpoint: Checkpoint | None = None


def next_part(api: Api, path: str, position: Position) -> Runs[Config, Summary]:
    return api.runs(
        path,
        State == "finished",
        CreatedAt.asc(),  # an order that never changes, with small checkpoints
        per_page=PART,
        config=Config,
        summary=Summary,
        on_invalid="skip",
        limit=position.read + PART,  # counted from the start of the listing
        checkpoint=position.checkpoint,
    )


def table(runs: list[Run[Config, Summary]], histories: pl.DataFrame) -> pl.DataFrame:
    """A row for each run that has a history: its settings, and when its accuracy was best."""
    settings = pl.DataFrame([{"run_id": run.id, **run.config.model_dump()} for run in runs])
    best = (
        histories.with_columns(pl.col("accuracy").cast(pl.Float64), pl.col("_step").cast(pl.Int64))
        .filter(pl.col("accuracy").is_finite())
        .sort("accuracy", "_step", descending=[True, False])
        .unique("run_id", keep="first")
    )
    return settings.join(best, on="run_id", maintain_order="left")


def by_setting(runs: pl.DataFrame) -> pl.DataFrame:
    """The accuracy of each combination of settings, best first."""
    accuracy = pl.col("accuracy")
    return (
        runs.group_by("optimizer", "learning_rate")
        .agg(
            pl.len().alias("runs"),
            accuracy.mean().alias("accuracy"),
            accuracy.min().alias("worst"),
            pl.col("_step").mean().alias("steps"),
        )
        .sort("accuracy", "optimizer", "learning_rate", descending=[True, False, False])
    )


def pipeline(api: Api, path: str, folder: Path) -> pl.DataFrame:
    """Read the remaining parts. After an error, the next call resumes after the last whole part."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "position.json"
    position = Position()
    if file.exists():
        position = Position.model_validate_json(file.read_bytes())
    while True:
        part = next_part(api, path, position)
        loop = iter(part)
        if not (runs := list(loop)):
            break
        histories = part.histories(keys=["accuracy"], format="polars")
        name = f"part-{position.read:06}.parquet"
        table(runs, histories).write_parquet(folder / name)
        position = Position(
            read=position.read + len(runs),
            parts=[*position.parts, name],
            checkpoint=loop.checkpoint(),
        )
        written = file.with_suffix(
            ".new"
        )  # replaced at once, so that a crash leaves no half-written file
        written.write_text(position.model_dump_json(), encoding="utf-8")
        written.replace(file)
    if not position.parts:
        raise LookupError(f"no finished run of {path} fits the models")
    result = by_setting(pl.read_parquet([folder / name for name in position.parts]))
    result.write_parquet(folder / "settings.parquet")
    file.unlink(missing_ok=True)  # the next call starts over
    return result


if __name__ == "__main__":
    match sys.argv[1:]:
        case [path, folder]:
            with Api() as api:
                print(pipeline(api, path, Path(folder)))
        case _:
            sys.exit(__doc__)
