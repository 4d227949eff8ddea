"""The trials of the sample project: a grid, a sweep, repeats, and trials that go wrong."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from itertools import product
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sample_project.network import Optimizer

__all__ = ["ENTITY", "PROJECT", "SWEEP", "TRIALS", "Schedule", "Trial"]

ENTITY: Final = "sample"
PROJECT: Final = "digits"

Schedule: TypeAlias = Literal["constant", "halving", "rising"]
"""The learning rate is constant, halved for the last quarter, or raised each epoch."""

_RISE: Final = 1.1
_SWEPT_RATES: Final = (0.003, 0.01, 0.03)
_SWEPT_WIDTHS: Final = (24, 48)

SWEEP: Final[dict[str, object]] = {
    "name": "adam-rate-and-width",
    "method": "grid",
    "metric": {"name": "val/accuracy", "goal": "maximize"},
    "parameters": {
        "learning_rate": {"values": list(_SWEPT_RATES)},
        "width": {"values": list(_SWEPT_WIDTHS)},
    },
}
"""The sweep that some of the trials belong to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The training of one model.

    Attributes:
        name: A unique name.
        optimizer: How the weights are updated.
        learning_rate: The length of an update.
        batch_size: Examples per update.
        width: The width of the first hidden layer; the second has half of it.
        epochs: Number of epochs. 0 loads the data and trains nothing.
        schedule: How the learning rate changes.
        group: The group of the run.
        job_type: The job type of the run.
        tags: The tags of the run.
        notes: The notes of the run, or None.
        seed: The seed of the weights and of the order of the examples.
        target: The accuracy on held-out examples below which the trial fails.
        killed_after: The epoch after which the process is killed.
        in_sweep: Whether the trial belongs to the sweep.
        histograms: Whether histograms of the weights are logged.
    """

    name: str
    optimizer: Optimizer
    learning_rate: float
    batch_size: int
    width: int
    epochs: int
    schedule: Schedule = "constant"
    group: str
    job_type: str = "train"
    tags: tuple[str, ...] = ()
    notes: str | None = None
    seed: int = 0
    target: float | None = None
    killed_after: int | None = None
    in_sweep: bool = False
    histograms: bool = False

    @property
    def run_id(self) -> str:
        """The run's id: eight letters and digits, as in W&B, derived from the name."""
        number = int.from_bytes(blake2b(self.name.encode(), digest_size=8).digest())
        return np.base_repr(number, 36).lower()[-8:]

    @property
    def exit_code(self) -> int:
        """The expected return code of the training process, as `subprocess` reports it."""
        return -9 if self.killed_after is not None else 0 if self.target is None else 1

    def factor(self, epoch: int) -> float:
        """The factor of the learning rate; an int until it is halved."""
        match self.schedule:
            case "constant":
                return 1
            case "halving":
                return 0.5 if epoch >= self.epochs * 3 // 4 else 1
            case "rising":
                return _RISE**epoch


def _grid() -> Iterator[Trial]:
    rates: dict[Optimizer, tuple[float, float]] = {"sgd": (0.01, 0.1), "adam": (0.001, 0.01)}
    # Large batches make few updates per epoch, so they need more epochs.
    epochs = {32: 30, 128: 60}
    tags = {16: ("baseline",), 64: ("baseline", "wide")}
    for optimizer, (low, high) in rates.items():
        for rate, batch_size, width in product((low, high), epochs, tags):
            yield Trial(
                name=f"{optimizer}-lr{rate}-b{batch_size}-w{width}",
                optimizer=optimizer,
                learning_rate=rate,
                batch_size=batch_size,
                width=width,
                epochs=epochs[batch_size],
                schedule="halving" if rate == high else "constant",
                group=f"grid-{optimizer}",
                tags=tags[width],
            )


def _sweep() -> Iterator[Trial]:
    for rate, width in product(_SWEPT_RATES, _SWEPT_WIDTHS):
        yield Trial(
            name=f"sweep-lr{rate}-w{width}",
            optimizer="adam",
            learning_rate=rate,
            batch_size=64,
            width=width,
            epochs=40,
            group="sweep-adam",
            tags=("sweep",),
            in_sweep=True,
        )


def _repeats() -> Iterator[Trial]:
    for seed in range(1, 4):
        yield Trial(
            name=f"adam-seed-{seed}",
            optimizer="adam",
            learning_rate=0.005,
            batch_size=64,
            width=32,
            epochs=30,
            group="seeds",
            tags=("baseline", "repeat"),
            seed=seed,
        )


def _special_cases() -> Iterator[Trial]:
    yield Trial(
        name="killed-midway",
        optimizer="adam",
        learning_rate=0.002,
        batch_size=32,
        width=64,
        epochs=80,
        group="long",
        tags=("preemptible",),
        notes="Ran on a machine that may be taken away at any time, and was.",
        killed_after=35,
    )
    yield Trial(
        name="dry-run",
        optimizer="sgd",
        learning_rate=0.01,
        batch_size=32,
        width=16,
        epochs=0,
        group="checks",
        job_type="check",
        tags=("debug",),
        notes="Loads the data and counts the parameters; logs no history.",
    )
    yield Trial(
        name="diverged",
        optimizer="sgd",
        learning_rate=0.1,
        batch_size=32,
        width=64,
        epochs=40,
        schedule="rising",
        group="checks",
        job_type="range-test",
        tags=("wide", "too-fast"),
        notes="The learning rate rises until the loss overflows to NaN.",
    )
    yield Trial(
        name="below-target",
        optimizer="sgd",
        learning_rate=0.002,
        batch_size=128,
        width=16,
        epochs=40,
        group="checks",
        job_type="check",
        notes="Fails with an exit code unless it reaches its target.",
        target=0.9,
    )
    yield Trial(
        name="long-haul",
        optimizer="adam",
        learning_rate=0.0005,
        batch_size=64,
        width=48,
        epochs=160,
        schedule="halving",
        group="long",
        tags=("baseline", "long"),
        notes="Longer than most samples: 160 epochs, with histograms of the first layer's weights.",
        histograms=True,
    )


TRIALS: Final = (*_special_cases(), *_grid(), *_sweep(), *_repeats())
"""All trials, in the order in which they run."""
