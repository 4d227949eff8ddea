"""W&B's filters, which are MongoDB queries in JSON, as SQL conditions with parameters.

Read as MongoDB reads them: a value is compared with values of its own type only, null matches
what is missing, `$ne` and `$nin` match it too, and an array matches by any of its elements.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from http import HTTPStatus
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeAlias

from sqlalchemy import and_, case, exists, false, func, not_, or_, select, true
from typing_extensions import override

from wandb_runs.graphql.scalars import decode
from wandb_runs.local.documents import storable
from wandb_runs.local.leaves import typed
from wandb_runs.local.re2_function import check
from wandb_runs.local.store import CRASHED_AFTER
from wandb_runs.local.tables import Kind, documents, leaves, paths, runs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import ColumnElement, Connection, FromClause, Select

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.tables import Scalar

__all__ = [
    "BadRequestError",
    "Scope",
    "Where",
    "check_size",
    "compile_filters",
    "root_field",
    "state_at",
]

_FEW: Final = 3000
"""Up to so many runs are cheaper to look up one by one than to find in a scan."""

_MOST: Final = 500
"""How many keys a filter may have: SQLite bounds how large a condition grows."""

_Test: TypeAlias = "Callable[[ColumnElement[Any]], ColumnElement[bool]]"
_COMPARISONS: Final[Mapping[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    "$gt": gt,
    "$gte": ge,
    "$lt": lt,
    "$lte": le,
}


class BadRequestError(Exception):
    """A request that cannot be answered.

    Attributes:
        status: The HTTP status of the answer.
    """

    def __init__(self, message: str, status: int = HTTPStatus.BAD_REQUEST) -> None:
        super().__init__(message)
        self.status: int = int(status)


class Scope(NamedTuple):
    """The runs that a filter applies to: those of one project, at one time."""

    connection: Connection
    project_id: int
    now: int


class Where(NamedTuple):
    """A condition on a run.

    Attributes:
        condition: In SQL, about the row of `runs`.
        few: Whether it is known to hold for few runs, which an index finds.
        late: Whether it is costly, and best evaluated after the other conditions.
    """

    condition: ColumnElement[bool]
    few: bool = False
    late: bool = False


class _Cost(Enum):
    """How a test of many runs is best evaluated."""

    PROBE = auto()
    """For each run, by a look-up in an index."""
    GATHER = auto()
    """Once, as the set of matching runs: the test names many values."""
    CALL = auto()
    """For each run, after the other tests: it calls a Python function."""


class _Field(Protocol):
    """What a path points at."""

    def read(self, operand: JSONValue) -> tuple[Kind, Scalar]:
        """The type and value of an operand as this field compares it."""
        ...

    def where(self, kind: Kind, test: _Test, cost: _Cost = _Cost.PROBE) -> Where:
        """Match the runs that hold a value of this type which passes the test."""
        ...

    def present(self) -> Where:
        """Match the runs that hold any value, null included."""
        ...

    def sized(self, size: float) -> Where:
        """Match the runs that hold an array of so many items."""
        ...


@dataclass(frozen=True, slots=True)
class _Leaf(_Field):
    """A value below a run, indexed as a row of `leaves`."""

    scope: Scope
    path: str
    path_id: int | None

    @override
    def read(self, operand: JSONValue) -> tuple[Kind, Scalar]:
        return typed(operand)

    @override
    def where(self, kind: Kind, test: _Test, cost: _Cost = _Cost.PROBE) -> Where:
        leaf = leaves.alias()
        return self._rows(leaf, leaf.c.kind == int(kind), test(leaf.c.value), cost=cost)

    @override
    def present(self) -> Where:
        return self._rows(leaves.alias())

    @override
    def sized(self, size: float) -> Where:
        root, dot, _ = self.path.partition(".")
        if self.path == "tags":
            fits = func.has_array(runs.c.tags, self.path, size) == 1
        elif dot and root in {"config", "summary_metrics"}:
            found = func.has_array(documents.c[root], self.path, size) == 1
            fits = exists(select(documents.c.run_id).where(documents.c.run_id == runs.c.id, found))
        else:
            return Where(false(), few=True)
        # The index holds no sizes, and finds the runs that have an array there.
        return _all([self.where(Kind.ARRAY, lambda _: true()), Where(fits, late=True)])

    def _rows(
        self, leaf: FromClause, *conditions: ColumnElement[bool], cost: _Cost = _Cost.PROBE
    ) -> Where:
        if self.path_id is None:
            return Where(false(), few=True)
        rows = select(leaf.c.run_id).where(leaf.c.path_id == self.path_id, *conditions)
        few = cost is not _Cost.CALL and _few(self.scope.connection, rows)
        if few or cost is _Cost.GATHER:
            return Where(runs.c.id.in_(rows), few=few)
        return Where(exists(rows.where(leaf.c.run_id == runs.c.id)), late=cost is _Cost.CALL)


@dataclass(frozen=True, slots=True)
class _Column(_Field):
    """A value that every run has, as an expression on its row."""

    scope: Scope
    expression: ColumnElement[Any]
    kind: Kind

    @override
    def read(self, operand: JSONValue) -> tuple[Kind, Scalar]:
        return typed(operand)

    @override
    def where(self, kind: Kind, test: _Test, cost: _Cost = _Cost.PROBE) -> Where:
        if kind != self.kind:
            return Where(false(), few=True)
        condition = test(self.expression)
        if cost is _Cost.CALL:
            return Where(condition, late=True)
        rows = select(runs.c.id).where(runs.c.project_id == self.scope.project_id, condition)
        return Where(condition, few=_few(self.scope.connection, rows))

    @override
    def present(self) -> Where:
        return Where(true())

    @override
    def sized(self, size: float) -> Where:
        return Where(false(), few=True)


class _Instant(_Column):
    """A time, held in microseconds since 1970 and asked for in ISO 8601."""

    @override
    def read(self, operand: JSONValue) -> tuple[Kind, Scalar]:
        if operand is None:
            return typed(None)
        if not isinstance(operand, str):
            # W&B answers HTTP 500 here, too.
            raise BadRequestError(
                f"a time is compared with an ISO 8601 string, not with {operand!r}",
                HTTPStatus.INTERNAL_SERVER_ERROR,
            )
        try:
            moment = datetime.fromisoformat(operand)
        except ValueError:
            raise BadRequestError(f"{operand!r} is not a time in ISO 8601") from None
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Kind.NUMBER, round(aware.timestamp() * 1_000_000)


def state_at(now: int) -> ColumnElement[str]:
    """A run's state in SQL: one without a recent heartbeat has crashed, or was preempted."""
    silent = runs.c.heartbeat_at < now - CRASHED_AFTER
    return case(
        (and_(runs.c.state == "running", silent), "crashed"),
        (and_(runs.c.state == "preempting", silent), "preempted"),
        else_=runs.c.state,
    )


