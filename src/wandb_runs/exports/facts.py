"""What an export keeps of runs and files, to tell what has changed since."""

from __future__ import annotations

import json
from typing import ClassVar, Final, Literal, TypeAlias, get_args

from pydantic import BaseModel, ConfigDict

__all__ = [
    "FORMAT",
    "KINDS",
    "FileFacts",
    "Kind",
    "Manifest",
    "PartFacts",
    "Query",
    "RunFacts",
    "RunStatus",
]

FORMAT: Final = 1
"""The version of the layout: a later one is refused by older versions of this package."""

Kind: TypeAlias = Literal["histories", "system"]
"""What rows of runs there are: metrics, and machine metrics."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

RunStatus: TypeAlias = Literal["complete", "live", "failed", "deleted"]
"""What a run's rows are: all, those so far of one that may log more, not all that could be read,
or those of a run that is listed no more."""


_DTYPES: Final = "schema"
"""What callers call the dtypes of a query."""


class _Facts(BaseModel):
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class RunFacts(_Facts):
    """A run in a part.

    Attributes:
        id: The run's id.
        heartbeat: When it last logged, as the listing said before its rows were read.
        lines: How many rows it had logged then, likewise.
        rows: How many rows the part has of it.
        error: Why its rows could not be read; None where they were.
    """

    id: str
    heartbeat: str | None
    lines: int | None
    rows: int
    error: str | None = None


class PartFacts(_Facts):
    """What a part says of itself, within its file.

    Attributes:
        format: The version of the layout.
        generation: Another one whenever the file is written.
        runs: The runs whose rows it has, those without rows among them.
    """

    format: Literal[1] = FORMAT
    generation: str
    runs: tuple[RunFacts, ...]

    def same(self, _: object) -> tuple[RunFacts, ...]:
        """The runs, whatever is counted."""
        return self.runs


class FileFacts(_Facts):
    """A file of the dataset.

    Attributes:
        name: Its path below the folder, with slashes.
        generation: That of a part; empty for others.
        rows: How many rows it has.
        size: Its size in bytes.
        sha256: Its digest, in hexadecimal digits.
        runs: How many rows it has of which run.
    """

    name: str
    generation: str
    rows: int
    size: int
    sha256: str
    runs: dict[str, int]


class Query(_Facts):
    """What is exported: an export goes on with the same alone.

    Attributes:
        server: The server's base URL.
        project: The project's name.
        entity: The user or team that was named, or the key's own.
        filters: The filter, as JSON.
        keys: The metrics; None for all.
        system: Whether machine metrics are exported.
        dtypes: Those that the caller chose for columns of histories, by name, or `json`; None in
            manifests of before these were kept, which nothing is compared with.
    """

    server: str
    project: str
    entity: str
    filters: str
    keys: tuple[str, ...] | None
    system: bool
    dtypes: dict[str, str] | None = None

    def differences(self, other: Query) -> list[str]:
        """How it differs from another one, a phrase for each field."""
        here, there = self._canonical(), other._canonical()
        if self.dtypes is None or other.dtypes is None:
            here[_DTYPES] = there[_DTYPES]
        return [
            f"{name} {here[name]}, not {there[name]}" for name in here if here[name] != there[name]
        ]

    def _canonical(self) -> dict[str, str]:
        """The same for queries that choose the same runs and rows, by the names of fields."""
        keys = "all" if self.keys is None else json.dumps(sorted({*self.keys}))
        return {
            "server": self.server,
            "project": self.project,
            "entity": self.entity,
            "filters": json.dumps(json.loads(self.filters), sort_keys=True),
            "keys": keys,
            "system": str(self.system),
            _DTYPES: json.dumps(self.dtypes or {}, sort_keys=True),
        }


class Manifest(_Facts):
    """What the dataset holds.

    Attributes:
        format: The version of the layout.
        query: What is exported.
        is_complete: Whether the last export came to its end and every run was read.
        exported_at: When it ended, as ISO 8601; None while one is under way, or after one that
            was ended.
        files: The files of rows.
        statuses: What each run's rows are, by its id.
        errors: Why the rows of runs could not be read, by their ids, and why files of runs could
            not be had, by the run's id, a slash and the file's name.
        refused: Why files have names under which nothing is written, by the same; later exports
            tell of them no more.
        lost: The ids of runs that are not in the dataset as they were, by the damaged file, below
            the folder, that is kept with what it has of them.
    """

    format: Literal[1] = FORMAT
    query: Query
    is_complete: bool = False
    exported_at: str | None = None
    files: tuple[FileFacts, ...] = ()
    statuses: dict[str, RunStatus] = {}
    errors: dict[str, str] = {}
    refused: dict[str, str] = {}
    lost: dict[str, tuple[str, ...]] = {}
