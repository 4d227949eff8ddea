"""How files of a run are listed: the request, and what an answer says of each."""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from wandb_runs.errors import BadResponseError, InvalidArgumentError, NotFoundError
from wandb_runs.errors.suggest import describe, nearest
from wandb_runs.errors.text import FieldsRepr, excerpt
from wandb_runs.graphql._generated import list_files
from wandb_runs.graphql.flow import ask
from wandb_runs.query.keys import check_unicode
from wandb_runs.query.location import missing_run
from wandb_runs.transport.options import check_count
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql._generated import RunFileFields
    from wandb_runs.graphql.flow import Flow

__all__ = [
    "FileFacts",
    "FilePage",
    "FileQuery",
    "RunPath",
    "check_name",
    "check_names",
    "check_path",
    "check_pattern",
    "check_query",
    "fetch_file",
    "fetch_files",
    "fetch_page",
]

_MOST: Final = 1000
"""Files of a request at most."""


class RunPath(NamedTuple):
    """A run.

    Attributes:
        entity: The owner of its project.
        project: The project's name.
        run_id: The run's id.
    """

    entity: str
    project: str
    run_id: str

    @property
    def shown(self) -> str:
        """The run, for messages."""
        return repr("/".join(self))


@dataclass(frozen=True, slots=True, repr=False)
class FileFacts(FieldsRepr):
    """What the server says of a file; its addresses, which may be signed, are shown by nothing.

    Attributes:
        name: The path below the run's folder.
        storage_id: What W&B's database calls it.
        address: Where to get it with the key.
        direct_address: Where to get it without.
        size: How many bytes it has.
        mimetype: What kind of file it is.
        updated_at: When it was last sent.
        md5: The digest of its content, in base 64.
        project_number: The number of its project.
    """

    name: str
    storage_id: str | None
    address: Address | None
    direct_address: Address | None
    size: int | None
    mimetype: str | None
    updated_at: str | None
    md5: str | None
    project_number: int | None

    @property
    def digest(self) -> str | None:
        """The digest, if it is one that a content can be compared with."""
        try:
            is_md5 = len(base64.b64decode(self.md5 or "", validate=True)) == 16  # noqa: PLR2004 - bytes of MD5
        except (binascii.Error, ValueError):
            return None
        return self.md5 if is_md5 else None

    def without_addresses(self) -> FileFacts:
        """The same, for a pickle: addresses are asked for again where it lands."""
        return replace(self, address=None, direct_address=None)


class FileQuery(NamedTuple):
    """Which files of a run are asked for, as it was checked.

    Attributes:
        run: The run.
        names: Their names; None for all.
        pattern: A pattern of SQL's LIKE that their names match; None for all.
        per_page: How many are asked for at once.
    """

    run: RunPath
    names: tuple[str, ...] | None = None
    pattern: str | None = None
    per_page: int = 50


class FilePage(NamedTuple):
    """A page of files.

    Attributes:
        files: The files.
        after: Where the next page begins; None where none follows.
    """

    files: Sequence[FileFacts]
    after: str | None


def check_query(run: RunPath, names: object, pattern: object, per_page: object) -> FileQuery:
    """Check the arguments of `run.files`.

    Raises:
        InvalidArgumentError: One of them cannot be right.
    """
    check_count("per_page", per_page, least=1)
    checked_names = None if names is None else check_names("names", names)
    if pattern is None:
        checked_pattern = None
    elif names is not None:
        raise InvalidArgumentError("pass names= or pattern=, not both")
    else:
        checked_pattern = check_pattern(pattern)
    assert isinstance(per_page, int)  # noqa: S101 - as it was checked
    return FileQuery(run, checked_names, checked_pattern, min(per_page, _MOST))


def check_pattern(pattern: object) -> str:
    """Check a pattern of SQL's LIKE.

    Raises:
        InvalidArgumentError: It is none, or one of a shell.
    """
    if not isinstance(pattern, str) or not pattern:
        raise InvalidArgumentError(
            f"pattern is a text in which % stands for any characters, got {describe(pattern)}"
        )
    check_unicode("pattern is a text;", pattern)
    if "*" in pattern and "%" not in pattern:
        instead = pattern.replace("*", "%")
        raise InvalidArgumentError(
            f"pattern {pattern!r} is one of a shell; in SQL's LIKE, % stands for any characters "
            f"and _ for one: write {instead!r}"
        )
    return pattern


def check_names(argument: str, names: object) -> tuple[str, ...]:
    """Check a list of names.

    Raises:
        InvalidArgumentError: It is none, or empty.
    """
    if isinstance(names, str):
        raise InvalidArgumentError(f"{argument} is a list of names; write {argument}=[{names!r}]")
    if not isinstance(names, list | tuple):
        raise InvalidArgumentError(f"{argument} is a list of names, got {describe(names)}")
    checked: dict[str, None] = {}
    for name in cast("Sequence[object]", names):
        checked[check_name(argument, name)] = None
    if not checked:
        raise InvalidArgumentError(f"{argument} is empty; name some files")
    return (*checked,)


