"""Reads rows for many runs in one query: evenly sampled, or a page at a time."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from operator import itemgetter
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from sqlalchemy import and_, func, or_, select

from wandb_runs.graphql.nested import pick
from wandb_runs.local.documents import read_object, spelled_out, storable
from wandb_runs.local.leaves import fitting
from wandb_runs.local.tables import Stream, keyset_members, lines
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Select, Subquery

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["DEFAULT_SAMPLES", "Spec", "page_lines", "sample_lines", "sample_values"]

DEFAULT_SAMPLES: Final = 500

_MOST: Final = 2**31 - 1  # an Int of GraphQL, as the number of samples is elsewhere

LinesByRun: TypeAlias = dict[int, list[str]]
"""The rows of each run, by the run's row id; runs without any are left out."""


class Spec(NamedTuple):
    """What to sample: keys, a range of steps, and the number of rows."""

    keys: tuple[str, ...]
    samples: int = DEFAULT_SAMPLES
    min_step: float | None = None
    max_step: float | None = None

    @classmethod
    def parse(cls, text: str) -> Spec:
        """Read a spec as it comes, such as `{"keys": ["_step", "loss"], "samples": 500}`.

        Raises:
            BadRequestError: It is not a spec.

        >>> Spec.parse('{"keys": ["loss"], "samples": 5}').samples
        5
        """
        try:
            spec = read_object(text)
        except (ValueError, RecursionError):
            raise BadRequestError("specs: each is a JSON object") from None
        keys = spec.get("keys") or []
        if not isinstance(keys, list):
            raise BadRequestError("specs: keys is a list of strings")
        samples = _number(spec, "samples")
        return cls(
            tuple(str(key) for key in keys),
            DEFAULT_SAMPLES if samples is None else int(max(0, min(samples, _MOST))),
            _number(spec, "minStep"),
            _number(spec, "maxStep"),
        )


def _number(spec: dict[str, JSONValue], key: str) -> int | float | None:
    value = spec.get(key)
    match value:
        case None:
            return None
        case bool():
            pass
        case int():
            return fitting(value)
        case float() if math.isfinite(value):
            return value
        case _:
            pass
    raise BadRequestError(f"specs: {key} is a number")


def sample_values(
    connection: Connection, run_ids: Sequence[int], specs: Sequence[Spec]
) -> dict[int, list[list[dict[str, JSONValue]]]]:
    """For each spec, sample rows that hold all its keys, cut down to those keys.

    A key finds a flat key first, then a nested one: `a.b` is `{"a.b": …}` or `{"a": {"b": …}}`.
    A null counts as missing. Without keys, whole rows are given.

    Specs that the same rows can answer share a query, and a row is decoded once for all specs.

    Args:
        connection: A transaction.
        run_ids: Row ids of the runs.
        specs: Which rows, and how many; `max_step` is inclusive.
    """
    alike: defaultdict[Hashable, list[int]] = defaultdict(list)
    keysets = _keysets_of(connection, run_ids, specs)
    for index, (spec, ids) in enumerate(zip(specs, keysets, strict=True)):
        alike[ids, spec.samples, spec.min_step, spec.max_step].append(index)
    decoded: dict[tuple[int, int], JSONObject] = {}
    found: dict[int, list[list[dict[str, JSONValue]]]] = {
        run_id: [[] for _ in specs] for run_id in run_ids
    }
    for indices in alike.values():
        ids, spec = keysets[indices[0]], specs[indices[0]]
        if ids is not None and not ids:
            continue
        rows: defaultdict[int, list[JSONObject]] = defaultdict(list)
        for run_id, line, text in _sample(connection, run_ids, spec, ids):
            row = decoded.get((run_id, line))
            if row is None:
                row = decoded[run_id, line] = read_object(text)
            rows[run_id].append(row)
        for run_id, held in rows.items():
            for index in indices:
                found[run_id][index] = _cut(held, specs[index].keys)
    return found


def _keysets_of(
    connection: Connection, run_ids: Sequence[int], specs: Sequence[Spec]
) -> list[frozenset[int] | None]:
    """For each spec, the sets of keys that hold all its keys; None for any set."""
    names = {storable(key) for spec in specs for key in spec.keys}
    if not names:
        return [None] * len(specs)
    own = select(lines.c.keyset_id).where(
        lines.c.run_id.in_(_each(list(run_ids))), lines.c.stream == int(Stream.HISTORY)
    )
    query = select(keyset_members.c.key, keyset_members.c.keyset_id).where(
        keyset_members.c.key.in_(_each(list(names))), keyset_members.c.keyset_id.in_(own.distinct())
    )
    holders: defaultdict[str, set[int]] = defaultdict(set)
    for key, keyset_id in connection.execute(query).all():
        holders[key].add(keyset_id)
    keysets: list[frozenset[int] | None] = []
    for spec in specs:
        first, *others = (frozenset(holders[storable(key)]) for key in spec.keys or [""])
        keysets.append(first.intersection(*others) if spec.keys else None)
    return keysets


