"""Which runs are listed: filters in MongoDB's query language, checked before they are sent.

W&B answers a filter that it does not understand with HTTP 400 or 500, or with no runs at all and
no word. So everything that it is known not to understand is refused here, with the right spelling.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast, final

from typing_extensions import TypeIs, override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import fold, nearest, show
from wandb_runs.query.paths import Path, Vocabulary
from wandb_runs.query.regex import check_pattern

if TYPE_CHECKING:
    from collections.abc import Iterable


__all__ = ["Condition", "Filters", "RawFilter", "translate_filters", "write_condition"]

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
        # `Name`, as W&B's tables call it: the exact `name` is an attribute.
        "name": "The name that people see is 'display_name'; 'name' is the run's id.",
        "id": "The run's id is called 'name'; the name that people see is 'display_name'.",
        "runid": "The run's id is called 'name'; the name that people see is 'display_name'.",
        "runname": "The name that people see is 'display_name'; 'name' is the run's id.",
        "user": "The user's account name is 'username'.",
        "hostname": "Did you mean 'host'?",
        "runtime": "Did you mean 'duration', in seconds?",
        "created": "Did you mean 'created_at'?",
        "updatedat": "Runs cannot be filtered by their last change; 'heartbeat_at' comes nearest.",
        "sweepname": "Did you mean 'sweep', which takes the sweep's id?",
        "sweepid": "Did you mean 'sweep'?",
        "and": "Did you mean '$and'?",
        "or": "Did you mean '$or'?",
        "nor": "Did you mean '$nor'?",
        "not": "Write '$ne' or '$nin' under a path, or '$nor' around whole conditions.",
        "date": "Did you mean 'created_at'?",
        "entity": "The entity belongs to the path of the project, not to its filters.",
        "project": "The project belongs to the path, not to its filters.",
    },
    escape="RawFilter",
)

# Of a key that a message names; longer ones are cut.
_LONGEST_KEY = 120
# Of a condition that a message shows.
_LONGEST_CONDITION = 200

_INSTANTS = frozenset({"createdAt", "heartbeatAt"})
_SECTIONS = frozenset({"config", "summary_metrics"})

_LOGICAL = frozenset({"$and", "$or", "$nor"})
_EQUALITY = frozenset({"$eq", "$ne"})
_ORDERING = frozenset({"$gt", "$gte", "$lt", "$lte"})
_MEMBERSHIP = frozenset({"$in", "$nin"})
_CONDITIONS = _EQUALITY | _ORDERING | _MEMBERSHIP | {"$exists", "$regex"}

# What people write for an operator, folded, where the letters alone do not give it away.
_OTHER_WORDS: Mapping[str, str] = {
    "<": "$lt",
    "<=": "$lte",
    ">": "$gt",
    ">=": "$gte",
    "=": "$eq",
    "==": "$eq",
    "!=": "$ne",
    "less": "$lt",
    "lessthan": "$lt",
    "lessthanorequal": "$lte",
    "greater": "$gt",
    "greaterthan": "$gt",
    "greaterthanorequal": "$gte",
    "equal": "$eq",
    "equals": "$eq",
    "notequal": "$ne",
    "notin": "$nin",
    "oneof": "$in",
    "contains": "$regex",
    "like": "$regex",
    "match": "$regex",
}
_NO_OPERATOR: Mapping[str, str] = {
    "not": "Write '$ne' or '$nin' under a path, or '$nor' around whole conditions.",
    "all": "Write '$and' around one condition for each value.",
    "options": "Write flags into the pattern, like '(?i)' to ignore case.",
    "size": "W&B cannot count the items of a list.",
    "type": "W&B cannot ask for the type of a value.",
    "elemmatch": "W&B cannot match the items of a list; '$in' comes nearest.",
    "expr": "W&B cannot compare two paths.",
}


@final
@dataclass(frozen=True, slots=True, repr=False)
class Condition:
    """What a run must fulfil: made by comparing a field, and by joining conditions.

    Immutable, and therefore safe to share.

    It goes wherever a filter goes, into the lists of `$and`, `$or` and `$nor` as well. `&` and
    `|` also take a filter of another kind on one side, `~` negates. Two conditions are equal when
    they send the same. Python's `and`, `or`, `not`, `in` and chained comparisons ask for a truth
    value, which a condition has none of, and raise.

    Attributes:
        query: The text that is sent. Whoever has such a text, and no fields, takes `RawFilter`.

    >>> from wandb_runs import Config, State, Tags
    >>> (State == "finished") & (Config("lr") < 0.1)
    {"$and":[{"state":"finished"},{"config.lr.value":{"$lt":0.1}}]}
    >>> ~Tags.contains("best") | {"summary.loss": {"$lt": 1}}
    {"$or":[{"$nor":[{"tags":"best"}]},{"summary_metrics.loss":{"$lt":1}}]}
    >>> 0.01 < Config("lr") < 0.1
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: a condition is no truth value. Write (a) & (b) for \
'and', (a) | (b) for 'or', ~(a) for 'not', (low < field) & (field < high) for a chain, \
field.is_in([...]) for 'in'; this one is {"config.lr.value":{"$gt":0.01}}.
    """

    query: str

    def __and__(self, other: Condition | Mapping[str, object] | RawFilter) -> Condition:
        """Both."""
        return _join("$and", self, other)

    def __rand__(self, other: Mapping[str, object] | RawFilter) -> Condition:
        """Both."""
        return _join("$and", other, self)

    def __or__(self, other: Condition | Mapping[str, object] | RawFilter) -> Condition:
        """Either, or both."""
        return _join("$or", self, other)

    def __ror__(self, other: Mapping[str, object] | RawFilter) -> Condition:
        """Either, or both."""
        return _join("$or", other, self)

    def __invert__(self) -> Condition:
        """The runs that are left, those that lack the value among them."""
        document = _read_query(self.query)
        denied = _parts("$nor", document)
        # `$nor` is the only operator that says nothing but `not`: W&B's SDK asks for null beside
        # `$ne`, so that `$ne` alone may pass over runs without a value.
        return _write_query({"$nor": [document]} if denied is None else denied[0])

    def __bool__(self) -> NoReturn:
        raise InvalidArgumentError(
            "a condition is no truth value. Write (a) & (b) for 'and', (a) | (b) for 'or', ~(a) "
            "for 'not', (low < field) & (field < high) for a chain, field.is_in([...]) for 'in'; "
            f"this one is {self.query if len(self.query) <= _LONGEST_CONDITION else 'a long one'}."
        )

    @override
    def __repr__(self) -> str:
        return self.query


@dataclass(frozen=True, slots=True, init=False)
class RawFilter:
    """A filter that is sent as it is, for roots and operators that this package does not know.

    Immutable, and therefore safe to share.

    Args:
        query: A JSON object as text, sent to the letter, or a mapping that `json` can write. A
            mapping is written at once, so that changing it later changes nothing.

    Attributes:
        query: The text that is sent.

    Raises:
        InvalidArgumentError: `query` is not a JSON object, or cannot be written as one.

    >>> RawFilter({"inputArtifacts": "digits:v0"})
    RawFilter(query='{"inputArtifacts":"digits:v0"}')
    """

    query: str

    def __init__(self, query: str | Mapping[str, object]) -> None:
        object.__setattr__(self, "query", _raw(query))


Filters: TypeAlias = Mapping[str, object] | Condition | RawFilter
"""What is accepted where filters are asked for.

