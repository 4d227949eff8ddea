"""Which keys the runs of a project have: what the names that a caller wrote are compared with."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.errors import WandbRunsError
from wandb_runs.graphql._generated import list_fields, list_keys
from wandb_runs.graphql.documents import read_document
from wandb_runs.graphql.flow import ask
from wandb_runs.query.mentions import name_at, names_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from wandb_runs.graphql._generated import ListKeysProjectNamedEdges, ListKeysProjectRunsEdges
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.mentions import KeyMention, Name

__all__ = [
    "NAMED",
    "Documents",
    "KnownKeys",
    "known_keys",
    "names_of",
    "project_names",
    "read_documents",
]

_CHECKED: Final = 50
"""How many of the newest runs are checked."""

NAMED: Final = 10
"""Of how many of them all names are read, to suggest one."""

_MOST_NAMES: Final = 5000
"""The most names that are compared with a misspelt one."""


_LIST: Final = "list"
"""The type of a path with lists; what is in one has paths as what is in an object has."""

_FIELDS: Final = 1000
"""How many paths of a project a request asks for."""


class Documents(NamedTuple):
    """What one run holds, as it is stored.

    Attributes:
        config: The config, its values in their envelopes.
        summary: The summary.
    """

    config: Mapping[str, JSONValue]
    summary: Mapping[str, JSONValue]

    def have(self, mention: KeyMention) -> bool:
        """Whether the run has a value of what is mentioned."""
        return mention.is_in(self.config if mention.section == "config" else self.summary)


class KnownKeys(NamedTuple):
    """What is known of the keys of a project.

    Attributes:
        checked: How many runs were checked.
        missing: The mentions that none of them has.
        names: Names that they have; empty where those were not asked for.
    """

    checked: int
    missing: tuple[KeyMention, ...]
    names: Sequence[Name]

    def without(self, names: Sequence[Name]) -> KnownKeys:
        """It without the mentions of names that runs before these have."""
        missing = tuple(each for each in self.missing if not each.is_among(names))
        return self._replace(missing=missing)


def known_keys(
    entity: str, project: str, mentions: Sequence[KeyMention], *, has_names: bool
) -> Flow[KnownKeys | None]:
    """Look up which keys the newest runs of a project have; in one request, sent once.

    A source of names on any server: of up to 50 runs by creation, the values of these keys alone,
    and of ten of them the names of all.

    Args:
        entity: The user or team that owns the project.
        project: The project's name.
        mentions: The keys.
        has_names: Whether to ask for names to suggest, too.

    Returns:
        What is known; None where the server does not tell.
    """
    config = [key for each in mentions if each.section == "config" for key in each.keys]
    summary = [key for each in mentions if each.section == "summary" for key in each.keys]
    operation = list_keys(
        entity=entity,
        project=project,
        first=_CHECKED,
        config_keys=[*dict.fromkeys(config)],
        summary_keys=[*dict.fromkeys(summary)],
        has_config=bool(config),
        has_summary=bool(summary),
        named=NAMED,
        has_names=has_names,
    )
    try:
        found = (yield from ask(replace(operation, is_optional=True))).project
    except WandbRunsError:
        return None  # best effort: only a warning depends on it
    runs = None if found is None else found.runs
    if found is None or runs is None:
        return None
    documents = [*_documents(runs.edges or ())]
    missing = tuple(each for each in mentions if not any(run.have(each) for run in documents))
    named = (found.named.edges if found.named is not None else None) or ()
    return KnownKeys(len(documents), missing, names_of(_documents(named)))


def project_names(entity: str, project: str) -> Flow[list[Name]]:
    """The names that any run of a project has, where the server tells them.

    Sends a request for each 1000 names, up to as many as are compared with a misspelt one.

    Returns:
        The names; empty where the server does not tell.
    """
    types: dict[str, set[str | None]] = {}
    after: str | None = None
    for _ in range(_MOST_NAMES // _FIELDS):
        operation = list_fields(entity=entity, project=project, after=after, first=_FIELDS)
        try:
            found = (yield from ask(replace(operation, is_optional=True))).project
        except WandbRunsError:
            break  # best effort: only a warning depends on it
        page = None if found is None else found.fields
        if page is None:
            break
        for edge in page.edges or ():
            if edge is not None and edge.node is not None and edge.node.path is not None:
                types.setdefault(edge.node.path, set()).add(edge.node.kind)
        after = page.page_info.end_cursor if page.page_info is not None else None
        if page.page_info is None or not page.page_info.has_next_page or after is None:
            break
    lists = frozenset(path for path, kinds in types.items() if _LIST in kinds)
    names = (name_at(path, is_in_list=_is_below(path, lists)) for path in types)
    return [*dict.fromkeys(name for name in names if name is not None)]


def _is_below(path: str, lists: Collection[str]) -> bool:
    """Whether a path leads into a value that is a list in some run."""
    parts = path.split(".")
    return any(".".join(parts[:end]) in lists for end in range(1, len(parts)))


def names_of(runs: Iterable[Documents]) -> list[Name]:
    """The names that runs have, up to as many as are compared with a misspelt one."""
    names = (
        name
        for run in runs
        for name in (*names_in("config", run.config), *names_in("summary", run.summary))
    )
    return [*islice(dict.fromkeys(names), _MOST_NAMES)]


def read_documents(config: JSONValue, summary: JSONValue) -> Documents | None:
    """The config and the summary of a run, as they are stored; None where they are no objects."""
    try:
        return Documents(read_document(config, None), read_document(summary, None))
    except ValueError:
        return None  # the run itself says so, when it is touched


def _documents(
    edges: Iterable[ListKeysProjectRunsEdges | ListKeysProjectNamedEdges | None],
) -> Iterator[Documents]:
    for edge in edges:
        if edge is not None and edge.node is not None:
            documents = read_documents(edge.node.config, edge.node.summary_metrics)
            if documents is not None:
                yield documents
