"""A small neural network in numpy, simple enough that too high a learning rate diverges."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["LEAK", "MOMENTUM", "Array", "Labels", "Network", "Optimizer", "Score"]

Array: TypeAlias = npt.NDArray[np.float32]
"""Single precision, as usual for networks; values overflow near 3e38."""
Labels: TypeAlias = npt.NDArray[np.int64]
"""Class numbers, from 0."""
Optimizer: TypeAlias = Literal["sgd", "adam"]

LEAK: Final = 0.01
"""The slope of a leaky ReLU below zero."""
MOMENTUM: Final = 0.9
"""The fraction of the previous update that is kept."""
_DECAY: Final = 0.999
_TINY: Final = 1e-8


class Score(NamedTuple):
    """Loss and accuracy of a network on some examples.

    Attributes:
        loss: Mean cross-entropy, in nats.
        accuracy: Fraction of correct predictions, from 0 to 1.
    """

    loss: float
    accuracy: float


@dataclass(slots=True)
class _Parameter:
    value: Array
    velocity: Array = field(init=False)
    scale: Array = field(init=False)

    def __post_init__(self) -> None:
        self.velocity = np.zeros_like(self.value)
        self.scale = np.zeros_like(self.value)


class Network:
    """A fully connected network with leaky ReLU between its layers and softmax at the end.

    Args:
        widths: The layers' widths, input first, classes last.
        optimizer: `sgd` has momentum 0.9; `adam` has its usual constants.
        seed: The same seed gives the same weights and the same order of the examples.
    """

    def __init__(self, widths: Sequence[int], optimizer: Optimizer, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._optimizer: Optimizer = optimizer
        self._updates = 0
        self._weights = [_Parameter(self._draw(*shape)) for shape in pairwise(widths)]
        self._biases = [_Parameter(np.zeros(outputs, np.float32)) for outputs in widths[1:]]

    def train(
        self, images: Array, labels: Labels, *, batch_size: int, learning_rate: float
    ) -> list[float]:
        """Train one epoch, in a new order of the examples.

        Args:
            images: Shape (examples, pixels).
            labels: Shape (examples,).
            batch_size: Examples per update.
            learning_rate: The length of an update.

        Returns:
            The gradient's norm at the last update, layer by layer.
        """
        order = self._random.permutation(len(images))
        norms: list[float] = []
        for start in range(0, len(order), batch_size):
            batch = order[start : start + batch_size]
            norms = self._update(images[batch], labels[batch], learning_rate)
        return norms

    def score(self, images: Array, labels: Labels) -> Score:
        """Measure the network on examples, shaped as for `train`."""
        with np.errstate(over="ignore", invalid="ignore"):
            log_chances = _log_softmax(self._forward(images)[-1])
            chosen = log_chances[np.arange(len(labels)), labels]
            right = log_chances.argmax(axis=1) == labels
            return Score(loss=float(-chosen.mean()), accuracy=float(right.mean()))

    @property
    def size(self) -> int:
        """How many numbers training adjusts."""
        return sum(parameter.value.size for parameter in (*self._weights, *self._biases))

    def weights(self, layer: int) -> Array:
        """Give a layer's weights, shaped (inputs, outputs)."""
        return self._weights[layer].value

    def _draw(self, inputs: int, outputs: int) -> Array:
        """Draw a layer's first weights, by He's rule."""
        scale = np.float32(np.sqrt(2 / inputs))
        return self._random.standard_normal((inputs, outputs), np.float32) * scale

    def _forward(self, images: Array) -> list[Array]:
        outputs = [images]
        for layer, (weights, biases) in enumerate(zip(self._weights, self._biases, strict=True)):
            sums = outputs[-1] @ weights.value + biases.value
            is_last = layer == len(self._weights) - 1
            outputs.append(sums if is_last else np.maximum(sums, LEAK * sums))
        return outputs

    def _update(self, images: Array, labels: Labels, learning_rate: float) -> list[float]:
        norms: list[float] = []
        # With too high a learning rate values overflow; the resulting NaN is wanted.
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self._forward(images)
            errors = np.exp(_log_softmax(outputs[-1]))
            errors[np.arange(len(labels)), labels] -= 1
            errors /= len(labels)
            self._updates += 1
            for layer in reversed(range(len(self._weights))):
                weights, biases = self._weights[layer], self._biases[layer]
                slope = outputs[layer].T @ errors
                norms.insert(0, float(np.linalg.norm(slope)))
                bias_slope = errors.sum(axis=0)
                errors = errors @ weights.value.T
                errors[outputs[layer] <= 0] *= LEAK
                self._step(weights, slope, learning_rate)
                self._step(biases, bias_slope, learning_rate)
        return norms

    def _step(self, parameter: _Parameter, slope: Array, learning_rate: float) -> None:
        parameter.velocity *= MOMENTUM
        if self._optimizer == "sgd":
            parameter.velocity -= learning_rate * slope
            parameter.value += parameter.velocity
            return
        parameter.velocity += (1 - MOMENTUM) * slope
        parameter.scale *= _DECAY
        parameter.scale += (1 - _DECAY) * slope**2
        mean = parameter.velocity / (1 - MOMENTUM**self._updates)
        scale = parameter.scale / (1 - _DECAY**self._updates)
        parameter.value -= learning_rate * mean / (np.sqrt(scale) + _TINY)


def _log_softmax(sums: Array) -> Array:
    shifted: Array = sums - sums.max(axis=1, keepdims=True)
    shifted -= np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return shifted