def root_field(root: str, now: int) -> tuple[ColumnElement[Any], Kind, bool] | None:
    """A column that every run has: its expression, its type, and whether it is a time."""
    match root:
        case "created_at" | "createdAt":
            return runs.c.created_at, Kind.NUMBER, True
        case "heartbeat_at" | "heartbeatAt":
            return runs.c.heartbeat_at, Kind.NUMBER, True
        case "updated_at" | "updatedAt":
            return runs.c.updated_at, Kind.NUMBER, True
        case "duration":
            seconds = (runs.c.heartbeat_at - runs.c.created_at) / 1_000_000.0
            return seconds, Kind.NUMBER, False
        case "state":
            return state_at(now), Kind.STRING, False
        case _:
            return None


def compile_filters(filters: str | None, scope: Scope) -> Where:
    """Compile a filter to SQL.

    Args:
        filters: A MongoDB query in JSON; null and `{}` match every run.
        scope: The project, and the moment that decides which runs have crashed.

    Raises:
        BadRequestError: The filter is not one that W&B answers.
    """
    if filters is None:
        return Where(true())
    try:
        query = decode(filters)
    except (ValueError, RecursionError):
        raise BadRequestError("filters: not JSON") from None
    check_size(query)
    return _query(query, scope) if query is not None else Where(true())


