"""In what order runs are listed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias, final

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import show
from wandb_runs.query.paths import Vocabulary

__all__ = ["DEFAULT_ORDER", "FieldOrder", "Order", "RawOrder", "parse_order"]

DEFAULT_ORDER: Final = "+created_at"
"""Oldest first, so that runs created while somebody pages land behind the reader."""

_UNSORTED: Final = (
    "W&B does not sort by it; it sorts by the instants 'created_at' and 'heartbeat_at', by "
    "'config.<key>.value' and by 'summary_metrics.<key>'."
)

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
        **dict.fromkeys(
            ("displayname", "duration", "runtime", "state", "group", "tags", "user"), _UNSORTED
        ),
    },
    escape="RawOrder",
)


@dataclass(frozen=True, slots=True)
class RawOrder:
    """An order that is sent as it is, for paths that this package does not know.

    Immutable, and therefore safe to share.

    W&B does not sort at all, without a word, when it does not know a path; and it sorts
    *descending* when the sign is missing.

    Attributes:
        text: The order, as the server shall read it: a sign and a path.

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
    """An order that a field makes: a string, and known to be exact.

    Immutable, and therefore safe to share.

    It goes wherever a string goes. `parse_order` takes its key to the letter, where it would ask
    about another string whether ` desc` at its end is a part of the key.

    >>> from wandb_runs import Summary
    >>> parse_order(Summary("loss desc").asc())
    '+summary_metrics.loss desc'
    """

    __slots__ = ()


Order: TypeAlias = str | RawOrder
"""What is accepted where an order is asked for: text, a field's `asc()` or `desc()`, or raw."""


def parse_order(order: Order | None = None) -> str:
    """Read an order and spell it as the server does.

    A `+` before the path sorts ascending, a `-` descending, and no sign ascending. Where runs
    stand that lack the value is the server's choice. There is one path to an order.

    | path | sorts by |
    |---|---|
    | `created_at`, `heartbeat_at`, `updated_at` | an instant; `createdAt` and so on mean the same |
    | `name` | the run's id, not the name that people see |
    | `config.lr` or `config.lr.value` | a hyperparameter |
    | `config.model.value.depth` | a value inside the hyperparameter `model` |
    | `config.model.depth.value` | a hyperparameter whose key is `model.depth` |
    | `summary.loss` or `summary_metrics.loss` | a metric, nested or with slashes as well |

    Args:
        order: The order. None means `+created_at`, as for W&B's own client; an empty string,
            which that client reads in the same way, is refused.

    Returns:
        A sign and an exact path. Parsing it again gives it back unchanged.

    Raises:
        InvalidArgumentError: The order cannot be read; the message names the nearest valid form.

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
        return str(order)
    text = _require_text(order, where="order")
    where = f"order={show(text)}"
    sign, path = (text[0], text[1:]) if text[0] in "+-" else ("+", text)
    if not path or path[0] in "+-":
        raise InvalidArgumentError(
            f"{where}: expected one sign and a path, like '+created_at' or '-summary_metrics.loss'."
        )
    if "*" in path.split(".") or re.search(r",\s*[+-]", path):
        raise InvalidArgumentError(
            f"{where}: expected one path, with the key's own name, like '-summary_metrics.loss'; "
            "RawOrder sends an order unchecked."
        )
    if direction := re.fullmatch(r"(?i)(.+?)[\s,:]+(asc|desc)\w*", path):
        meant = ("-" if direction[2].lower() == "desc" else "+") + direction[1]
        raise InvalidArgumentError(f"{where}: a sign says the direction; write {show(meant)}.")
    return sign + _PATHS.parse(path, where=where, sign=text[: len(text) - len(path)]).wire


def _require_text(value: object, *, where: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidArgumentError(
            f"{where}: expected a sign and a path, like '+created_at', not {show(value)}."
        )
    return value
