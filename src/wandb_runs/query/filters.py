"""Filters in MongoDB's query language: checked, and turned into the JSON that is sent.

W&B answers a filter that it does not understand with HTTP 400 or 500, or with an empty list. So
everything that it is known not to understand is refused here, with the right spelling.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NoReturn, TypeAlias, cast, final

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.suggest import show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.keys import check_unicode
from wandb_runs.query.operators import (
    COMPARISONS,
    LOGICAL,
    at_key,
    check_depth,
    check_key,
    check_operand,
    check_operation,
    check_operations,
    is_list,
    is_mapping,
    named_operator,
    refuse_operator,
    write_json,
)
from wandb_runs.query.paths import Path, Vocabulary

__all__ = [
    "ATTRIBUTE_ADVICE",
    "Condition",
    "Filters",
    "RawFilter",
    "filters_to_json",
    "join_conditions",
    "make_condition",
]

ATTRIBUTE_ADVICE: Final[Mapping[str, str]] = {
    "user": "The user's account name is 'username'.",
    "hostname": "Did you mean 'host'?",
    "runtime": "Did you mean 'duration', in seconds?",
    "created": "Did you mean 'created_at'?",
    "updatedat": "Runs cannot be filtered by their last change; 'heartbeat_at' comes nearest.",
    "sweepname": "Did you mean 'sweep', which takes the sweep's id?",
    "sweepid": "Did you mean 'sweep'?",
    "date": "Did you mean 'created_at'?",
    "entity": "The entity belongs to the path of the project, not to its filters.",
    "project": "The project belongs to the path, not to its filters.",
}
"""Common wrong words for attributes, folded, to a sentence about each."""

_PATHS = Vocabulary(
    attributes={
        "name": "name",
        "display_name": "displayName",
        "displayName": "displayName",
        "state": "state",
        "group": "group",
        "job_type": "jobType",
        "jobType": "jobType",
        "tags": "tags",
        "username": "username",
        "host": "host",
        "duration": "duration",
        "sweep": "sweep",
        "created_at": "createdAt",
        "createdAt": "createdAt",
        "heartbeat_at": "heartbeatAt",
        "heartbeatAt": "heartbeatAt",
    },
    advice={
        **ATTRIBUTE_ADVICE,
        # `Name`, as in W&B's tables; `name` itself is an attribute.
        "name": "The displayed name is 'display_name'; 'name' is the run's id.",
        "id": "The run's id is called 'name'; the displayed name is 'display_name'.",
        "runid": "The run's id is called 'name'; the displayed name is 'display_name'.",
        "runname": "The displayed name is 'display_name'; 'name' is the run's id.",
        "and": "Did you mean '$and'?",
        "or": "Did you mean '$or'?",
        "nor": "Did you mean '$nor'?",
        "not": "Did you mean '$not'?",
    },
    escape="RawFilter",
)

_MAX_CONDITION_SHOWN = 200
"""Characters of a condition that a message shows."""


@final
@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Condition:
    """A condition on runs, made by comparing a field or by joining conditions.

    Immutable, and therefore safe to share.

    It is accepted wherever a filter is, including the lists of `$and`, `$or` and `$nor`. `&` and
    `|` also take another kind of filter on one side; `~` negates. Two conditions are equal when
    they send the same JSON. Python's `and`, `or`, `not`, `in` and chained comparisons need a truth
    value, which a condition does not have, and raise.

    Attributes:
        query: The JSON that is sent. To send JSON of your own, use `RawFilter`.

    >>> from wandb_runs import Config, State, Tags
    >>> (State == "finished") & (Config("lr") < 0.1)
    {"$and":[{"state":"finished"},{"config.lr.value":{"$lt":0.1}}]}
    >>> ~Tags.contains("best") | {"summary.loss": {"$lt": 1}}
    {"$or":[{"$nor":[{"tags":"best"}]},{"summary_metrics.loss":{"$lt":1}}]}
    >>> 0.01 < Config("lr") < 0.1
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: a condition has no truth value. Write (a) & (b) for \
'and', (a) | (b) for 'or', ~(a) for 'not', (low < field) & (field < high) for a chain, \
field.is_in([...]) for 'in'; this one is {"config.lr.value":{"$gt":0.01}}.
    """

    query: str

    def __and__(self, other: Condition | Mapping[str, object] | RawFilter) -> Condition:
        """Runs that fulfil both."""
        return join_conditions("$and", self, other)

    def __rand__(self, other: Mapping[str, object] | RawFilter) -> Condition:
        """Runs that fulfil both."""
        return join_conditions("$and", other, self)

    def __or__(self, other: Condition | Mapping[str, object] | RawFilter) -> Condition:
        """Runs that fulfil at least one."""
        return join_conditions("$or", self, other)

    def __ror__(self, other: Mapping[str, object] | RawFilter) -> Condition:
        """Runs that fulfil at least one."""
        return join_conditions("$or", other, self)

    def __invert__(self) -> Condition:
        """All other runs, including those without the value."""
        document = _read_query(self.query)
        denied = _parts("$nor", document)
        # `$nor`, not `$ne`: W&B's SDK adds a test for null to `$ne`, so `$ne` alone may leave out
        # runs without a value.
        return _write_query({"$nor": [document]} if denied is None else denied[0])

    def __bool__(self) -> NoReturn:
        shown = self.query if len(self.query) <= _MAX_CONDITION_SHOWN else "a long one"
        raise InvalidArgumentError(
            "a condition has no truth value. Write (a) & (b) for 'and', (a) | (b) for 'or', ~(a) "
            "for 'not', (low < field) & (field < high) for a chain, field.is_in([...]) for 'in'; "
            f"this one is {shown}."
        )

    @override
    def __repr__(self) -> str:
        return getattr(self, "query", "...")  # an interrupt may leave it half made


@immutable
@dataclass(frozen=True, slots=True, init=False, repr=False)
class RawFilter(FieldsRepr):
    """A filter that is sent unchecked, for paths and operators that this package does not know.

    Immutable, and therefore safe to share.

    Args:
        query: A JSON object as text, sent unchanged, or a mapping that `json` can write. A mapping
            is written at once, so later changes of it have no effect.

    Attributes:
        query: The JSON that is sent.

    Raises:
        InvalidArgumentError: `query` is not a JSON object, or cannot be written as one.

    >>> RawFilter({"inputArtifacts": "digits:v0"})
    RawFilter(query='{"inputArtifacts":"digits:v0"}')
    """

    query: str

    def __init__(self, query: str | Mapping[str, object]) -> None:
        object.__setattr__(self, "query", _raw(query))


Filters: TypeAlias = Mapping[str, object] | Condition | RawFilter
"""Filters: a mapping in MongoDB's query language, a condition made of fields, or a raw filter."""