def check_size(query: JSONValue) -> None:
    """Refuse a filter that has more keys than a request may have.

    Raises:
        BadRequestError: It has.
    """
    if _keys(query) > _MOST:
        raise BadRequestError(f"filters: at most {_MOST} keys; name many values with $in")


def _keys(query: JSONValue) -> int:
    match query:
        case dict():
            listed = query.get("$all")  # a condition for each value
            values = len(listed) if isinstance(listed, list) else 0
            return len(query) + values + sum(map(_keys, query.values()))
        case list():
            return sum(map(_keys, query))
        case _:
            return 0


def _query(query: JSONValue, scope: Scope) -> Where:
    if not isinstance(query, dict):
        raise BadRequestError(f"filters: an object is expected, not {query!r}")
    return _all([_entry(key, operand, scope) for key, operand in query.items()])


def _entry(key: str, operand: JSONValue, scope: Scope) -> Where:
    if not key.startswith("$"):
        return _field_query(_field(key, scope), operand)
    if key == "$not":  # MongoDB has it under a path alone; W&B's SDK writes it here
        return _none([_query(operand, scope)])
    if key not in {"$and", "$or", "$nor"}:
        raise BadRequestError(f"filters: unknown top level operator: {key}")
    if not isinstance(operand, list) or not operand:
        raise BadRequestError(f"filters: {key} needs an array that is not empty")
    parts = [_query(part, scope) for part in operand]
    match key:
        case "$and":
            return _all(parts)
        case "$or":
            return _any(parts)
        case _:
            return _none(parts)


def _field(path: str, scope: Scope) -> _Field:
    root, _, rest = path.partition(".")
    if root == "summary":
        raise BadRequestError(f"filters: unknown key {path!r}: it is summary_metrics.{rest}")
    column = None if rest else root_field(root, scope.now)
    if column is not None:
        expression, kind, is_instant = column
        return (_Instant if is_instant else _Column)(scope, expression, kind)
    exact = leaf_path(path)
    return _Leaf(scope, exact, path_id(scope, exact))


def leaf_path(path: str) -> str:
    """Spell a filter's path as it is indexed.

    >>> leaf_path("config.lr"), leaf_path("config.model.value.depth"), leaf_path("jobType")
    ('config.lr.value', 'config.model.value.depth', 'job_type')
    """
    root, _, rest = path.partition(".")
    if root == "config" and rest and "value" not in rest.split(".")[1:]:
        return f"{path}.value"
    return {"displayName": "display_name", "jobType": "job_type"}.get(path, path)


def path_id(scope: Scope, path: str) -> int | None:
    """Find the row of a path; null when no run of the project has it."""
    stored = storable(path)
    return scope.connection.scalar(
        select(paths.c.id).where(paths.c.project_id == scope.project_id, paths.c.path == stored)
    )


def _field_query(field: _Field, operand: JSONValue) -> Where:
    operators = [key for key in operand if key.startswith("$")] if isinstance(operand, dict) else []
    if not isinstance(operand, dict) or not operators:
        return _equal(field, operand)
    if len(operators) < len(operand):
        raise BadRequestError(f"filters: operators and keys are mixed in {json.dumps(operand)}")
    return _all([_operation(field, name, value) for name, value in operand.items()])


def _operation(field: _Field, operator: str, operand: JSONValue) -> Where:
    if operator in _COMPARISONS:
        return _compare(field, operator, operand)
    operation = _OPERATIONS.get(operator)
    if operation is None:
        raise BadRequestError(f"filters: unknown operator: {operator}")
    return operation(field, operand)


def _one_in(field: _Field, operands: JSONValue) -> Where:
    return _in(field, _array("$in", operands))


def _none_in(field: _Field, operands: JSONValue) -> Where:
    return _none([_in(field, _array("$nin", operands))])


def _all_in(field: _Field, operands: JSONValue) -> Where:
    wanted = [_equal(field, operand) for operand in _array("$all", operands)]
    return _all(wanted) if wanted else Where(false(), few=True)


def _array(operator: str, operands: JSONValue) -> list[JSONValue]:
    if not isinstance(operands, list):
        raise BadRequestError(f"filters: {operator} needs an array")
    return operands


def _not_equal(field: _Field, operand: JSONValue) -> Where:
    return _none([_equal(field, operand)])


