"""Orders: checked, and spelt as the server reads them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.suggest import fold, show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.keys import check_unicode
from wandb_runs.query.paths import Vocabulary

__all__ = ["DEFAULT_ORDER", "FieldOrder", "Order", "RawOrder", "parse_order"]

DEFAULT_ORDER: Final = "+created_at"
"""Oldest first, so that runs created during a listing come at its end."""

_UNSORTED: Final = {"displayname", "duration", "runtime", "state", "group", "tags", "user"}
"""Attributes that filters know and orders do not, folded by `fold`."""

_PATHS = Vocabulary(
    attributes={
        "created_at": "created_at",
        "createdAt": "created_at",
        "heartbeat_at": "heartbeat_at",
        "heartbeatAt": "heartbeat_at",
        "updated_at": "updatedAt",
        "updatedAt": "updatedAt",
        "name": "name",
    },
    advice={
        "id": "The run's id is called 'name'.",
        "runid": "The run's id is called 'name'.",
    },
    escape="RawOrder",
)


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class RawOrder(FieldsRepr):
    """An order that is sent unchecked, for paths that this package does not know.

    Immutable, and therefore safe to share.

    W&B ignores an order with an unknown path, without an error, and sorts *descending* where the
    sign is missing.

    Attributes:
        text: The order as the server reads it: a sign and a path.

    Raises:
        InvalidArgumentError: `text` is empty or not a string.

    >>> parse_order(RawOrder("-keys_info.lastStep"))
    '-keys_info.lastStep'
    """

    text: str

    def __post_init__(self) -> None:
        _require_text(self.text, where="RawOrder")


@final
class FieldOrder(str):
    """An order made by a field: a string with an exact path.

    Immutable, and therefore safe to share.

    It is accepted wherever a string is. `parse_order` does not parse it again, so that its key may
    end in ` desc`, which is refused in other strings.

    >>> from wandb_runs import Summary
    >>> parse_order(Summary("loss desc").asc())
    '+summary_metrics.loss desc'
    """

    __slots__ = ()


Order: TypeAlias = str | RawOrder
"""An order: a string, a field's `asc()` or `desc()`, or a raw order."""


def parse_order(order: Order | None = None) -> str:
    """Check an order, and spell it as the server does.

    `+` before the path sorts ascending, `-` descending; without a sign, ascending. The server
    decides where runs without the value come. An order has one path.

    | path | sorts by |
    |---|---|
    | `created_at`, `heartbeat_at`, `updated_at` | an instant; also `createdAt` and so on |
    | `name` | the run's id, not its displayed name |
    | `config.lr` or `config.lr.value` | a hyperparameter |
    | `config.model.value.depth` | a value inside the hyperparameter `model` |
    | `config.model.depth.value` | a hyperparameter whose key is `model.depth` |
    | `summary.loss` or `summary_metrics.loss` | a metric, nested or with slashes as well |

    Args:
        order: The order. None means `+created_at`, as in W&B's SDK; an empty string, which means
            the same there, is refused.

    Returns:
        A sign and an exact path. Parsing it again returns it unchanged.

    Raises:
        InvalidArgumentError: Not an order; the message has the nearest valid one.

    >>> parse_order("summary.loss")
    '+summary_metrics.loss'
    >>> parse_order("-config.lr")
    '-config.lr.value'
    >>> parse_order("createdat")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: order='createdat': 'createdat' is no path that W&B \
knows. Did you mean 'created_at'? A metric is 'summary_metrics.createdat', a hyperparameter \
'config.createdat.value'. The attributes are: created_at, heartbeat_at, name, \
updated_at. RawOrder sends a path unchecked.
    """
    if order is None:
        return DEFAULT_ORDER
    if isinstance(order, RawOrder):
        return order.text
    if isinstance(order, FieldOrder):
        return str(_require_text(order, where="order"))
    text = _require_text(order, where="order")
    where = f"order={show(text)}"
    sign, path = (text[0], text[1:]) if text[0] in "+-" else ("+", text)
    if not path or path[0] in "+-":
        raise InvalidArgumentError(
            f"{where}: expected one sign and a path, like '+created_at' or '-summary_metrics.loss'."
        )
    if "*" in path.split("."):
        raise InvalidArgumentError(
            f"{where}: expected the key's own name, like '-summary_metrics.loss'; RawOrder sends "
            "an order unchecked."
        )
    if _has_two_paths(path):
        raise InvalidArgumentError(
            f"{where}: an order has one path; sort what was read by several, as by "
            "runs.to_polars().sort([...]). A key that holds a comma is written as a field, like "
            "Summary('a,b').desc()."
        )
    if direction := re.fullmatch(r"(?i)(.+?)[\s,:]+(asc|desc)\w*", path):
        meant = ("-" if direction[2].lower() == "desc" else "+") + direction[1]
        raise InvalidArgumentError(f"{where}: a sign says the direction; write {show(meant)}.")
    if fold(path) in _UNSORTED:
        raise InvalidArgumentError(
            f"{where}: W&B does not sort by {show(path)}; it sorts by 'created_at', 'updated_at' "
            "and 'heartbeat_at', by 'name', which is the run's id, by 'config.<key>.value' and by "
            "'summary_metrics.<key>'."
        )
    return sign + _PATHS.parse(path, where=where, sign=text[: len(text) - len(path)]).wire


def _has_two_paths(text: str) -> bool:
    """Whether a path follows a comma: keys may hold commas, and seldom what reads as a path.

    >>> _has_two_paths("summary.accuracy,created_at"), _has_two_paths("summary.exact,strict-match")
    (True, False)
    """
    _, *others = (part.strip() for part in text.split(","))
    return any(
        other[:1] in ("+", "-")
        or other in _PATHS.attributes
        or other.startswith(("config.", "summary.", "summary_metrics."))
        for other in others
        if other
    )


def _require_text(value: object, *, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(
            f"{where}: expected a sign and a path, like '+created_at', not {show(value)}."
        )
    check_unicode(f"{where}:", value)
    return value
