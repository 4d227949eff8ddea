"""Location of projects, runs and sweeps: their paths, URLs, and errors where one is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote, urlsplit

from wandb_runs.errors import InvalidArgumentError, NotFoundError
from wandb_runs.errors.suggest import show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.keys import check_unicode

__all__ = [
    "APP_HOST",
    "APP_URL",
    "PathParts",
    "check_name",
    "missing_project",
    "missing_run",
    "missing_sweep",
    "page_url",
    "parse_path",
]


APP_HOST: Final = "forge.coreweave.com"
"""The host of the pages of W&B's own deployment."""

APP_URL: Final = f"https://{APP_HOST}/wandb"


@dataclass(frozen=True, slots=True, repr=False)
class PathParts(FieldsRepr):
    """The parts of a path; those that it leaves out are None.

    Attributes:
        entity: The user or team.
        project: The project.
        id: The run's or sweep's id, where the path names one.
    """

    entity: str | None
    project: str | None
    id: str | None = None


def check_name(value: object, what: str) -> str:
    """Check a name that is part of a path.

    Raises:
        InvalidArgumentError: Not a str, empty, with a slash, or with white space around it.
    """
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"{what} must be a str, got {type(value).__name__}; api.runs('entity/project') takes "
            "defaults from the environment"
        )
    if not value or value.strip() != value or "/" in value:
        raise InvalidArgumentError(
            f"{what} must be a name without slashes or white space around it, got {show(value)}"
        )
    check_unicode(f"{what}:", value)
    return value


def parse_path(path: object, *, kind: str | None = None) -> PathParts:
    """Split `entity/project`, or `entity/project/<id>` for a run or a sweep.

    Leading parts may be left out. The path of a URL (`entity/project/runs/<id>`) is accepted.

    Args:
        path: The path.
        kind: `run` or `sweep` for a path that ends in an id; None for a project's.

    Raises:
        InvalidArgumentError: Not a path; the message shows the right spelling.

    >>> parse_path("team/mnist")
    PathParts(entity='team', project='mnist', id=None)
    >>> parse_path("team/mnist/runs/1abc", kind="run").id
    '1abc'
    """
    expected = "entity/project" if kind is None else f"entity/project/{kind}_id"
    if not isinstance(path, str):
        raise InvalidArgumentError(
            f"path must be a str like {expected!r}, got {type(path).__name__}"
        )
    check_unicode("path:", path)
    if "://" in path:
        inside = unquote(urlsplit(path).path).strip("/")
        raise InvalidArgumentError(f"path must look like {expected!r}, got a URL; try {inside!r}")
    parts = path.split("/")
    most = 2 if kind is None else 3
    if kind is not None and len(parts) == most + 1 and parts[2] == f"{kind}s":
        del parts[2]
    if not all(part and part.strip() == part for part in parts):
        raise InvalidArgumentError(
            f"path must look like {expected!r}, got {path!r}, which has an empty part or white "
            "space around one"
        )
    if len(parts) > most:
        hint = "; for one run, use api.run(path)" if kind is None and len(parts) >= most else ""
        raise InvalidArgumentError(f"path must look like {expected!r}, got {path!r}{hint}")
    identifier = parts.pop() if kind is not None else None
    project = parts.pop() if parts else None
    entity = parts.pop() if parts else None
    return PathParts(entity, project, identifier)


def page_url(app_url: str, *parts: str) -> str:
    """The URL of a page of W&B's application.

    >>> page_url(APP_URL, "team", "my project", "runs", "1abc")
    'https://forge.coreweave.com/wandb/team/my%20project/runs/1abc'
    """
    return "/".join([app_url, *(quote(part, safe="", errors="surrogatepass") for part in parts)])


def missing_project(entity: str, project: str) -> NotFoundError:
    """The error for a missing project."""
    return NotFoundError(
        f"no project '{entity}/{project}', or the API key may not see it; check the spelling of "
        "entity and project, and the key"
    )


def missing_run(entity: str, project: str, run_id: str) -> NotFoundError:
    """The error for a missing run."""
    return NotFoundError(
        f"no run {run_id!r} in project '{entity}/{project}', or the API key may not see it; "
        "check the spelling (the id is the last part of the run's URL) and the key"
    )


def missing_sweep(entity: str, project: str, sweep_id: str) -> NotFoundError:
    """The error for a missing sweep."""
    return NotFoundError(
        f"no sweep {sweep_id!r} in project '{entity}/{project}', or the API key may not see it; "
        "check the spelling (the id is the last part of the sweep's URL) and the key"
    )
