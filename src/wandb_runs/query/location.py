"""Location of projects, runs and sweeps: their paths, URLs, and errors where one is missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast
from urllib.parse import quote, unquote, urlsplit

from wandb_runs.errors import InvalidArgumentError, NotFoundError
from wandb_runs.errors.suggest import describe, show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.keys import check_unicode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "APP_HOST",
    "APP_URL",
    "Kind",
    "PathParts",
    "check_ids",
    "check_name",
    "is_page_of",
    "kind_of_path",
    "missing_project",
    "missing_run",
    "missing_sweep",
    "page_url",
    "parse_path",
]


APP_HOST: Final = "forge.coreweave.com"
"""The host of the pages of W&B's own deployment."""

APP_URL: Final = f"https://{APP_HOST}/wandb"

Kind: TypeAlias = Literal["project", "run", "sweep"]
"""What a path names."""

_KINDS: Final[Mapping[str, Kind]] = {"runs": "run", "sweeps": "sweep"}
"""The words before an id."""

_FORMS: Final[Mapping[Kind, str]] = {
    "project": "entity/project",
    "run": "entity/project/run_id",
    "sweep": "entity/project/sweep_id",
}

_INSTEAD: Final[Mapping[Kind, str]] = {
    "project": "its runs are api.runs({})",
    "run": "for one run, use api.run({})",
    "sweep": "for a sweep, use api.sweep({}), which has its runs",
}
"""What to write for something else than was expected."""

_LONGEST: Final = 3
"""The names in a path that has no word before its id."""

_PAGE_HOSTS: Final = (APP_HOST, "wandb.ai", "www.wandb.ai", "app.wandb.ai")
"""Hosts of W&B's pages, which are recognized without `https://` in front."""

_PROJECT_PAGES: Final = frozenset(
    {
        "artifacts",
        "automations",
        "jobs",
        "overview",
        "reports",
        "runs",
        "sweeps",
        "table",
        "workspace",
    }
)
"""Pages of a project, which show all of it."""


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


def check_ids(ids: object) -> tuple[str, ...]:
    """Check the ids of runs, and leave out what comes twice.

    Raises:
        InvalidArgumentError: Not a list or tuple of ids.

    >>> check_ids("r1")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: ids is a list of run ids; write ids=['r1']
    >>> check_ids(["r2", "r1", "r2"])
    ('r2', 'r1')
    """
    if isinstance(ids, str):
        raise InvalidArgumentError(f"ids is a list of run ids; write ids=[{show(ids)}]")
    if not isinstance(ids, list | tuple):
        raise InvalidArgumentError(f"ids is a list of run ids, got {describe(ids)}")
    given = cast("Sequence[object]", ids)
    for index, each in enumerate(given):
        if not isinstance(each, str) or not each or "/" in each:
            last = each.strip("/").rpartition("/")[2] if isinstance(each, str) else ""
            hint = f"; write {show(last)}" if last else ""
            raise InvalidArgumentError(
                f"ids[{index}] is the id of a run, the last part of its URL; got "
                f"{describe(each)}{hint}"
            )
        check_unicode(f"ids[{index}]:", each)
    return tuple(dict.fromkeys(cast("Sequence[str]", given)))


def parse_path(path: object, *, kind: Kind = "project", app_url: str = APP_URL) -> PathParts:
    """Split `entity/project`, or `entity/project/<id>` for a run or a sweep.

    Leading parts may be left out, and slashes and white space may surround the path. What W&B's
    App shows is accepted as well: `/entity/project/runs/<id>`, `entity/project:<id>`, and the
    URLs of its pages, on any host. `runs` or `sweeps` before an id is such a word, no project.

    Args:
        path: The path.
        kind: What the path is to name: a project, a run or a sweep.
        app_url: Where the pages of the server are, which may be below a path of a host.

    Raises:
        InvalidArgumentError: Not such a path; the message shows the right spelling.

    >>> parse_path("team/mnist")
    PathParts(entity='team', project='mnist', id=None)
    >>> parse_path("/team/mnist/runs/1abc", kind="run").id
    '1abc'
    >>> parse_path("https://forge.coreweave.com/wandb/team/mnist/sweeps/9/table", kind="sweep")
    PathParts(entity='team', project='mnist', id='9')
    """
    shown, parts, is_url = _split(path, _FORMS[kind], app_url)
    located = _of_page(parts) if is_url else _of_path(parts, kind)
    if located is None:
        raise _refusal(_FORMS[kind], shown, parts)
    found, names = located
    if found != kind:
        spelled = [names.entity, names.project, f"{found}s" if names.id else None, names.id]
        right = show("/".join(part for part in spelled if part))
        raise InvalidArgumentError(
            f"path must look like {_FORMS[kind]!r}, got {shown}, which names a {found}; "
            f"{_INSTEAD[found].format(right)}"
        )
    return names


