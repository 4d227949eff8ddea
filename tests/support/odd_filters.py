"""Faults of servers that refuse filters, or read them in their own way."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from wandb_runs.testing import Fault
from wandb_runs.testing.paging import PageFault

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.local.faults import Answer, Answering, GraphQLRequest, Reading
    from wandb_runs.local.nodes import Run
    from wandb_runs.local.pages import Page, PageRequest

__all__ = [
    "NullRun",
    "OddFilters",
    "Refuses",
    "Rewritten",
    "cut_to_days",
    "left_out_ignored",
    "moved_by",
    "nothing_created",
    "without",
]


def _changed(condition: object, change: Callable[[str, object], object]) -> object:
    """A filter whose conditions on fields were changed; None drops one."""
    if isinstance(condition, list):
        parts = [_changed(each, change) for each in cast("list[object]", condition)]
        return [each for each in parts if each]
    if not isinstance(condition, dict):
        return condition
    made: dict[str, object] = {}
    for key, value in cast("dict[str, object]", condition).items():
        new = _changed(value, change) if key.startswith("$") else change(key, value)
        if new is not None and new != []:
            made[key] = new
    return made


@dataclass(frozen=True)
class OddFilters(Fault):
    """A server that reads conditions on fields in its own way.

    Attributes:
        change: Given a field and the condition on it, returns how the server reads it.
        names: The variables that hold filters.
    """

    change: Callable[[str, object], object]
    names: tuple[str, ...] = ("filters", "moved")

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        variables = dict(request.variables)
        for name in self.names:
            text = variables.get(name)
            if isinstance(text, str):
                variables[name] = json.dumps(_changed(json.loads(text), self.change))
        return answer(replace(request, variables=variables))


@dataclass(frozen=True)
class Refuses(Fault):
    """A server that refuses filters that hold a text.

    Attributes:
        text: The text.
        fault: How it refuses.
    """

    text: str
    fault: Fault

    @override
    def concerns(self, request: GraphQLRequest) -> bool:
        return any(self.text in str(request.variables.get(name)) for name in ("filters", "moved"))

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return self.fault.strike(request, answer)


@dataclass(frozen=True)
class Rewritten(Fault):
    """An answer whose text is changed."""

    pattern: bytes
    to: bytes

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        given = answer(request)
        return replace(given, body=re.sub(self.pattern, self.to, given.body))


@dataclass(frozen=True)
class NullRun(PageFault):
    """Pages in which one run is always null.

    Attributes:
        run_id: Its id.
    """

    run_id: str

    @override
    def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
        page = read(asked)
        edges = [
            replace(edge, node=None)
            if edge and edge.node and edge.node.name == self.run_id
            else edge
            for edge in page.edges
        ]
        return replace(page, edges=edges)


def moved_by(**by: float) -> Callable[[str, object], object]:
    """The instants of a filter read as later ones."""

    def change(field: str, value: object) -> object:
        if field != "createdAt":
            return value
        given = cast("dict[str, str]", value)
        return {
            operator: (datetime.fromisoformat(text) + timedelta(**by)).isoformat()
            for operator, text in given.items()
        }

    return change


def cut_to_days(field: str, value: object) -> object:
    if field != "createdAt":
        return value
    given = cast("dict[str, str]", value)
    return {operator: f"{text[:10]}T00:00:00Z" for operator, text in given.items()}


def without(name: str) -> Callable[[str, object], object]:
    """Filters without the conditions on one field."""
    return lambda field, value: None if field == name else value


def nothing_created(field: str, value: object) -> object:
    return {"$lt": "1970-01-01T00:00:00Z"} if field == "createdAt" else value


def left_out_ignored(field: str, value: object) -> object:
    return None if field == "name" and "$nin" in cast("dict[str, object]", value) else value
