"""How a file is uploaded to a run: announced, sent, told where the server wants that, and shown."""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import stat
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from wandb_runs.errors import (
    BadResponseError,
    InvalidArgumentError,
    NotFoundError,
    UnverifiedFileWarning,
    WandbRunsError,
)
from wandb_runs.errors.suggest import describe
from wandb_runs.errors.text import as_message
from wandb_runs.files.names import problem_of_name
from wandb_runs.files.tree import measure
from wandb_runs.graphql._generated import create_run_files, get_features, mark_run_files_uploaded
from wandb_runs.graphql.flow import apart, ask, pause
from wandb_runs.runs.changes.send import may_have_been_done, send_change
from wandb_runs.runs.files.listing import FileQuery, check_path, fetch_page
from wandb_runs.transport.file_request import FileRequest, follow, place_of, upload_headers
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.graphql._generated import CreateRunFiles
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.files.listing import FileFacts, RunPath
    from wandb_runs.transport.settings import Settings

__all__ = ["FileToSend", "name_of", "upload_file"]

_CHUNK: Final = 1 << 18

_FEATURE: Final = "MARK_RUN_FILES_UPLOADED"

_PAUSES: Final = (0.2, 0.5, 1.0, 2.0)
"""Seconds between looks at whether the server shows what was sent."""

_log = logging.getLogger("wandb_runs")


class FileToSend:
    """A file that is open to be sent, of the size and the digest that it has now.

    Args:
        path: The file.
        root: The folder that its name is relative to.
        name: Its name, in place of the path below `root`.

    Raises:
        InvalidArgumentError: An argument that cannot be right, or a name that no download writes.
        OSError: It cannot be read.
    """

    def __init__(self, path: object, root: object, name: object) -> None:
        source = check_path("path", path)
        self.name: str = name_of(source, check_path("root", root), name)
        self._path = source
        self._descriptor = os.open(
            source,
            os.O_RDONLY
            | getattr(os, "O_BINARY", 0)
            | getattr(os, "O_CLOEXEC", 0)
            | getattr(os, "O_NONBLOCK", 0),  # a pipe would wait for what is never written to it
        )
        self._size = 0
        self.digest: str = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        """Its length, in bytes."""
        return self._size

    def measure(self) -> None:
        """Read it for its size and its digest.

        Raises:
            OSError: It cannot be read.
        """
        if not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            raise InvalidArgumentError(f"path: {str(self._path)!r} is no regular file")
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        self._size, self.digest = measure(self._descriptor)

    def chunks(self) -> Iterator[bytes]:
        """It, from its beginning; one request at a time reads it.

        Raises:
            WandbRunsError: It changed; the last part is not sent, so that no server takes it.
        """
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        digest = hashlib.md5(usedforsecurity=False)
        left = self._size
        while left:
            chunk = os.read(self._descriptor, min(left, _CHUNK))
            digest.update(chunk)
            left -= len(chunk)
            is_same = left or base64.b64encode(digest.digest()).decode() == self.digest
            if not chunk or not is_same:
                raise WandbRunsError(
                    f"{str(self._path)!r} changed while it was uploaded, and was not sent to its "
                    "end; upload it again"
                )
            yield chunk


class _Announced:
    """Where and how a file is to be sent: what may be signed, which no repr shows."""

    def __init__(self, address: Address | None, headers: Sequence[str | None]) -> None:
        self.address = address
        self.headers = headers

    @classmethod
    def of(cls, answer: CreateRunFiles | None, name: str) -> Self:
        payload = None if answer is None else answer.create_run_files
        if payload is None:
            return cls(None, ())
        given = [each for each in payload.files or () if each is not None]
        url = next((each.upload_url for each in given if each.name == name), None)
        return cls(Address(url) if url else None, payload.upload_headers or ())


