"""`fetch_updated`: the change of one run, from reading it to reading it back."""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from wandb_runs.errors import (
    BadResponseError,
    GraphQLError,
    InvalidArgumentError,
    UpdateConflictError,
)
from wandb_runs.graphql._generated import modify_runs, update_run
from wandb_runs.runs.changes.arguments import Update
from wandb_runs.runs.changes.documents import DocumentChange
from wandb_runs.runs.changes.send import send_change
from wandb_runs.runs.run_base import fetch_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.changes.documents import Part
    from wandb_runs.transport.server import KnownServer

__all__ = [
    "LOGGING",
    "MOST_WRITES",
    "Target",
    "check_readable",
    "fetch_updated",
    "is_updated",
    "shows",
]

T = TypeVar("T")

MOST_WRITES: Final = 5
"""How many times a change is written that other programs overwrite."""

_FIELDS: Final = {"config": "config", "summary": "summaryMetrics"}

LOGGING: Final = frozenset({"running", "preempting"})
"""The states in which a program logs; a pending run has none yet."""


class Target(NamedTuple):
    """The run that changes, and what is known of it.

    Attributes:
        where: Entity, project and id.
        server: What is known of the server.
        check: Checks a config or a summary before it is written; raises where it must not be.
        look: Looks at the run before anything is written; raises where nothing must be.
    """

    where: tuple[str, str, str]
    server: KnownServer
    check: Callable[[Part, str], object]
    look: Callable[[RunFields], object] = bool  # which raises nothing

    @property
    def path(self) -> str:
        """Entity, project and id, joined by slashes."""
        return "/".join(self.where)


class _Write(NamedTuple):
    """What one mutation writes.

    Attributes:
        tags: All tags; None leaves them.
        config: The whole config; None leaves it.
        summary: The whole summary, likewise.
    """

    tags: list[str] | None
    config: str | None
    summary: str | None

    def __bool__(self) -> bool:
        return any(each is not None for each in self)

    def text_of(self, part: Part) -> str | None:
        """The document, whole; None where it stays."""
        return self.config if part == "config" else self.summary


def fetch_updated(target: Target, update: Update, *, force: bool = False) -> Flow[RunFields]:
    """Change a run, and return what it is afterwards.

    What is not to change is not sent. Config and summary, which W&B replaces as a whole, are read,
    changed, written and read back; a change that another program's write has taken away is written
    again.

    Args:
        target: The run.
        update: What changes.
        force: Whether to change a run that is still logging.

    Raises:
        InvalidArgumentError: The run is still logging; nothing was changed.
        NotFoundError: The run is gone.
        UpdateConflictError: Other programs overwrote the change, again and again.
        WandbRunsError: What else may fail; see `send_change`.
    """
    fields = yield from fetch_run(*target.where)
    check_readable(target.server, update, force=force)
    if fields.state in LOGGING and not force:
        raise InvalidArgumentError(
            f"run {target.path!r} is {fields.state}: its program sends its own values with each "
            "change, and would overwrite these. Wait (run.wait_until_finished()), or pass "
            "force=True. Nothing was changed"
        )
    target.look(fields)
    write, texts = _plan(target, update, fields, rest=update.names, adds_tags=False), update.texts
    modifies_tags, tags_alone = _changes_tags(update, fields), True
    if not (write or texts or modifies_tags):
        return fields  # it is as it is to be
    lost = update.names
    for count in range(MOST_WRITES):
        if count > 0:
            texts, modifies_tags = {}, tags_alone and "tags" in lost
            write = _plan(target, update, fields, rest=lost, adds_tags=True)
            if modifies_tags:
                write = write._replace(tags=None)
        if write or texts:
            yield from _send(target, update, fields, write, texts)
        if modifies_tags:
            tags_alone = yield from _modify_tags(target, update)
        fields = yield from fetch_run(*target.where)
        lost = _missing_in(target, update, fields)
        if not lost:
            return fields
    raise UpdateConflictError(
        f"other programs overwrote {', '.join(lost)} of run {target.path!r}, which was written "
        f"{MOST_WRITES} times; try again when they are done",
        path=target.path,
        lost=lost,
    )


def check_readable(server: KnownServer, update: Update, *, force: bool) -> None:
    """Check, once a run was read, that all was read of it that a change needs.

    Args:
        server: What is known of the server.
        update: What changes.
        force: Whether to change a run that is still logging.

    Raises:
        UnsupportedByServerError: The server lacks what is to be written as a whole, all the rest
            of which would be lost; or the state, by which it is known whether a run is logging.
    """
    needed = [
        (f"a change of a {each.part}", f"Run.{_FIELDS[each.part]}") for each in update.documents
    ]
    if update.add_tags or update.remove_tags:
        needed.append(("a change of single tags", "Run.tags"))
    if not force:
        needed.append(("a change without force=True", "Run.state"))
    for what, coordinate in needed:
        if server.lacks(coordinate):
            raise server.unsupported(what, (coordinate,))


