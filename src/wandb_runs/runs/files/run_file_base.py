"""What `RunFile` and `AsyncRunFile` share, and their listings: all that takes no request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar, cast

from typing_extensions import override

from wandb_runs.errors import BadResponseError, InvalidArgumentError
from wandb_runs.errors.text import as_message
from wandb_runs.errors.warnings import warn
from wandb_runs.graphql.scalars import parse_moment
from wandb_runs.runs.assignment import ReadOnlyAttributes
from wandb_runs.runs.files.listing import FileFacts, RunPath, check_found, fetch_page

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Self

    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.files.listing import FileQuery
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["AnyRunFile", "RunFileBase", "RunFilesBase", "facts_of", "warned"]

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
T = TypeVar("T")
ClientT = TypeVar("ClientT", bound="Client[SessionBase]")


class RunFileBase(ReadOnlyAttributes, Generic[ClientT_co]):
    """What `RunFile` and `AsyncRunFile` share: all but the sending."""

    __slots__ = ("_client", "_facts", "_run")

    _why_fixed = "a file is read-only; run.upload_file sends another content"

    def __init__(self, client: ClientT_co, run: RunPath, facts: FileFacts) -> None:
        self._client = client
        self._run = run
        self._facts = facts

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_facts"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        size = "size unknown" if self.size is None else f"{self.size:,} bytes"
        shown = f"{self._facts.name!r} of {'/'.join(self._run)} ({size})"
        return f"<{type(self).__name__} {as_message(shown)}>"

    @override
    def __eq__(self, other: object) -> bool:
        if not isinstance(other, RunFileBase):
            return NotImplemented
        mine, theirs = facts_of(self), facts_of(cast("AnyRunFile", other))
        return mine[1] == theirs[1] and mine[0].name == theirs[0].name

    @override
    def __hash__(self) -> int:
        return hash((self._run, self._facts.name))

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        # Without its addresses, which may be signed: they are asked for again.
        return type(self), (self._client, self._run, self._facts.without_addresses())

    @property
    def name(self) -> str:
        """The path below the run's folder, with slashes."""
        return self._facts.name

    @property
    def run_path(self) -> list[str]:
        """Entity, project and id of the run; joined by `/` it is what `api.run` takes."""
        return list(self._run)

    @property
    def size(self) -> int | None:
        """How many bytes it has; None where the server does not tell."""
        return self._facts.size

    @property
    def mimetype(self) -> str | None:
        """What kind of file it is, such as `application/json`, by its name."""
        return self._facts.mimetype

    @property
    def md5(self) -> str | None:
        """The MD5 digest of its content, in base 64; None where the server knows none."""
        return self._facts.md5

    @property
    def updated_at(self) -> datetime | None:
        """When it was last sent, aware, in UTC.

        Raises:
            BadResponseError: What the server stores is no instant.
        """
        text = self._facts.updated_at
        try:
            return None if text is None else parse_moment(text)
        except ValueError as error:
            raise BadResponseError(
                f"the server's updatedAt of file {self.name!r} is {text!r}, not an ISO 8601 "
                "instant; ask for the file again",
                status=200,
            ) from error

    @property
    def url(self) -> str | None:
        """Where to get it with the API key; it may be signed, and redirect. None in a copy."""
        address = self._facts.address
        return None if address is None else address.url

    @property
    def direct_url(self) -> str | None:
        """Where to get it without a key, mostly signed, for a while. None in a copy."""
        address = self._facts.direct_address
        return None if address is None else address.url

    @property
    def storage_id(self) -> str | None:
        """What W&B's database calls the file."""
        return self._facts.storage_id


AnyRunFile = RunFileBase["Client[SessionBase]"]
"""A file of whichever client."""


def facts_of(file: AnyRunFile) -> tuple[FileFacts, RunPath]:
    """What the server says of a file, and its run."""
    return file._facts, file._run  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file's class


def warned(result: tuple[T, WandbRunsWarning | None]) -> T:
    """The result of a flow, whose warning is told at the caller's line."""
    value, warning = result
    if warning is not None:
        warn(warning)
    return value


class _Listed(NamedTuple):
    """How far a listing has been read; replaced as a whole, so that threads may share it.

    Attributes:
        files: The files so far.
        after: Where the next page begins.
        is_complete: Whether none follows.
    """

    files: tuple[FileFacts, ...] = ()
    after: str | None = None
    is_complete: bool = False


class RunFilesBase(Generic[ClientT]):
    """What `RunFiles` and `AsyncRunFiles` share."""

    __slots__ = ("_client", "_listed", "_query")

    def __init__(self, client: ClientT, query: FileQuery) -> None:
        self._client = client
        self._query = query
        self._listed = _Listed()

    @override
    def __repr__(self) -> str:
        if not hasattr(self, "_listed"):  # an interrupt came while it was made
            return f"<{type(self).__name__}, not made>"
        path = as_message("/".join(self._query.run))
        return f"<{type(self).__name__} of {path}, {len(self._listed.files)} read>"

    @override
    def __reduce__(self) -> tuple[type[Self], tuple[object, ...]]:
        return type(self), (self._client, self._query)

    def _read_to(self, count: int | None) -> Flow[None]:
        """Read until there are so many files, or all for None."""
        while not self._listed.is_complete:
            listed = self._listed
            if count is not None and len(listed.files) >= count:
                return
            page = yield from fetch_page(self._query, listed.after)
            known = {file.name for file in listed.files}
            files = (*listed.files, *(file for file in page.files if file.name not in known))
            if page.after is None:
                check_found(self._query, {file.name: file for file in files})
            # Of two threads that read the same page, either's is kept.
            if self._listed is listed:
                self._listed = _Listed(files, page.after, page.after is None)

    def _needed_for(self, index: slice) -> int | None:
        """How many files have to be read for a slice; None for all."""
        parts = index.start, index.stop
        step = 1 if index.step is None else index.step
        if index.stop is None or step < 0 or any(part is not None and part < 0 for part in parts):
            return None
        stop: int = index.stop
        return stop

    def _refuse_names(self, wanted: object) -> None:
        """Refuse a name where a file is looked for.

        Raises:
            InvalidArgumentError: It is one.
        """
        if isinstance(wanted, str):
            raise InvalidArgumentError(
                f"a file is looked for, not a name; run.file({wanted!r}) finds the file of a name"
            )