def filters_to_json(filters: Filters | None) -> str | None:
    """Check filters, and turn them into the JSON that the server reads.

    | key | meaning |
    |---|---|
    | `name` | the run's id, which is `run.id` |
    | `display_name` | the displayed name, which is `run.name` |
    | `state`, `group`, `job_type`, `tags`, `username`, `host` | as on a run |
    | `duration` | the run's duration in seconds |
    | `sweep` | the sweep's id |
    | `created_at`, `heartbeat_at` | an instant: an aware `datetime`, or a string in ISO 8601 |
    | `config.lr` or `config.lr.value` | a hyperparameter |
    | `config.model.value.depth` | a value inside the hyperparameter `model` |
    | `config.model.depth.value` | a hyperparameter whose key is `model.depth` |
    | `summary.loss` or `summary_metrics.loss` | a metric, nested or with slashes as well |

    `displayName`, `jobType`, `createdAt` and `heartbeatAt` are accepted as well. A key maps to a
    value (`{"state": "finished"}`) or to operators (`{"config.lr": {"$gt": 0.01, "$lt": 0.1}}`):
    `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`, `$in`, `$nin`, `$exists`, `$regex` (RE2 syntax),
    `$contains` (a part of a string), `$all` and `$size` (the values and the number of items of a
    list), and `$not` around other operators (`{"config.lr": {"$not": {"$gt": 0.1}}}`, which runs
    without the value fulfil too).
    `$and`, `$or` and `$nor` take the position of a key and map to a list of filters; `$not` there
    maps to one filter, and is sent as the `$nor` of it.

    Values are strings, numbers, booleans, None, aware datetimes (sent in UTC), and lists and
    mappings of those for hyperparameters and metrics. `$in`, `$nin` and `$all` also take a tuple
    or a set.
    A member of an enum is sent as its string or number, and refused where it is neither.

    A condition made of fields may be an item of those lists.

    Args:
        filters: The filters; None and an empty mapping select every run. Never modified.

    Returns:
        A JSON object as text, or None for no filter. Passing the object again gives the same text.

    Raises:
        InvalidArgumentError: The filters hold something that W&B would not understand. The message
            has its position, the problem, and the nearest right spelling.

    >>> from datetime import UTC, datetime
    >>> filters_to_json({"state": "finished", "config.lr": {"$lt": 0.1}})
    '{"state":"finished","config.lr.value":{"$lt":0.1}}'
    >>> filters_to_json({"created_at": {"$gte": datetime(2026, 1, 31, tzinfo=UTC)}})
    '{"createdAt":{"$gte":"2026-01-31T00:00:00Z"}}'
    >>> filters_to_json({"$or": [{"state": "failed"}, {"summary.loss": {"$lth": 2}}]})
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: filters["$or"][1]["summary.loss"]["$lth"]: W&B knows \
no operator '$lth'. Did you mean '$lt'? The operators are: $all, $contains, $eq, $exists, $gt, \
$gte, $in, $lt, $lte, $ne, $nin, $not, $regex, $size. RawFilter sends an operator unchecked.
    """
    if filters is None:
        return None
    if isinstance(filters, (Condition, RawFilter)):
        return filters.query
    check_depth(filters, "filters")
    try:
        query = _query(filters, "filters")
        return write_json(query, "filters") if query else None
    except RecursionError as error:
        raise InvalidArgumentError(
            "filters: nested too deeply to be sent, or a part of itself."
        ) from error