def upload_file(
    run: RunPath, settings: Settings, file: FileToSend
) -> Flow[tuple[FileFacts, WandbRunsWarning | None]]:
    """Upload a file; return what the server then says of it, and what there is to warn of.

    Raises:
        NotFoundError: The run is gone.
        WandbRunsError: It is not uploaded, or its answer was lost and the server does not show it.
        OSError: It cannot be read.
    """
    yield from apart()
    file.measure()
    name = file.name
    mutation = create_run_files(
        entity=run.entity, project=run.project, id=run.run_id, files=(name,)
    )
    change = f"run {run.shown}: file {name!r} announced"
    announced = _Announced.of((yield from send_change(mutation, change)), name)
    yield from apart()  # what runs this holds the answer to the last step, as it came
    if announced.address is None:
        raise BadResponseError(
            f"the server gives no address to upload file {name!r} of run {run.shown} to; nothing "
            "was uploaded",
            status=HTTPStatus.OK,
        )
    headers = upload_headers(announced.headers)
    request = FileRequest.put(place_of(announced.address, settings), headers, file)
    try:
        answer, _ = yield from follow(request, settings)
    except WandbRunsError as error:
        # The same bytes were sent as often as it was worth trying; one of them may have come.
        if not may_have_been_done(error):
            raise
        try:
            found = yield from _look(run, name)
        except WandbRunsError:
            found = None
        if found is None or found.digest != file.digest:
            raise
    else:
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise BadResponseError(
                f"file {name!r} of run {run.shown} is not uploaded: where the server keeps files "
                f"answers HTTP {answer.status}; try again",
                status=answer.status,
            )
    _log.info("%s", as_message(f"changed run {run.shown}: file {name!r}, {file.size:,} bytes"))
    if (yield from _wants_marks()):
        yield from _mark(run, file)
    return (yield from _show(run, file))


def _wants_marks() -> Flow[bool]:
    info = (yield from ask(get_features())).server_info
    features = (info.features if info is not None else None) or ()
    return any(each is not None and each.name == _FEATURE and each.is_enabled for each in features)


def _mark(run: RunPath, file: FileToSend) -> Flow[None]:
    def is_shown() -> Flow[bool]:
        found = yield from _look(run, file.name)
        return found is not None and found.digest == file.digest

    mutation = mark_run_files_uploaded(
        entity=run.entity, project=run.project, id=run.run_id, files=(file.name,)
    )
    change = f"run {run.shown}: file {file.name!r} told to be whole"
    answer = yield from send_change(mutation, change, is_shown)
    payload = None if answer is None else answer.mark_run_files_uploaded
    if answer is not None and (payload is None or payload.success is False):
        raise BadResponseError(
            f"file {file.name!r} of run {run.shown} was sent, and the server does not take note of "
            "it; upload it again",
            status=HTTPStatus.OK,
        )


def _show(run: RunPath, file: FileToSend) -> Flow[tuple[FileFacts, WandbRunsWarning | None]]:
    """What the server says of a file that was sent; it may take note of it with a delay."""
    found = yield from _look(run, file.name)
    for seconds in _PAUSES:
        if found is not None and (found.md5 is None or found.digest == file.digest):
            break
        yield from pause(seconds)
        found = yield from _look(run, file.name)
    if found is None:
        raise NotFoundError(
            f"file {file.name!r} was sent to run {run.shown}, and the server does not list it "
            f"(yet); run.file({file.name!r}) asks again"
        )
    if found.digest == file.digest:
        return found, None
    reason = (
        "the server gives no MD5 digest of it (yet)"
        if found.digest is None
        else "the server gives the MD5 digest of other content: it has not taken note of the "
        "upload yet, or another program has replaced it"
    )
    return found, UnverifiedFileWarning([file.name], reason)


def _look(run: RunPath, name: str) -> Flow[FileFacts | None]:
    page = yield from fetch_page(FileQuery(run, (name,)), None)
    return next((each for each in page.files if each.name == name), None)


def name_of(path: Path, root: Path, name: object) -> str:
    """The name that a file is uploaded under."""
    if name is None:
        # Without the links of the file itself, whose name is the one that was given.
        absolute, base = (Path(os.path.abspath(each)) for each in (path, root))  # noqa: PTH100 - follows no link
        try:
            chosen = absolute.relative_to(base).as_posix()
        except ValueError:
            raise InvalidArgumentError(
                f"path: {str(path)!r} is not below root {str(root)!r}; pass the folder that its "
                "name is to be relative to as root=, or a name= of its own"
            ) from None
    elif isinstance(name, str):
        chosen = name
    else:
        raise InvalidArgumentError(f"name is a str, got {describe(name)}")
    problem = problem_of_name(chosen)
    if problem is not None:
        raise InvalidArgumentError(
            f"name: {chosen!r} {problem}, and no download would write it; pass another name="
        )
    return chosen
