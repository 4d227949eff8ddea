"""Paths of orders and filters: an attribute, a hyperparameter or a metric of a run.

A path is an attribute (`created_at`), a hyperparameter (`config.lr.value`) or a metric
(`summary_metrics.loss`). W&B stores each hyperparameter in an envelope, `{"lr": {"value": 0.1}}`,
hence the `value`; the parts after it are keys of a nested value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import fold, nearest, show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.keys import check_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["Path", "Vocabulary", "exact_path"]

_SECTIONS = ("config", "summary", "summary_metrics")

_SUBSCRIPT = re.compile(
    r"""(?P<section>config|summary(?:_metrics)?)\[(?P<quote>['"])(?P<key>.+)(?P=quote)\]"""
)


@dataclass(frozen=True, slots=True, repr=False)
class Path(FieldsRepr):
    """An exact path, which the server can look up.

    Attributes:
        root: `config`, `summary_metrics`, or the attribute of the run, as the server spells it.
        wire: The whole path, as the server spells it.
    """

    root: str
    wire: str


def exact_path(
    section: Literal["config", "summary"], keys: Sequence[object], *, where: str
) -> Path:
    """The path of a key, or of a key of its nested value.

    The server separates keys by dots, so a key with a dot may share its path with a nested one.
    Then both are looked up.

    Args:
        section: The section of the key.
        keys: The key, and those of nested values.
        where: The field as the caller wrote it, for messages.

    Raises:
        InvalidArgumentError: A key is empty or not a string.

    >>> exact_path("config", ["model.depth"], where="Config").wire
    'config.model.depth.value'
    >>> exact_path("config", ["model", "depth"], where="Config").wire
    'config.model.value.depth'
    """
    key, *nested = [_exact_key(each, where) for each in keys]
    if section == "summary":
        return Path("summary_metrics", ".".join(["summary_metrics", key, *nested]))
    return Path("config", ".".join(["config", key, "value", *nested]))


def _exact_key(key: object, where: str) -> str:
    if not isinstance(key, str) or not key:
        raise InvalidArgumentError(
            f"{where}: expected keys, each a string that is not empty, not {show(key)}."
        )
    check_unicode(f"{where}:", key)
    return key


@dataclass(frozen=True, slots=True, repr=False)
class Vocabulary(FieldsRepr):
    """The paths that the server accepts in filters, or in orders.

    It accepts `config` and `summary_metrics` in both.

    Attributes:
        attributes: Accepted spellings of attributes to the server's.
        advice: Common wrong words, folded by `fold`, to a sentence about each.
        escape: The name of the class that sends a path unchecked.

    >>> vocabulary = Vocabulary({"created_at": "created_at"}, {}, escape="RawOrder")
    >>> vocabulary.parse("config.lr", where="order").wire
    'config.lr.value'
    >>> vocabulary.parse("summary.eval/loss", where="order").wire
    'summary_metrics.eval/loss'
    >>> vocabulary.parse("config.model.depth", where="order")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: order: 'config.model.depth' can be read in two ways. \
Write 'config.model.value.depth' for 'depth' inside 'model', or 'config.model.depth.value' for a \
key that is itself called 'model.depth'.
    """

    attributes: Mapping[str, str]
    advice: Mapping[str, str]
    escape: str

    def parse(self, path: object, *, where: str, sign: str = "") -> Path:
        """Check a path, in its exact or its short spelling.

        Args:
            path: An attribute, `config.<key>.value` with nested parts after `value`,
                `config.<key>`, `summary_metrics.<key>` or `summary.<key>`.
            where: The position of the path, for messages.
            sign: The sign before the path, which suggestions repeat.

        Returns:
            The path. Parsing its `wire` gives an equal path.

        Raises:
            InvalidArgumentError: `path` is not a path, or is ambiguous.
        """
        if not isinstance(path, str) or not path.strip():
            raise InvalidArgumentError(
                f"{where}: expected a path like 'summary_metrics.loss', not {show(path)}."
            )
        if path != path.strip():
            raise InvalidArgumentError(
                f"{where}: {show(path)} begins or ends with a space; "
                f"write {show(sign + path.strip())}."
            )
        root, *parts = path.split(".")
        if root in _SECTIONS:
            if not parts or not all(parts):
                raise InvalidArgumentError(
                    f"{where}: {show(path)} lacks a key. Write 'config.<key>.value' for a "
                    "hyperparameter or 'summary_metrics.<key>' for a metric."
                )
            return _within(root, parts, where=where, sign=sign)
        if root in self.attributes:
            attribute = self.attributes[root]
            if parts:
                raise InvalidArgumentError(
                    f"{where}: {show(path)} looks inside {show(root)}, which has no parts. "
                    f"Write {show(root)}."
                )
            return Path(attribute, attribute)
        raise InvalidArgumentError(f"{where}: {self._unknown(path, sign)}")

    def _unknown(self, path: str, sign: str) -> str:
        root, _, rest = path.partition(".")
        hint = self.advice.get(fold(root)) or _subscripted(path) or self._guess(root, rest, sign)
        # The first spelling of each attribute is the one shown.
        known = {wire: spelling for spelling, wire in reversed([*self.attributes.items()])}
        return (
            f"{show(path)} is no path that W&B knows. {hint} The attributes are: "
            f"{', '.join(sorted(known.values()))}. {self.escape} sends a path unchecked."
        )

    def _guess(self, root: str, rest: str, sign: str) -> str:
        near = nearest(root, [*self.attributes, *_SECTIONS])
        parts = [part for part in rest.split(".") if part]
        if near in _SECTIONS and parts:
            return f"Did you mean {_either(_spellings(near, parts), sign)}?"
        metric, hyperparameter = (
            _either(_spellings(section, [root, *parts]), sign) for section in ("summary", "config")
        )
        others = f"A metric is {metric}, a hyperparameter {hyperparameter}."
        if near in self.attributes and not parts:
            return f"Did you mean {show(f'{sign}{near}')}? {others}"
        return others


def _within(section: str, parts: list[str], *, where: str, sign: str) -> Path:
    spellings = _spellings(section, parts)
    if len(spellings) > 1:
        nested, dotted = spellings
        key, rest, whole = parts[0], ".".join(parts[1:]), ".".join(parts)
        raise InvalidArgumentError(
            f"{where}: {show(f'{section}.{whole}')} can be read in two ways. "
            f"Write {show(sign + nested)} for {show(rest)} inside {show(key)}, "
            f"or {show(sign + dotted)} for a key that is itself called {show(whole)}."
        )
    wire = spellings[0]
    return Path(wire.partition(".")[0], wire)


def _spellings(section: str, parts: list[str]) -> list[str]:
    """The exact paths that the parts of a section may mean: one, or two if ambiguous."""
    key, *rest = parts
    if section != "config":
        return [".".join(["summary_metrics", *parts])]
    if not rest:
        return [f"config.{key}.value"]
    # A first part `value` is a key of that name: an envelope follows a key.
    if "value" in rest:
        return [".".join(["config", *parts])]
    return [".".join(["config", key, "value", *rest]), ".".join(["config", *parts, "value"])]


def _subscripted(path: str) -> str | None:
    """The suggestion for a path in Python's notation, `config["lr"]`."""
    match = _SUBSCRIPT.fullmatch(path)
    if match is None:
        return None
    spellings = _spellings(match["section"], match["key"].split("."))
    return f"Keys follow a dot: {_either(spellings)}."


def _either(spellings: list[str], sign: str = "") -> str:
    return " or ".join(show(sign + spelling) for spelling in spellings)
