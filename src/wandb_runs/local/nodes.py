"""Projects, runs and sweeps as resolvers read them; fields are fetched for a page at once."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from sqlalchemy import func, select

from wandb_runs.local.ids import storage_id
from wandb_runs.local.tables import documents, projects, runs, sweeps
from wandb_runs.local.where import Scope, state_at

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

__all__ = ["Project", "Run", "RunBatch", "Sweep", "iso"]

_T = TypeVar("_T")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def iso(microseconds: int) -> str:
    """Spell a time as W&B does.

    >>> iso(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    moment = _EPOCH + timedelta(microseconds=microseconds)
    return moment.replace(tzinfo=None).isoformat() + "Z"


def _values(row: RowMapping, node: type[Run | Sweep], **others: object) -> dict[str, Any]:
    """The columns that are fields of a node, with times spelled as W&B does, and other fields."""
    names = [field.name for field in fields(node) if field.name in row]
    values = {name: iso(row[name]) if name.endswith("_at") else row[name] for name in names}
    return values | others


def _last_active() -> ColumnElement[int]:
    heard = select(func.max(runs.c.heartbeat_at)).where(runs.c.project_id == projects.c.id)
    return func.coalesce(heard.scalar_subquery(), projects.c.created_at)


def _ranks(order: str | None) -> list[ColumnElement[Any]]:
    """What projects are ordered by: a sign and a name; without a sign descending, as runs."""
    given = order or ""
    ranked: dict[str, ColumnElement[Any]] = {
        "last_active": _last_active(),
        "name": projects.c.name,
    }
    listed = [projects.c.created_at, projects.c.id]
    column = ranked.get(given.lstrip("+-"))
    columns = listed if column is None else [column, *listed]
    return [each if given.startswith("+") else each.desc() for each in columns]


@dataclass(frozen=True, slots=True)
class Project:
    """A project, and the transaction that reads it."""

    row_id: int
    name: str
    entity_name: str
    created_at: str
    description: str | None
    scope: Scope

    @classmethod
    def find(cls, connection: Connection, entity: str, name: str, now: int) -> Project | None:
        """Find a project; None before anything is logged to it."""
        query = select(projects).where(projects.c.entity == entity, projects.c.name == name)
        return next(iter(cls._read(connection, query, now)), None)

    @classmethod
    def page(
        cls,
        connection: Connection,
        entity: str,
        offset: int,
        limit: int,
        now: int,
        order: str | None = None,
    ) -> list[Project]:
        """Read projects of an entity, by default the newest first."""
        query = select(projects).where(projects.c.entity == entity)
        ordered = query.order_by(*_ranks(order)).offset(offset).limit(limit)
        return cls._read(connection, ordered, now)

    @classmethod
    def _read(cls, connection: Connection, query: Select[Any], now: int) -> list[Project]:
        return [
            cls(
                row["id"],
                row["name"],
                row["entity"],
                iso(row["created_at"]),
                row["description"],
                Scope(connection, row["id"], now),
            )
            for row in connection.execute(query).mappings()
        ]

    @property
    def id(self) -> str:
        """The storage id."""
        return storage_id("Project", self.name, self.entity_name)

    @property
    def total_runs(self) -> int:
        """How many runs it has."""
        return self.scope.connection.execute(
            select(func.count()).where(runs.c.project_id == self.row_id)
        ).scalar_one()

    @property
    def last_active(self) -> str:
        """When one of its runs was last heard of, or it was made."""
        query = select(_last_active()).where(projects.c.id == self.row_id)
        return iso(self.scope.connection.execute(query).scalar_one())

    def runs(self, run_ids: Sequence[int]) -> list[Run]:
        """Read runs, in the order of their row ids given."""
        batch = RunBatch(self, run_ids)
        rows = self.scope.connection.execute(
            select(runs, state_at(self.scope.now).label("state_now")).where(runs.c.id.in_(run_ids))
        ).mappings()
        by_id = {
            row["id"]: Run(
                **_values(
                    row,
                    Run,
                    batch=batch,
                    row_id=row["id"],
                    tags=json.loads(row["tags"]),
                    exitcode=row["exit_code"],
                    stopped=bool(row["stopped"]),
                    state=row["state_now"],
                )
            )
            for row in rows
        }
        return [by_id[run_id] for run_id in run_ids]

    def run(self, name: str) -> Run | None:
        """Read one run; None if there is none with that id."""
        row_id = self.scope.connection.scalar(
            select(runs.c.id).where(runs.c.project_id == self.row_id, runs.c.name == name)
        )
        return None if row_id is None else self.runs([row_id])[0]

    def sweep(self, name: str) -> Sweep | None:
        """Read one sweep; None if there is none with that id."""
        return next(iter(self.sweeps(name)), None)

    def sweeps(self, name: str | None = None) -> list[Sweep]:
        """Read the project's sweeps, oldest first."""
        query = select(sweeps).where(sweeps.c.project_id == self.row_id).order_by(sweeps.c.id)
        if name is not None:
            query = query.where(sweeps.c.name == name)
        return [
            Sweep(**_values(row, Sweep, project=self))
            for row in self.scope.connection.execute(query).mappings()
        ]


class RunBatch:
    """The runs of a page, whose fields are fetched together.

    GraphQL resolves the same fields for each run of a page in turn. The first run's resolver
    fetches for all of them: a page costs one SQL query per field, not one per run.
    """

    def __init__(self, project: Project, run_ids: Sequence[int]) -> None:
        self.project = project
        self.run_ids = run_ids
        self._fetched: dict[Hashable, object] = {}

    def once(self, key: Hashable, fetch: Callable[[Connection, Sequence[int]], _T]) -> _T:
        """Fetch something for all runs, with the first call for it."""
        if key not in self._fetched:
            self._fetched[key] = fetch(self.project.scope.connection, self.run_ids)
        return cast("_T", self._fetched[key])

    def document(self, name: str, run_id: int) -> str | None:
        """Read one of a run's documents, as it is stored."""
        column = documents.c[name]

        def fetch(connection: Connection, run_ids: Sequence[int]) -> dict[int, str | None]:
            query = select(documents.c.run_id, column).where(documents.c.run_id.in_(run_ids))
            return {row.run_id: row[1] for row in connection.execute(query).all()}

        return self.once(name, fetch)[run_id]


@dataclass(frozen=True, slots=True)
class Run:
    """A run: its short fields, and the batch that fetches the long ones."""

    batch: RunBatch
    row_id: int
    name: str
    display_name: str | None
    state: str
    created_at: str
    updated_at: str
    heartbeat_at: str
    tags: list[str]
    group: str | None
    job_type: str | None
    notes: str | None
    description: str | None
    commit: str | None
    host: str | None
    sweep_name: str | None
    username: str | None
    exitcode: float | None
    history_line_count: int
    events_line_count: int
    stopped: bool

    @property
    def project(self) -> Project:
        """The run's project."""
        return self.batch.project

    @property
    def id(self) -> str:
        """The storage id."""
        return storage_id("Run", self.name, self.project.name, self.project.entity_name)


@dataclass(frozen=True, slots=True)
class Sweep:
    """A sweep."""

    project: Project
    name: str
    display_name: str | None
    description: str | None
    config: str
    state: str
    created_at: str
    updated_at: str

    @property
    def id(self) -> str:
        """The storage id."""
        return storage_id("Sweep", self.name, self.project.name, self.project.entity_name)

    @property
    def run_count(self) -> int:
        """How many runs it has started."""
        return self.project.scope.connection.execute(
            select(func.count()).where(
                runs.c.project_id == self.project.row_id, runs.c.sweep_name == self.name
            )
        ).scalar_one()
