"""Train one trial and log it with wandb: `python -m sample_project.train NAME`.

The server, the key, the folders, the project and the run's id come from wandb's environment
variables, the only source that wandb uses for runs of a sweep.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final, NamedTuple, TypedDict, cast

import numpy as np
import wandb
from sklearn.datasets import load_digits  # type: ignore[import-untyped]  # ships no types

from sample_project.network import LEAK, MOMENTUM, Network
from sample_project.trials import TRIALS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sample_project.network import Array, Labels
    from sample_project.trials import Trial

_TRAINED_ON: Final = 1400
_CLASSES: Final = 10
_BRIGHTEST: Final = 16
_VALIDATED_EVERY: Final = 5
_TRANSMITTED_EVERY: Final = 1.0
_SAMPLED_EVERY: Final = 0.1


class _Data(NamedTuple):
    images: Array
    labels: Labels
    held_out_images: Array
    held_out_labels: Labels


class _Best(TypedDict):
    epoch: int
    val: dict[str, float]


def main(name: str) -> None:
    """Train the trial with this name.

    Raises:
        SystemExit: The accuracy stayed below the target.
    """
    trial = next(trial for trial in TRIALS if trial.name == name)
    data = _load()
    network = Network(_widths(trial), trial.optimizer, trial.seed)
    with wandb.init(
        name=trial.name,
        group=trial.group,
        job_type=trial.job_type,
        tags=trial.tags,
        notes=trial.notes,
        config=_config(trial),
        settings=_settings(),
    ) as run:
        run.define_metric("val/loss", step_metric="epoch", summary="min")
        run.config["parameters"] = network.size
        if not trial.epochs:
            return
        best = _train(run, trial, network, data)
        run.summary["best"] = best
        if trial.target is not None and best["val"]["accuracy"] < trial.target:
            sys.exit(f"the accuracy stayed below {trial.target}")


def _load() -> _Data:
    pixels, classes = cast("tuple[ArrayLike, ArrayLike]", load_digits(return_X_y=True))
    images, labels = np.array(pixels, np.float32), np.array(classes, np.int64)
    images /= _BRIGHTEST
    order = np.random.default_rng(0).permutation(len(labels))
    shown, held_out = order[:_TRAINED_ON], order[_TRAINED_ON:]
    return _Data(images[shown], labels[shown], images[held_out], labels[held_out])


def _widths(trial: Trial) -> tuple[int, ...]:
    return 64, trial.width, trial.width // 2, _CLASSES


def _config(trial: Trial) -> dict[str, object]:
    return {
        "optimizer": trial.optimizer,
        "learning_rate": trial.learning_rate,
        "batch_size": trial.batch_size,
        "width": trial.width,
        "epochs": trial.epochs,
        "schedule": trial.schedule,
        "momentum": MOMENTUM if trial.optimizer == "sgd" else None,
        "seed": trial.seed,
        "model": {
            "kind": "mlp",
            "layers": list(_widths(trial)),
            "activation": {"name": "leaky_relu", "slope": LEAK},
        },
        "data/name": "digits",
        "data/trained_on": _TRAINED_ON,
        "early_stopping": False,
    }


def _settings() -> wandb.Settings:
    return wandb.Settings(
        # The sample is published and must not contain facts about this machine.
        host="",
        program="train.py",
        disable_code=True,
        disable_git=True,
        x_disable_meta=True,
        x_save_requirements=False,
        x_stats_disk_paths=(),
        ignore_globs=["*"],
        console="off",
        silent=True,
        # By default the SDK requests a link-local address to detect its cloud.
        x_stats_coreweave_metadata_base_url=os.environ["WANDB_BASE_URL"],
        # The defaults are for runs of hours; trials take seconds.
        x_file_stream_transmit_interval=_TRANSMITTED_EVERY,
        x_stats_sampling_interval=_SAMPLED_EVERY,
    )


def _train(run: wandb.Run, trial: Trial, network: Network, data: _Data) -> _Best:
    best: _Best = {"epoch": 0, "val": {"loss": float("inf"), "accuracy": 0.0}}
    for epoch in range(trial.epochs):
        factor = trial.factor(epoch)
        rate = trial.learning_rate * factor
        norms = network.train(
            data.images, data.labels, batch_size=trial.batch_size, learning_rate=rate
        )
        score = network.score(data.images, data.labels)
        run.log(
            {
                "epoch": epoch,
                "loss": score.loss,
                "accuracy": score.accuracy,
                "learning_rate": rate,
                "learning_rate_factor": factor,
            }
        )
        if factor < trial.factor(epoch - 1):
            run.log({"message": f"learning rate halved to {rate}"})
        if epoch % _VALIDATED_EVERY == _VALIDATED_EVERY - 1:
            held_out = network.score(data.held_out_images, data.held_out_labels)
            improved = held_out.accuracy > best["val"]["accuracy"]
            if improved:
                best = {"epoch": epoch, "val": held_out._asdict()}
            row: dict[str, object] = {
                "epoch": epoch,
                "val/loss": held_out.loss,
                "val/accuracy": held_out.accuracy,
                "val/improved": improved,
                "gradient_norm": {f"layer_{layer}": norm for layer, norm in enumerate(norms, 1)},
            }
            if trial.histograms:
                row["weights"] = wandb.Histogram(network.weights(0).ravel().tolist(), num_bins=16)
            run.log(row)
        if epoch + 1 == trial.killed_after:
            # Rows that are not yet transmitted are lost when the process is killed.
            time.sleep(3 * _TRANSMITTED_EVERY)
            os.kill(os.getpid(), signal.SIGKILL)
    return best


if __name__ == "__main__":
    main(sys.argv[1])