def check_name(argument: str, name: object) -> str:
    """Check the name of a file.

    Raises:
        InvalidArgumentError: It is none.
    """
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(f"{argument}: a name is a non-empty str, got {describe(name)}")
    check_unicode(f"{argument}: a name is a text;", name)
    return name


def check_path(argument: str, path: object) -> Path:
    """Check a path on this machine.

    Raises:
        InvalidArgumentError: It is none, or empty.
    """
    is_path = isinstance(path, str) or hasattr(path, "__fspath__")
    text: object = os.fspath(cast("str", path)) if is_path else None
    if not isinstance(text, str) or not text:
        raise InvalidArgumentError(f"{argument} is a path, a str or a Path, got {describe(path)}")
    return Path(text)


def fetch_page(query: FileQuery, after: str | None) -> Flow[FilePage]:
    """Ask for a page of files.

    Raises:
        NotFoundError: No such project or run.
        BadResponseError: The answer lacks what a page has.
    """
    run_path = query.run
    answer = yield from ask(
        list_files(
            entity=run_path.entity,
            project=run_path.project,
            id=run_path.run_id,
            names=query.names,
            pattern=query.pattern,
            first=query.per_page,
            after=after,
        )
    )
    run = answer.project.run if answer.project is not None else None
    if run is None:
        raise missing_run(*run_path)
    page = run.files
    if page is None or page.page_info is None:
        raise _incomplete(run_path, "lacks its files")
    number = _number_of(run.project_internal_id)
    nodes = (edge.node for edge in page.edges or () if edge is not None)
    files = [_facts_of(run_path, node, number) for node in nodes if node is not None]
    if not page.page_info.has_next_page:
        return FilePage(files, None)
    following = page.page_info.end_cursor
    if following is None or following == after:
        raise _incomplete(run_path, "does not say where the next page of files begins")
    return FilePage(files, following)


def fetch_files(query: FileQuery) -> Flow[list[FileFacts]]:
    """Ask for all files, each name once.

    Raises:
        NotFoundError: No such project or run, or it has no file of one of the names.
        BadResponseError: The answer lacks what a page has.
    """
    found: dict[str, FileFacts] = {}
    after: str | None = None
    while True:
        page = yield from fetch_page(query, after)
        found.update((file.name, file) for file in page.files)
        after = page.after
        if after is None:
            break
    check_found(query, found)
    return [*found.values()]


def fetch_file(run: RunPath, name: str) -> Flow[FileFacts]:
    """Ask for one file.

    Raises:
        NotFoundError: There is none; the message has the nearest spelling.
    """
    page = yield from fetch_page(FileQuery(run, (name,)), None)
    for file in page.files:
        if file.name == name:
            return file
    others = yield from fetch_page(FileQuery(run, per_page=_MOST), None)
    near = nearest(name, [file.name for file in others.files])
    meant = "" if near is None else f"; did you mean {excerpt(near)!r}?"
    raise NotFoundError(f"run {run.shown} has no file {name!r}{meant or '; run.files() lists all'}")


def check_found(query: FileQuery, found: dict[str, FileFacts]) -> None:
    """Check that there is a file of each name that was asked for.

    Raises:
        NotFoundError: There is none.
    """
    missing = [name for name in query.names or () if name not in found]
    if missing:
        more = f" (and {len(missing) - 1} more of the names)" if len(missing) > 1 else ""
        raise NotFoundError(
            f"run {query.run.shown} has no file {missing[0]!r}{more}; run.files() lists all"
        )


def _facts_of(run: RunPath, node: RunFileFields, number: int | None) -> FileFacts:
    if node.name is None:
        raise _incomplete(run, "has a file without a name")
    return FileFacts(
        node.name,
        node.storage_id,
        Address(node.url) if node.url else None,
        Address(node.direct_url) if node.direct_url else None,
        node.size,
        node.mimetype,
        node.updated_at,
        node.md_5,
        number,
    )


def _number_of(text: str | None) -> int | None:
    """The number of a project: as it is, or as W&B's older servers write it, in base 64.

    >>> _number_of("12"), _number_of("UHJvamVjdEludGVybmFsSWQ6MTI="), _number_of(None)
    (12, 12, None)
    """
    number = text or ""
    if not number.isdecimal():
        try:
            kind, _, number = base64.b64decode(number, validate=True).decode().partition(":")
        except (binascii.Error, ValueError):
            return None
        if kind != "ProjectInternalId":
            return None
    return int(number) if number.isdecimal() and len(number) < 19 else None  # noqa: PLR2004 - of 64 bits


def _incomplete(run: RunPath, lack: str) -> BadResponseError:
    return BadResponseError(
        f"the server's answer about run {run.shown} {lack}; ask again", status=200
    )