def make_condition(path: str | Path, operator: str, operand: object, *, where: str) -> Condition:
    """Check one comparison, and make a condition of it.

    Args:
        path: An attribute, or an exact path.
        operator: The operator, with its `$`.
        operand: The value that it compares with.
        where: The comparison as the caller wrote it, for messages.

    Raises:
        InvalidArgumentError: W&B would not understand it.

    >>> make_condition("job_type", "$eq", "train", where="JobType == …")
    {"jobType":"train"}
    """
    check_depth(operand, where)
    exact = path if isinstance(path, Path) else _PATHS.parse(path, where=where)
    try:
        value = check_operation(operator, operand, exact, where)
        # Equality is sent as the value alone, as W&B's SDK does; a mapping would read as operators.
        is_alone = operator == "$eq" and not is_mapping(value)
        return Condition(write_json({exact.wire: value if is_alone else {operator: value}}, where))
    except RecursionError as error:
        raise InvalidArgumentError(f"{where}: nested too deeply to be sent.") from error


def join_conditions(operator: Literal["$and", "$or"], *sides: object) -> Condition:
    """Join conditions into one flat list, so that joins are associative.

    >>> few = [make_condition("state", "$ne", word, where="…") for word in ("failed", "killed")]
    >>> join_conditions("$and", *few) == few[0] & few[1]
    True
    """
    joined: list[object] = []
    for side in sides:
        document = _read_query(_query_of(side, operator))
        parts = _parts(operator, document)
        joined.extend([document] if parts is None else parts)
    return _write_query({operator: joined})


def _query_of(side: object, operator: Literal["$and", "$or"]) -> str:
    if isinstance(side, (Condition, RawFilter)):
        return side.query
    if isinstance(side, Mapping):
        return filters_to_json(cast("Mapping[str, object]", side)) or "{}"
    sign = {"$and": "&", "$or": "|"}[operator]
    hint = (
        "Two fields cannot be compared."
        if isinstance(side, bool)
        else f"Comparisons need parentheses: (a == 1) {sign} (b < 2)."
    )
    raise InvalidArgumentError(
        f"{sign} joins conditions, and mappings with them; got {show(side)}. {hint}"
    )


def _parts(operator: str, document: Mapping[str, object]) -> list[object] | None:
    """The filters that a document joins by this operator; None for any other document."""
    parts = document.get(operator) if len(document) == 1 else None
    return cast("list[object]", parts) if isinstance(parts, list) and parts else None


