"""New runs and projects: checked, sent once, and settled where the answer was lost."""

from __future__ import annotations

import logging
import secrets
import string
from typing import TYPE_CHECKING, Final

from wandb_runs.errors import InvalidArgumentError, NotFoundError, WandbRunsError
from wandb_runs.errors.suggest import describe, show
from wandb_runs.errors.text import as_message
from wandb_runs.graphql._generated import create_project, create_run
from wandb_runs.query.location import check_name
from wandb_runs.runs.changes.send import send_change
from wandb_runs.runs.project_base import fetch_project
from wandb_runs.runs.run_base import fetch_run

if TYPE_CHECKING:
    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.flow import Flow

__all__ = ["check_new_project", "check_new_run_id", "send_new_project", "send_new_run"]

_log = logging.getLogger("wandb_runs")

_ID_CHARACTERS: Final = string.digits + string.ascii_lowercase
_NOT_IN_IDS: Final = ":;,#?/'"
_NOT_IN_PROJECTS: Final = "/\\#?%:"
_LONGEST_PROJECT: Final = 128


def check_new_run_id(run_id: object) -> str:
    """Check the id of a run that is to be made, by the rule of W&B's SDK.

    Raises:
        InvalidArgumentError: It is none.

    >>> check_new_run_id("a;b")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: run_id must have none of : ; , # ? / ', got 'a;b'
    """
    return _check(run_id, "run_id", _NOT_IN_IDS)


def check_new_project(name: object, argument: str = "name") -> str:
    """Check the name of a project that is to be made, by the rule of W&B's SDK.

    Args:
        name: The name.
        argument: The argument that has it, for messages.

    Raises:
        InvalidArgumentError: It is none.
    """
    checked = _check(name, argument, _NOT_IN_PROJECTS)
    if len(checked) > _LONGEST_PROJECT:
        raise InvalidArgumentError(
            f"{argument} must have at most {_LONGEST_PROJECT} characters, got {len(checked)}"
        )
    return checked


def _check(value: object, what: str, forbidden: str) -> str:
    if not isinstance(value, str):
        raise InvalidArgumentError(f"{what} must be a str, got {describe(value)}")
    if not {*forbidden}.isdisjoint(value):
        raise InvalidArgumentError(
            f"{what} must have none of {' '.join(forbidden)}, got {show(value)}"
        )
    return check_name(value, what)


def send_new_run(entity: str, project: str, run_id: str | None) -> Flow[RunFields]:
    """Make a run, and read it.

    W&B would set the state of a run that is there, so that it is looked for first.

    Args:
        entity: The user or team that owns the project.
        project: The project's name.
        run_id: The run's id; None for a random one.

    Raises:
        InvalidArgumentError: There is such a run; nothing was changed.
        WandbRunsError: Another program made it at the same time.
    """
    path = f"{entity}/{project}/{run_id}"
    if run_id is None:
        run_id = "".join(secrets.choice(_ID_CHARACTERS) for _ in range(8))
        path = f"{entity}/{project}/{run_id}"
    elif (yield from _has_run(entity, project, run_id)):
        raise InvalidArgumentError(
            f"run {path!r} exists already, and was not changed; api.run({path!r}) reads it"
        )
    answer = yield from send_change(
        create_run(entity=entity, project=project, id=run_id, state="running"),
        f"run {path!r}: created",
        lambda: _has_run(entity, project, run_id),
    )
    payload = None if answer is None else answer.upsert_bucket
    if payload is not None and payload.inserted is False:
        raise WandbRunsError(
            f"run {path!r} was made by another program at the same time, and its state was set to "
            f"'running'; api.run({path!r}) reads it"
        )
    return (yield from fetch_run(entity, project, run_id))


def _has_run(entity: str, project: str, run_id: str) -> Flow[bool]:
    try:
        yield from fetch_run(entity, project, run_id)
    except NotFoundError:
        return False
    return True


def send_new_project(entity: str, name: str) -> Flow[tuple[str, str]]:
    """Make a project, unless it is there, which W&B leaves as it is.

    Returns:
        Its owner and its name, as the server tells them.
    """
    path = f"{entity}/{name}"
    answer = yield from send_change(
        create_project(entity=entity, project=name),
        f"project {path!r}: created, unless it was there",
        lambda: _has_project(entity, name),
    )
    payload = None if answer is None else answer.upsert_model
    if payload is not None and payload.inserted is False:
        _log.info("%s", as_message(f"project {path!r} was there already, and is as it was"))
    made = None if payload is None else payload.project
    if made is None:
        return entity, name
    return made.entity_name or entity, made.name or name


def _has_project(entity: str, name: str) -> Flow[bool]:
    try:
        yield from fetch_project(entity, name)
    except NotFoundError:
        return False
    return True