def kind_of_path(path: object, *, app_url: str = APP_URL) -> Kind:
    """What a path names: `team/mnist` a project, `team/mnist/1abc` a run.

    Args:
        path: A path or URL that `parse_path` accepts.
        app_url: Where the pages of the server are.

    Raises:
        InvalidArgumentError: No path of a project, a run or a sweep.

    >>> kind_of_path("team/mnist"), kind_of_path("team/mnist:1abc")
    ('project', 'run')
    """
    form = "entity/project/runs/run_id"
    shown, parts, is_url = _split(path, form, app_url)
    has_id = len(parts) == _LONGEST or ":" in parts[-1] or (len(parts) > 1 and parts[0] in _KINDS)
    located = _of_page(parts) if is_url else _of_path(parts, "run" if has_id else "project")
    if located is None:
        raise _refusal(form, shown, parts)
    return located[0]


def is_page_of(url: str, app_url: str) -> bool:
    """Whether a URL may be one of these pages: their host is its own, by any of its names."""
    host, own = (urlsplit(each).netloc.rpartition("@")[2].lower() for each in (url, app_url))
    return host == own or (host in _PAGE_HOSTS and own in _PAGE_HOSTS)


def _split(path: object, form: str, app_url: str) -> tuple[str, list[str], bool]:
    """A path as messages show it, its parts, and whether it is a URL."""
    if not isinstance(path, str):
        raise InvalidArgumentError(f"path must be a str like {form!r}, got {type(path).__name__}")
    check_unicode("path:", path)
    text = path.strip().strip("/").strip()
    has_scheme = "://" in text
    if has_scheme or text.partition("/")[0].lower() in _PAGE_HOSTS:
        shown, parts = _parts_of_url(text if has_scheme else f"https://{text}", app_url)
        if not parts:
            raise _refusal(form, f"{shown}, which is no page of a project, a run or a sweep", [])
        return shown, parts, True
    parts = text.split("/")
    if not all(part and part.strip() == part for part in parts):
        right = "/".join(part.strip() for part in parts if part.strip())
        raise InvalidArgumentError(
            f"path must look like {form!r}, got {show(path)}, which has an empty part or white "
            f"space around one{f'; write {show(right)}' if right else ''}"
        )
    return show(path), parts, False


def _parts_of_url(url: str, app_url: str) -> tuple[str, list[str]]:
    """The URL of a page as messages show it, and the parts of its path; none for another URL."""
    try:
        address = urlsplit(url)
        parts = [unquote(part, errors="strict") for part in address.path.strip("/").split("/")]
    except ValueError:  # of which UnicodeError is one
        return "a URL that cannot be read", []
    # Without credentials, and without a query, which may hold a token.
    host = address.netloc.rpartition("@")[2].lower()
    shown = show(f"{address.scheme}://{host}{address.path}")
    for pages in (urlsplit(APP_URL), urlsplit(app_url)):
        if pages.netloc.lower() == host:
            prefix = [part for part in pages.path.split("/") if part]
            if parts[: len(prefix)] != prefix:
                return shown, []
            parts = parts[len(prefix) :]
            break
    is_page = all(part and part.strip() == part and "/" not in part for part in parts[:2])
    return shown, parts if is_page else []


def _of_page(parts: list[str]) -> tuple[Kind, PathParts] | None:
    """What the path of a page names, and where that is; None for any other path."""
    match parts:
        case [entity, project, "runs" | "sweeps" as word, identifier, *_] if identifier:
            # A tab of the page may follow.
            return _KINDS[word], PathParts(entity, project, identifier)
        case [entity, project]:
            return "project", PathParts(entity, project)
        case [entity, project, page] if page in _PROJECT_PAGES:
            return "project", PathParts(entity, project)
        case _:
            return None


def _of_path(parts: list[str], kind: Kind) -> tuple[Kind, PathParts] | None:
    """What a path names that is to name such a thing, and where that is; None for no path."""
    if len(parts) > _LONGEST or (kind == "project" and len(parts) > 1):
        located = _of_page(parts)
        return ("run", PathParts(*parts)) if located is None and len(parts) == _LONGEST else located
    match parts:
        case [project] if kind == "project":
            return kind, PathParts(None, project)
        case [*names, "runs" | "sweeps" as word, identifier]:
            return _KINDS[word], PathParts(None, names[0] if names else None, identifier)
        case [*names, last] if len(names) < _LONGEST - 1 and ":" in last:
            # As Docker separates a tag; no name of a project has a colon.
            project, _, identifier = last.partition(":")
            is_split = all(part and part.strip() == part for part in (project, identifier))
            entity = names[0] if names else None
            return (kind, PathParts(entity, project, identifier)) if is_split else None
        case _:
            padded = [None, None, *parts]
            return kind, PathParts(padded[-3], padded[-2], parts[-1])


def _refusal(form: str, shown: str, parts: list[str]) -> InvalidArgumentError:
    match parts:
        case [_, _, "reports", *_]:
            hint = "; reports are not supported"
        case [host, *_] if "." in host:
            hint = "; a URL begins with https:// or http://"
        case [entity, project, _, *_]:
            hint = f"; write {show(f'{entity}/{project}')} for the project"
        case _:
            hint = ""
    return InvalidArgumentError(f"path must look like {form!r}, got {shown}{hint}")


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
