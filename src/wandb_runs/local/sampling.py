"""Reads rows for many runs in one query: evenly sampled, or a page at a time."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from sqlalchemy import and_, func, or_, select

from wandb_runs.graphql.nested import pick
from wandb_runs.local.documents import read_object, storable
from wandb_runs.local.leaves import fitting
from wandb_runs.local.tables import Stream, keyset_members, lines
from wandb_runs.local.where import BadRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

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
    connection: Connection, run_ids: Sequence[int], spec: Spec
) -> dict[int, list[dict[str, JSONValue]]]:
    """Sample rows that hold all the keys of a spec, cut down to those keys.

    A key finds a flat key first, then a nested one: `a.b` is `{"a.b": …}` or `{"a": {"b": …}}`.
    A null counts as missing. Without keys, whole rows are given.

    Args:
        connection: A transaction.
        run_ids: Row ids of the runs.
        spec: Which rows, and how many; `max_step` is inclusive.
    """
    steps: list[ColumnElement[bool]] = []
    if spec.min_step is not None:
        steps.append(lines.c.step >= spec.min_step)
    if spec.max_step is not None:
        steps.append(lines.c.step <= spec.max_step)
    if spec.keys:
        steps.append(lines.c.keyset_id.in_(_holding(set(spec.keys))))
    texts = _sample(connection, run_ids, Stream.HISTORY, spec.samples, *steps)
    return {
        run_id: [_cut(read_object(text), spec.keys) for text in rows]
        for run_id, rows in texts.items()
    }


def sample_lines(
    connection: Connection, run_ids: Sequence[int], stream: Stream, samples: int
) -> LinesByRun:
    """Sample whole rows, as they were logged."""
    return _sample(connection, run_ids, stream, samples)


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
    return _texts(connection, places, places.c.place < samples)


def _sample(
    connection: Connection,
    run_ids: Sequence[int],
    stream: Stream,
    samples: int,
    *conditions: ColumnElement[bool],
) -> LinesByRun:
    """Sample evenly: of n rows, k are kept at floor(i * (n - 1) / (k - 1)), first and last too.

    Sampling is deterministic.
    """
    places = _numbered(run_ids, stream, *conditions)
    if samples < 2:  # noqa: PLR2004 - the first and the last are two
        return _texts(connection, places, places.c.place < samples)
    gaps, last = samples - 1, places.c.total - 1
    # The only i that can map to this place; the next line checks whether it does.
    nearest = (places.c.place * gaps + last - 1) // func.max(last, 1)
    kept = (nearest * last) // gaps == places.c.place
    return _texts(connection, places, or_(places.c.total <= samples, kept))


def _numbered(run_ids: Sequence[int], stream: Stream, *conditions: ColumnElement[bool]) -> Subquery:
    """Number each run's rows by step, then by arrival; a covering index answers it."""
    wanted = func.json_each(json.dumps(list(run_ids))).table_valued("value")
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
            lines.c.run_id.in_(select(wanted.c.value)),
            lines.c.stream == int(stream),
            *conditions,
        )
        .subquery()
    )


def _texts(connection: Connection, places: Subquery, kept: ColumnElement[bool]) -> LinesByRun:
    same = and_(
        lines.c.run_id == places.c.run_id,
        lines.c.stream == places.c.stream,
        lines.c.line == places.c.line,
    )
    query = (
        select(lines.c.run_id, lines.c.text)
        .select_from(places.join(lines, same))
        .where(kept)
        .order_by(places.c.run_id, places.c.place)
    )
    texts: defaultdict[int, list[str]] = defaultdict(list)
    for run_id, text in connection.execute(query).all():
        texts[run_id].append(text)
    return texts


def _holding(keys: set[str]) -> Select[int]:
    """Find the sets of keys that hold all of these."""
    stored = {storable(key) for key in keys}
    wanted = func.json_each(json.dumps(list(stored))).table_valued("value")
    return (
        select(keyset_members.c.keyset_id)
        .where(keyset_members.c.key.in_(select(wanted.c.value)))
        .group_by(keyset_members.c.keyset_id)
        .having(func.count() == len(stored))
    )


def _cut(row: JSONObject, keys: Sequence[str]) -> dict[str, JSONValue]:
    return {key: pick(row, key) for key in keys} if keys else dict(row)