def _modify_tags(target: Target, update: Update) -> Flow[bool]:
    """Add and remove tags by the mutation for that, which others' tags are safe from.

    Returns:
        Whether the server can do it. Where it cannot, or not so, the tags are to be written as a
        whole when they are read back without the change.
    """
    if target.server.lacks("Mutation.modifyRuns"):
        return False
    entity, project, run_id = target.where
    tags = Update(add_tags=update.add_tags, remove_tags=update.remove_tags)
    mutation = modify_runs(
        entity=entity,
        project=project,
        ids=[run_id],
        add_tags=update.add_tags or None,
        remove_tags=update.remove_tags or None,
    )
    try:
        answer = yield from send_change(
            mutation, f"run {target.path!r}: tags", partial(is_updated, target, tags)
        )
    except GraphQLError:
        return False
    if answer is None:
        return True  # it was lost, and the tags were read back
    changed = (answer.modify_runs.runs if answer.modify_runs is not None else None) or ()
    return any(run is not None and run.id == run_id for run in changed)


def _send(
    target: Target, update: Update, fields: RunFields, write: _Write, texts: Mapping[str, str]
) -> Flow[None]:
    names = [*texts, *(["tags"] if write.tags is not None else [])]
    for each in update.documents:
        if write.text_of(each.part) is not None:
            names += each.names
    mutation = update_run(
        storage_id=_storage_id_of(target, fields),
        name=texts.get("name"),
        notes=texts.get("notes"),
        group=texts.get("group"),
        job_type=texts.get("job_type"),
        tags=write.tags,
        config=write.config,
        summary=write.summary,
    )
    yield from send_change(
        mutation, f"run {target.path!r}: {', '.join(names)}", partial(is_updated, target, update)
    )


def is_updated(target: Target, update: Update) -> Flow[bool]:
    """Whether a run is as it is to be."""
    return shows(target, update, (yield from fetch_run(*target.where)))


def shows(target: Target, update: Update, fields: RunFields) -> bool:
    """Whether a run that was read is as it is to be.

    Raises:
        BadResponseError: Its config or summary cannot be read.
    """
    held = {
        "name": fields.name,
        "notes": fields.notes,
        "group": fields.group,
        "job_type": fields.job_type,
    }
    has_texts = all((held[name] or "") == text for name, text in update.texts.items())
    has_tags = update.tags is None or {*update.tags} == {*_tags_of(fields)}
    return has_texts and has_tags and not _missing_in(target, update, fields)


def _plan(
    target: Target, update: Update, fields: RunFields, *, rest: Sequence[str], adds_tags: bool
) -> _Write:
    """What is to be written as a whole, by what the run holds now.

    Args:
        target: The run.
        update: What changes.
        fields: What the run holds now.
        rest: What of the change is not done.
        adds_tags: Whether tags are to be added and removed that way.
    """
    tags = None if update.tags is None or adds_tags else [*update.tags]
    if adds_tags and "tags" in rest:
        tags = update.tags_of(_tags_of(fields))
    texts: dict[Part, str] = {}
    for each in update.documents:
        if any(name in rest for name in each.names):
            stored = _text_of(each.part, fields)
            changed = _read(target, each.part, each.applied_to, stored)
            if changed != DocumentChange(each.part, {}).applied_to(stored):
                target.check(each.part, changed)
                texts[each.part] = changed
    return _Write(tags, texts.get("config"), texts.get("summary"))


def _changes_tags(update: Update, fields: RunFields) -> bool:
    """Whether a tag that is to be added or removed is not."""
    present = _tags_of(fields)
    return update.tags_of(present) != present


def _missing_in(target: Target, update: Update, fields: RunFields) -> list[str]:
    """What of a change is missing in what another program may have overwritten."""
    missing: list[str] = []
    if _changes_tags(update, fields):
        missing.append("tags")
    for each in update.documents:
        missing += _read(target, each.part, each.missing_in, _text_of(each.part, fields))
    return missing


def _read(target: Target, part: Part, read: Callable[[str | None], T], text: str | None) -> T:
    try:
        return read(text)
    except ValueError as error:
        raise BadResponseError(
            f"the server's {_FIELDS[part]} of run {target.path!r} is {error}: what stands beside "
            "the change could not be kept, and it was not made",
            status=HTTPStatus.OK,
        ) from error


def _text_of(part: Part, fields: RunFields) -> str | None:
    return fields.config if part == "config" else fields.summary_metrics


def _tags_of(fields: RunFields) -> list[str]:
    return [tag for tag in fields.tags or () if tag is not None]


def _storage_id_of(target: Target, fields: RunFields) -> str:
    if fields.storage_id is None:
        raise BadResponseError(
            f"the server's id of run {target.path!r} is null, without which nothing can be changed",
            status=HTTPStatus.OK,
        )
    return fields.storage_id