A mapping in MongoDB's query language, a condition that fields make, or raw.
"""


def translate_filters(filters: Filters | None) -> str | None:
    """Check filters and write them as the server reads them.

    | key | means |
    |---|---|
    | `name` | the run's id, which is `run.id` |
    | `display_name` | the name that people see, which is `run.name` |
    | `state`, `group`, `job_type`, `tags`, `username`, `host` | as on a run |
    | `duration` | how long the run took, in seconds |
    | `sweep` | the sweep's id |
    | `created_at`, `heartbeat_at` | an instant: an aware `datetime`, or a string in ISO 8601 |
    | `config.lr` or `config.lr.value` | a hyperparameter |
    | `config.model.value.depth` | a value inside the hyperparameter `model` |
    | `config.model.depth.value` | a hyperparameter whose key is `model.depth` |
    | `summary.loss` or `summary_metrics.loss` | a metric, nested or with slashes as well |

    `displayName`, `jobType`, `createdAt` and `heartbeatAt` mean the same as their Python
    spellings. A key stands for one condition (`{"state": "finished"}`) or for several operators
    (`{"config.lr": {"$gt": 0.01, "$lt": 0.1}}`): `$eq`, `$ne`, `$gt`, `$gte`, `$lt`, `$lte`,
    `$in`, `$nin`, `$exists` and `$regex` (in RE2's syntax). `$and`, `$or` and `$nor` stand where a
    key stands and hold a list of filters.

    Values are strings, numbers, booleans, None, aware datetimes (written in UTC), and lists and
    mappings of those where a hyperparameter or metric is one. `$in` and `$nin` take a tuple or a
    set as well. A member of an enum is taken for the string or number that it is, and refused if
    it is neither.

    A condition that fields make is written already, and may stand in those lists.

    Args:
        filters: The filters; None and an empty mapping let every run pass. Never changed.

    Returns:
        A JSON object as text, or None for no filter. Translating the object again gives the same
        text.

    Raises:
        InvalidArgumentError: The filters hold something that W&B would not understand. The message
            names the place, what is wrong with it, and the nearest right spelling.

    >>> from datetime import UTC, datetime
    >>> translate_filters({"state": "finished", "config.lr": {"$lt": 0.1}})
    '{"state":"finished","config.lr.value":{"$lt":0.1}}'
    >>> translate_filters({"created_at": {"$gte": datetime(2026, 1, 31, tzinfo=UTC)}})
    '{"createdAt":{"$gte":"2026-01-31T00:00:00Z"}}'
    >>> translate_filters({"$or": [{"state": "failed"}, {"summary.loss": {"$lth": 2}}]})
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: filters["$or"][1]["summary.loss"]["$lth"]: W&B knows \
no operator '$lth'. Did you mean '$lt'? The operators are: $eq, $exists, $gt, $gte, $in, $lt, \
$lte, $ne, $nin, $regex. RawFilter sends an operator unchecked.
    """
    if filters is None:
        return None
    if isinstance(filters, (Condition, RawFilter)):
        return filters.query
    try:
        query = _query(filters, "filters")
        return _write(query, "filters") if query else None
    except RecursionError as error:
        raise InvalidArgumentError(
            "filters: nested too deeply to be sent, or a part of itself."
        ) from error


def write_condition(path: str | Path, operator: str, operand: object, *, where: str) -> Condition:
    """Check one comparison, and write it.

    Args:
        path: Where the value is: an attribute, or a path that is known to be exact.
        operator: What compares, with its `$`.
        operand: What it is compared with.
        where: What the caller calls the comparison, for messages.

    Raises:
        InvalidArgumentError: W&B would not understand it.

    >>> write_condition("job_type", "$eq", "train", where="JobType == …")
    {"jobType":"train"}
    """
    place = path if isinstance(path, Path) else _PATHS.parse(path, where=where)
    try:
        written = _operation(operator, operand, place, where)
        # Equality is the value alone, as the SDK writes it, but for mappings, which look like
        # operators.
        plain = operator == "$eq" and not _is_mapping(written)
        return Condition(_write({place.wire: written if plain else {operator: written}}, where))
    except RecursionError as error:
        raise InvalidArgumentError(f"{where}: nested too deeply to be sent.") from error


def _join(operator: str, left: object, right: object) -> Condition:
    """Join two conditions, flat, so that brackets between equal operators make no difference."""
    joined: list[object] = []
    for side in (left, right):
        document = _read_query(_query_of(side, operator))
        parts = _parts(operator, document)
        joined.extend([document] if parts is None else parts)
    return _write_query({operator: joined})


def _query_of(side: object, operator: str) -> str:
    if isinstance(side, (Condition, RawFilter)):
        return side.query
    if isinstance(side, Mapping):
        return translate_filters(cast("Mapping[str, object]", side)) or "{}"
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
    """What a document joins by this operator; None when it is anything else."""
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
    try:
        return Condition(json.dumps(document, allow_nan=False, separators=(",", ":")))
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"conditions: cannot be written as JSON: {error}.") from error


def _query(value: object, where: str) -> dict[str, object]:
    if isinstance(value, Condition):
        return cast("dict[str, object]", json.loads(value.query))
    if not _is_mapping(value):
        raise InvalidArgumentError(
            f'{where}: expected a mapping like {{"state": "finished"}}, or a condition like '
            f'State == "finished", not {show(value)}.'
        )
    query: dict[str, object] = {}
    for given, operand in value.items():
        key = _key(given, where)
        here = _at(where, key)
        if key in _LOGICAL:
            query[key] = _branches(operand, here)
        elif key in _CONDITIONS:
            raise InvalidArgumentError(
                f'{here}: {key!r} compares one value, so it goes under a path: {{"config.lr": '
                f'{{"{key}": …}}}}.'
            )
        elif key.startswith("$"):
            _refuse_operator(key, _LOGICAL, here)
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
    if not _is_list(value) or not value:
        raise InvalidArgumentError(
            f"{where}: expected a list of at least one filter, not {show(value)}."
        )
    return [_query(branch, f"{where}[{index}]") for index, branch in enumerate(value)]


def _condition(value: object, path: Path, where: str) -> object:
    if not _is_mapping(value):
        return _operand(value, path, where)
    keys = [_key(key, where) for key in value]
    if not keys:
        raise InvalidArgumentError(
            f'{where}: expected at least one operator, like {{"$lt": 0.1}}. '
            'Equality to an empty mapping is {"$eq": {}}.'
        )
    plain = [key for key in keys if not key.startswith("$")]
    if not plain:
        return {
            key: _operation(key, operand, path, _at(where, key))
            for key, operand in zip(keys, value.values(), strict=True)
        }
    operator = _operator_named(plain[0])
    if operator is not None or len(plain) < len(keys):
        raise InvalidArgumentError(
            f"{_at(where, plain[0])}: expected an operator. "
            + (f"Did you mean {operator!r}? " if operator else "Operators begin with '$'. ")
            + 'Equality to a whole mapping is {"$eq": {…}}.'
        )
    return _operand(value, path, where)


def _operation(operator: str, value: object, path: Path, where: str) -> object:
    if operator in _EQUALITY:
        return _operand(value, path, where)
    if operator in _ORDERING:
        if value is None or isinstance(value, bool) or _is_list(value) or _is_mapping(value):
            raise InvalidArgumentError(
                f"{where}: expected a number, a string or an aware datetime, not {show(value)}, "
                "which is neither more nor less than anything."
            )
        return _operand(value, path, where)
    if operator in _MEMBERSHIP:
        return _members(value, path, where)
    if operator == "$exists":
        if not isinstance(value, bool):
            raise InvalidArgumentError(f"{where}: expected True or False, not {show(value)}.")
        return value
    if operator == "$regex":
        return check_pattern(value, where)
    if operator in _LOGICAL:
        raise InvalidArgumentError(
            f"{where}: {operator!r} joins whole filters, so it stands where a path stands: "
            f'{{"{operator}": [{{…}}, {{…}}]}}.'
        )
    return _refuse_operator(operator, _CONDITIONS, where)


def _members(value: object, path: Path, where: str) -> object:
    if _is_list(value):
        return [_operand(item, path, f"{where}[{index}]") for index, item in enumerate(value)]
    if _is_set(value):
        # Sorted, since a filter that differs from run to run defeats every cache on the way.
        items = [_operand(item, path, where) for item in value]
        return sorted(items, key=lambda item: _write(item, where))
    raise InvalidArgumentError(
        f"{where}: expected a list, a tuple or a set of values, not {show(value)}."
    )


def _operand(value: object, path: Path, where: str) -> object:
    """A value that the place named by `path` can be compared with."""
    if path.root in _INSTANTS:
        return _instant(value, where)
    if path.root not in _SECTIONS:
        if _is_list(value) and path.root != "tags":
            raise InvalidArgumentError(
                f'{where}: {path.root!r} is never a list; to accept any of these write {{"$in": '
                "[…]} or .is_in([…])."
            )
        if _is_mapping(value):
            raise InvalidArgumentError(
                f"{where}: {path.root!r} is never a mapping, so nothing equals {show(value)}."
            )
    return _value(value, where)


def _instant(value: object, where: str) -> object:
    if value is None or isinstance(value, datetime):
        return _value(value, where)
    if isinstance(value, str):
        try:
            datetime.fromisoformat(value)
        except ValueError as error:
            raise InvalidArgumentError(
                f"{where}: {show(value)} is no instant in ISO 8601, like '2026-01-31T12:00:00Z'."
            ) from error
        return value
    raise InvalidArgumentError(
        f"{where}: expected an aware datetime or a string in ISO 8601, not {show(value)}."
        + _advice(value)
    )


def _value(value: object, where: str) -> object:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidArgumentError(
                f"{where}: JSON cannot write {value}. A metric that is not finite is stored as a "
                "string: 'NaN', 'Infinity' or '-Infinity'."
            )
        return value
    if isinstance(value, datetime):
        return _timestamp(value, where)
    if _is_list(value):
        return [_value(item, f"{where}[{index}]") for index, item in enumerate(value)]
    if _is_mapping(value):
        return _document(value, where)
    raise InvalidArgumentError(
        f"{where}: expected a value that JSON can write, not {show(value)}." + _advice(value)
    )


def _document(value: Mapping[object, object], where: str) -> object:
    document: dict[str, object] = {}
    for given, item in value.items():
        key = _key(given, where)
        if key.startswith("$"):
            raise InvalidArgumentError(
                f"{_at(where, key)}: no operator may stand inside a value. Name the place inside "
                "it by its path, like 'config.model.value.depth', and put the operator there."
            )
        document[key] = _value(item, _at(where, key))
    return document


def _timestamp(value: datetime, where: str) -> str:
    try:
        aware = value.utcoffset() is not None
        instant = value.astimezone(UTC) if aware else value
        text = instant.replace(tzinfo=None).isoformat()
    # What dates out of range and pandas' NaT raise.
    except (ArithmeticError, TypeError, ValueError) as error:
        raise InvalidArgumentError(f"{where}: {show(value)} is no instant in UTC.") from error
    if not aware:
        raise InvalidArgumentError(
            f"{where}: {show(value)} has no time zone, so the instant is unknown. "
            "Pass tzinfo=UTC, or .astimezone() for local time."
        )
    return text + "Z"


def _advice(value: object) -> str:
    """How to turn a value that is refused into one that is not."""
    for kind, sentence in _ADVICE:
        if isinstance(value, kind):
            return f" {sentence}"
    # Asked of the type, since an object may answer to any name.
    if hasattr(type(value), "item"):
        return " Pass its .item(), or its .tolist() for several values."
    return ""


_ADVICE: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((set, frozenset), "Sets are for '$in' and '$nin', .is_in and .not_in; equality takes a list."),
    (Enum, "Pass the member's .value."),
    (re.Pattern, 'Write {"$regex": …} or .matches(…), with the pattern as a string.'),
    (date, "Pass an aware datetime, like datetime(2026, 1, 31, tzinfo=UTC)."),
    (timedelta, "Pass its .total_seconds()."),
    ((int, float), "Pass datetime.fromtimestamp(…, UTC)."),
)


def _refuse_operator(key: str, known: Iterable[str], where: str) -> NoReturn:
    near = _operator_named(key) or nearest(key, known)
    advice = _NO_OPERATOR.get(fold(key.lstrip("$")))
    hint = advice or (f"Did you mean {near!r}?" if near else "")
    raise InvalidArgumentError(
        f"{where}: W&B knows no operator {show(key)}. {hint}{' ' if hint else ''}"
        f"The operators are: {', '.join(sorted(known))}. RawFilter sends an operator unchecked."
    )


def _operator_named(word: str) -> str | None:
    """The operator that a word stands for, but for case, a missing `$`, or as a symbol."""
    bare = fold(word).lstrip("$")
    operator = f"${bare}"
    if operator in _CONDITIONS | _LOGICAL:
        return operator
    return _OTHER_WORDS.get(bare)


def _key(key: object, where: str) -> str:
    if not isinstance(key, str):
        raise InvalidArgumentError(f"{where}: keys are strings, not {show(key)}.")
    return key


def _at(where: str, key: str) -> str:
    shown = key if len(key) <= _LONGEST_KEY else f"{key[:_LONGEST_KEY]}…"
    return f"{where}[{json.dumps(shown, ensure_ascii=False)}]"


def _write(value: object, where: str) -> str:
    try:
        return json.dumps(value, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{where}: cannot be written as JSON: {error}.") from error


def _raw(query: object) -> str:
    if isinstance(query, str):
        try:
            document: object = json.loads(query, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InvalidArgumentError(f"RawFilter: cannot be read as JSON: {error}.") from error
        if _is_mapping(document):
            return query
    if _is_mapping(query):
        return _write({_key(key, "RawFilter"): item for key, item in query.items()}, "RawFilter")
    raise InvalidArgumentError(
        f"RawFilter: expected a mapping, or a JSON object as text, not {show(query)}."
    )


def _refuse_constant(token: str) -> NoReturn:
    # Python's `json` reads and writes these, and W&B's server does not.
    raise ValueError(f"JSON has no {token}")


def _is_mapping(value: object) -> TypeIs[Mapping[object, object]]:
    return isinstance(value, Mapping)


def _is_list(value: object) -> TypeIs[list[object] | tuple[object, ...]]:
    return isinstance(value, (list, tuple))


def _is_set(value: object) -> TypeIs[set[object] | frozenset[object]]:
    return isinstance(value, (set, frozenset))