def sample_lines(
    connection: Connection, run_ids: Sequence[int], stream: Stream, samples: int
) -> LinesByRun:
    """Sample whole rows, as they were logged."""
    places = _numbered(run_ids, stream)
    return _by_run(_texts(connection, places, _evenly(places, samples)))


def page_lines(
    connection: Connection,
    run_ids: Sequence[int],
    samples: int,
    min_step: int | None,
    max_step: int | None,
) -> LinesByRun:
    """The first rows of a range of steps, as they were logged; `max_step` is exclusive."""
    steps: list[ColumnElement[bool]] = []
    if min_step is not None:
        steps.append(lines.c.step >= min_step)
    if max_step is not None:
        steps.append(lines.c.step < max_step)
    places = _numbered(run_ids, Stream.HISTORY, *steps)
    return _by_run(_texts(connection, places, places.c.place < samples))


def _sample(
    connection: Connection, run_ids: Sequence[int], spec: Spec, keysets: Iterable[int] | None
) -> Sequence[tuple[int, int, str]]:
    conditions: list[ColumnElement[bool]] = []
    if spec.min_step is not None:
        conditions.append(lines.c.step >= spec.min_step)
    if spec.max_step is not None:
        conditions.append(lines.c.step <= spec.max_step)
    if keysets is not None:
        conditions.append(lines.c.keyset_id.in_(_each(list(keysets))))
    places = _numbered(run_ids, Stream.HISTORY, *conditions)
    return _texts(connection, places, _evenly(places, spec.samples))


def _evenly(places: Subquery, samples: int) -> ColumnElement[bool]:
    """Sample evenly: of n rows, k are kept at floor(i * (n - 1) / (k - 1)), first and last too.

    Sampling is deterministic.
    """
    if samples < 2:  # noqa: PLR2004 - the first and the last are two
        return places.c.place < samples
    gaps, last = samples - 1, places.c.total - 1
    # The only i that can map to this place; the next line checks whether it does.
    nearest = (places.c.place * gaps + last - 1) // func.max(last, 1)
    return or_(places.c.total <= samples, (nearest * last) // gaps == places.c.place)


def _numbered(run_ids: Sequence[int], stream: Stream, *conditions: ColumnElement[bool]) -> Subquery:
    """Number each run's rows by step, then by arrival; a covering index answers it."""
    place = func.row_number().over(
        partition_by=lines.c.run_id, order_by=(lines.c.step, lines.c.line)
    )
    total = func.count().over(partition_by=lines.c.run_id)
    return (
        select(
            lines.c.run_id,
            lines.c.stream,
            lines.c.line,
            (place - 1).label("place"),
            total.label("total"),
        )
        .where(
            lines.c.run_id.in_(_each(list(run_ids))),
            lines.c.stream == int(stream),
            *conditions,
        )
        .subquery()
    )


def _texts(
    connection: Connection, places: Subquery, kept: ColumnElement[bool]
) -> Sequence[tuple[int, int, str]]:
    """The run, the number and the text of each row that is kept, in the order of places."""
    same = and_(
        lines.c.run_id == places.c.run_id,
        lines.c.stream == places.c.stream,
        lines.c.line == places.c.line,
    )
    query = (
        select(lines.c.run_id, lines.c.line, lines.c.text)
        .select_from(places.join(lines, same))
        .where(kept)
        .order_by(places.c.run_id, places.c.place)
    )
    return [(row.run_id, row.line, row.text) for row in connection.execute(query)]


def _by_run(rows: Iterable[tuple[int, int, str]]) -> LinesByRun:
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for run_id, _, text in rows:
        texts[run_id].append(spelled_out(text))
    return texts


def _each(values: list[int] | list[str]) -> Select[int | str]:
    """A list as a query, in one parameter: the number of parameters is limited."""
    wanted = func.json_each(json.dumps(values)).table_valued("value")
    return select(wanted.c.value)


def _cut(rows: list[JSONObject], keys: tuple[str, ...]) -> list[dict[str, JSONValue]]:
    if not keys:
        return [*map(dict[str, "JSONValue"], rows)]
    try:
        columns = [[*map(itemgetter(key), rows)] for key in keys]
    except KeyError:
        columns = [[None]]
    if any(None in column for column in columns):  # nested
        return [{key: pick(row, key) for key in keys} for row in rows]
    if len(keys) == 2:  # noqa: PLR2004 - a spec of an outer join, of which there are many
        first, second = keys
        return [{first: one, second: other} for one, other in zip(*columns, strict=True)]
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]