def _read_query(query: str) -> dict[str, object]:
    try:
        return cast("dict[str, object]", json.loads(query))
    except RecursionError as error:
        raise InvalidArgumentError("conditions: nested too deeply to be sent.") from error
    except ValueError as error:
        raise InvalidArgumentError(
            f"conditions: {show(query)} is no JSON. Make conditions by comparing fields, or pass "
            "a mapping."
        ) from error


def _write_query(document: object) -> Condition:
    return Condition(write_json(document, "conditions"))


def _query(value: object, where: str) -> dict[str, object]:
    if isinstance(value, Condition):
        return cast("dict[str, object]", json.loads(value.query))
    if not is_mapping(value):
        raise InvalidArgumentError(
            f'{where}: expected a mapping like {{"state": "finished"}}, or a condition like '
            f'State == "finished", not {show(value)}.'
            + (" parse_filter reads a filter as text." if isinstance(value, str) else "")
        )
    query: dict[str, object] = {}
    for given, operand in value.items():
        key = check_key(given, where)
        here = at_key(where, key)
        if key in LOGICAL or key == "$not":
            negates = key == "$not"
            wire = "$nor" if negates else key
            parts = [_other_than(operand, here)] if negates else _branches(operand, here)
            query[wire] = [*cast("list[object]", query.get(wire, [])), *parts]
        elif key in COMPARISONS:
            raise InvalidArgumentError(
                f'{here}: {key!r} compares one value, so it goes under a path: {{"config.lr": '
                f'{{"{key}": …}}}}.'
            )
        elif key.startswith("$"):
            refuse_operator(key, LOGICAL | {"$not"}, here)
        else:
            path = _PATHS.parse(key, where=here)
            if path.wire in query:
                raise InvalidArgumentError(
                    f"{here}: the same place as another key beside it, {show(path.wire)}. Put the "
                    "operators of both into one mapping, or each condition into a list under "
                    "'$and'."
                )
            query[path.wire] = _condition(operand, path, here)
    return query


def _branches(value: object, where: str) -> list[object]:
    if not is_list(value) or not value:
        raise InvalidArgumentError(
            f"{where}: expected a list of at least one filter, not {show(value)}."
        )
    return [_query(branch, f"{where}[{index}]") for index, branch in enumerate(value)]


def _other_than(value: object, where: str) -> object:
    """The filter that `$not` negates: MongoDB has it under a path alone, and `$nor` for this."""
    if is_list(value):
        raise InvalidArgumentError(f"{where}: '$not' takes one filter; '$nor' takes a list.")
    query = _query(value, where)
    if not query:
        raise InvalidArgumentError(
            f"{where}: expected a filter of at least one key; all runs fit an empty one."
        )
    return query


def _condition(value: object, path: Path, where: str) -> object:
    if not is_mapping(value):
        return check_operand(value, path, where)
    keys = [check_key(key, where) for key in value]
    if not keys:
        raise InvalidArgumentError(
            f'{where}: expected at least one operator, like {{"$lt": 0.1}}. '
            'Equality to an empty mapping is {"$eq": {}}.'
        )
    plain = [key for key in keys if not key.startswith("$")]
    if not plain:
        return check_operations(value, path, where)
    operator = named_operator(plain[0])
    if operator is not None or len(plain) < len(keys):
        raise InvalidArgumentError(
            f"{at_key(where, plain[0])}: expected an operator. "
            + (f"Did you mean {operator!r}? " if operator else "Operators begin with '$'. ")
            + 'Equality to a whole mapping is {"$eq": {…}}.'
        )
    return check_operand(value, path, where)


def _raw(query: object) -> str:
    if isinstance(query, str):
        try:
            document: object = json.loads(query, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidArgumentError(f"RawFilter: cannot be read as JSON: {error}.") from error
        if is_mapping(document):
            check_depth(document, "RawFilter")
            check_unicode("RawFilter:", json.dumps(document, ensure_ascii=False))
            return query
    if is_mapping(query):
        return write_json(
            {check_key(key, "RawFilter"): item for key, item in query.items()}, "RawFilter"
        )
    raise InvalidArgumentError(
        f"RawFilter: expected a mapping, or a JSON object as text, not {show(query)}."
    )


def _refuse_constant(token: str) -> NoReturn:
    # Python's `json` accepts NaN and the infinities, which W&B's server does not.
    raise ValueError(f"JSON has no {token}")