def _exists(field: _Field, operand: JSONValue) -> Where:
    return field.present() if operand else _none([field.present()])


def _not(field: _Field, operand: JSONValue) -> Where:
    if not isinstance(operand, dict) or not any(key.startswith("$") for key in operand):
        raise BadRequestError("filters: $not needs operators")
    return _none([_field_query(field, operand)])


def _equal(field: _Field, operand: JSONValue) -> Where:
    return _in(field, [operand])


def _in(field: _Field, operands: list[JSONValue]) -> Where:
    kinds: defaultdict[Kind, list[Scalar]] = defaultdict(list)
    for operand in operands:
        kind, value = field.read(operand)
        kinds[kind].append(value)
    return _any([_one_of(field, kind, values) for kind, values in kinds.items()])


def _one_of(field: _Field, kind: Kind, values: list[Scalar]) -> Where:
    if kind is Kind.NULL:
        return _any([field.where(kind, lambda _: true()), _none([field.present()])])
    if len(values) == 1:
        return field.where(kind, lambda value: value == values[0])
    if kind is Kind.NUMBER:
        # Not as JSON: SQLite would read it back with a last bit of its own.
        return field.where(kind, lambda value: value.in_(values), _Cost.GATHER)
    # One parameter, however many: SQLite bounds how many it takes.
    listed = func.json_each(json.dumps(values)).table_valued("value")
    return field.where(kind, lambda value: value.in_(select(listed.c.value)), _Cost.GATHER)


def _compare(field: _Field, operator: str, operand: JSONValue) -> Where:
    kind, bound = field.read(operand)
    if kind in {Kind.OBJECT, Kind.ARRAY}:
        raise BadRequestError(f"filters: {operator} compares numbers, strings and booleans")
    if kind in {Kind.NULL, Kind.NAN}:
        # Nothing is greater or less than these; each is only equal to itself.
        return _equal(field, operand) if operator in {"$gte", "$lte"} else Where(false(), few=True)
    return field.where(kind, lambda value: _COMPARISONS[operator](value, bound))


def _regex(field: _Field, pattern: JSONValue) -> Where:
    if not isinstance(pattern, str):
        raise BadRequestError("filters: $regex needs a string")
    try:
        check(pattern)
    except ValueError as error:
        raise BadRequestError(f"filters: $regex: {error}") from None
    return field.where(Kind.STRING, lambda value: func.matches(pattern, value) == 1, _Cost.CALL)


def _contains(field: _Field, part: JSONValue) -> Where:
    if not isinstance(part, str):
        raise BadRequestError("filters: $contains needs a string")
    return field.where(Kind.STRING, lambda value: func.instr(value, storable(part)) > 0)


def _sized(field: _Field, operand: JSONValue) -> Where:
    kind, size = typed(operand)
    if kind is not Kind.NUMBER or isinstance(size, str) or size < 0 or size % 1:
        raise BadRequestError("filters: $size needs a whole number from 0")
    return field.sized(size)


_OPERATIONS: Final[Mapping[str, Callable[[_Field, JSONValue], Where]]] = {
    "$eq": _equal,
    "$ne": _not_equal,
    "$in": _one_in,
    "$nin": _none_in,
    "$exists": _exists,
    "$regex": _regex,
    "$contains": _contains,
    "$all": _all_in,
    "$size": _sized,
    "$not": _not,
}


def _all(parts: Iterable[Where]) -> Where:
    ordered = sorted(parts, key=lambda part: part.late)
    return Where(
        and_(true(), *(part.condition for part in ordered)),
        few=any(part.few for part in ordered),
        late=any(part.late for part in ordered),
    )


def _any(parts: Iterable[Where]) -> Where:
    listed = list(parts)
    return Where(
        or_(false(), *(part.condition for part in listed)),
        few=all(part.few for part in listed),
        late=any(part.late for part in listed),
    )


def _none(parts: Iterable[Where]) -> Where:
    inner = _any(parts)
    return Where(not_(inner.condition), late=inner.late)


def _few(connection: Connection, rows: Select[Any]) -> bool:
    counted = select(func.count()).select_from(rows.limit(_FEW).subquery())
    return connection.execute(counted).scalar_one() < _FEW
