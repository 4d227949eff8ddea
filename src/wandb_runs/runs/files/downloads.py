"""What downloads are told and what they come to: of one file, and of files of many runs."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Self, cast

from wandb_runs.errors import (
    InvalidArgumentError,
    UnsafeNameError,
    UnverifiedFileWarning,
    WandbRunsError,
)
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.suggest import describe
from wandb_runs.errors.text import FieldsRepr, as_message, excerpt
from wandb_runs.files.names import clashes, problem_of_name
from wandb_runs.files.tree import Tree, UnsafePathError
from wandb_runs.graphql.flow import apart, gather
from wandb_runs.pagination.progress import check_progress
from wandb_runs.runs.files.fetching import Fetching
from wandb_runs.runs.files.file_progress import FileProgress
from wandb_runs.runs.files.listing import FileQuery, RunPath, check_path, check_pattern, fetch_files

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from wandb_runs.errors import WandbRunsWarning
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.files.fetching import Fetched
    from wandb_runs.runs.files.file_progress import OnFileProgress
    from wandb_runs.runs.files.listing import FileFacts
    from wandb_runs.runs.run_base import AnyRun
    from wandb_runs.transport.settings import Settings

__all__ = ["Downloads", "FileDownload", "ManyDownloads", "OneDownload"]

_UNTOLD: Final = "the server gives no MD5 digest to compare with"

_PER_PAGE: Final = 1000

_log = logging.getLogger("wandb_runs")


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class FileDownload(FieldsRepr):
    """What became of one file; or of one run whose files could not be listed.

    Immutable, and therefore safe to share.

    Attributes:
        run_id: The run's id.
        name: The file's name below the run's folder; None where the run's files could not be
            listed.
        status: `"done"`; `"skipped"` where the same content was there already; `"failed"`.
        path: Where it is, or would have been; None where its name is refused.
        size: How many bytes it has, by the server; None where that does not tell.
        is_verified: Whether its MD5 digest is the one that the server gives.
        error: Why it failed.
    """

    run_id: str
    name: str | None
    status: Literal["done", "failed", "skipped"]
    path: Path | None = None
    size: int | None = None
    is_verified: bool = False
    error: WandbRunsError | OSError | None = None


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Downloads(FieldsRepr):
    """What became of each file of a download; what `runs.download(...)` returns.

    Immutable, and therefore safe to share.

    Attributes:
        files: An entry for each file, by run in the order of runs, and for each run whose files
            could not be listed.
    """

    files: tuple[FileDownload, ...]

    @property
    def done(self) -> tuple[FileDownload, ...]:
        """The files that were written."""
        return tuple(each for each in self.files if each.status == "done")

    @property
    def skipped(self) -> tuple[FileDownload, ...]:
        """The files whose content was there already."""
        return tuple(each for each in self.files if each.status == "skipped")

    @property
    def failed(self) -> tuple[FileDownload, ...]:
        """The files that could not be had, and runs whose files could not be listed."""
        return tuple(each for each in self.files if each.status == "failed")


class _Counter:
    """Counts what has come, and tells it."""

    def __init__(self, tell: OnFileProgress | None) -> None:
        self._tell = tell
        self._files = self._bytes = self._told = 0
        self._total_files = 0
        self._total_bytes: int | None = None

    def expect(self, files: Iterable[FileFacts]) -> None:
        sizes = [file.size for file in files]
        self._total_files = len(sizes)
        self._total_bytes = None if None in sizes else sum(size or 0 for size in sizes)

    def add(self, size: int, files: int = 0) -> None:
        self._files += files
        self._bytes += size
        # What is begun anew comes twice.
        most = self._bytes if self._total_bytes is None else min(self._bytes, self._total_bytes)
        self._told = max(self._told, most)
        if self._tell is not None:
            self._tell(FileProgress(self._files, self._total_files, self._told, self._total_bytes))


class OneDownload:
    """The download of one file, which leaves nothing of it unless it is whole.

    Args:
        run: The run.
        settings: The server.
        to: The folder.
        replace: Whether a file that is there may be replaced.
        progress: The caller's progress callback.

    Raises:
        InvalidArgumentError: An argument that cannot be right.
    """

    def __init__(
        self, run: RunPath, settings: Settings, to: object, replace: object, progress: object
    ) -> None:
        self._run = run
        self._settings = settings
        self._tree = Tree(check_path("to", to))
        self._replaces = _check_replace(replace)
        check_progress(progress, "a FileProgress")
        self._counter = _Counter(cast("OnFileProgress | None", progress))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._tree.close()

    def fetch(self, file: FileFacts) -> Flow[tuple[Path, WandbRunsWarning | None]]:
        """Download the file; return its path, and what there is to warn of.

        Raises:
            UnsafeNameError: Its name is refused.
            InvalidArgumentError: A file is there, which is not to be replaced.
            WandbRunsError: It cannot be had.
            OSError: It cannot be written.
        """
        self._counter.expect([file])
        yield from apart()
        _check_name(self._run.run_id, file.name)
        self._check_target(file.name)
        fetching = Fetching(self._run, self._settings, self._counter.add)
        partial = self._tree.begin(file.name, replace=self._replaces)
        fetched = yield from fetching.fetch(file, partial)
        partial.commit()
        self._counter.add(0, files=1)
        warning = None if fetched.is_verified else UnverifiedFileWarning([file.name], _UNTOLD)
        return self._tree.path(file.name), warning

    def _check_target(self, name: str) -> None:
        try:
            found = self._tree.find(name)
        except UnsafePathError as error:
            raise _unsafe(self._run.run_id, name, error.problem) from error
        if found is not None and not self._replaces:
            raise InvalidArgumentError(
                f"{str(self._tree.path(name))!r} is there already; pass replace=True to replace "
                "it, or another folder as to="
            )


class _Planned(NamedTuple):
    """A file that is to be downloaded."""

    run: RunPath
    file: FileFacts

    @property
    def name(self) -> str:
        """The name below the folder of all runs."""
        return f"{self.run.run_id}/{self.file.name}"


class ManyDownloads:
    """The download of files of many runs; a failure of one stops no other.

    Args:
        settings: The server.
        pattern: A pattern of SQL's LIKE.
        to: The folder.
        replace: Whether files that are there may be replaced.
        progress: The caller's progress callback.
        logs: Whether failures are told in the log.

    Raises:
        InvalidArgumentError: An argument that cannot be right.
    """

    def __init__(
        self,
        settings: Settings,
        pattern: object,
        to: object,
        replace: object,
        progress: object,
        *,
        logs: bool = True,
    ) -> None:
        self._settings = settings
        self._logs = logs
        self._pattern = check_pattern(pattern)
        self._tree = Tree(check_path("to", to))
        self._replaces = _check_replace(replace)
        check_progress(progress, "a FileProgress")
        self._counter = _Counter(cast("OnFileProgress | None", progress))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self._tree.close()

    def fetch(self, runs: Sequence[AnyRun]) -> Flow[tuple[Downloads, WandbRunsWarning | None]]:
        """Download the files of all runs; return what became of each, and what to warn of."""
        paths = [RunPath(*run.path) for run in runs]
        listed = yield from gather([self._list(path) for path in paths])
        planned: list[_Planned] = []
        for path, files in zip(paths, listed, strict=True):
            if not isinstance(files, FileDownload):
                planned += [_Planned(path, file) for file in files]
        self._counter.expect(each.file for each in planned)
        met = clashes(each.name for each in planned)
        fetched = yield from gather(
            [self._fetch(each, met.get(each.name)) for each in planned], self._note
        )
        ready = iter(fetched)
        results = [
            outcome
            for files in listed
            for outcome in (
                [files] if isinstance(files, FileDownload) else [next(ready) for _ in files]
            )
        ]
        downloads = Downloads((*results,))
        unverified = [
            f"{each.run_id}/{each.name}" for each in downloads.done if not each.is_verified
        ]
        if self._logs and (failed := downloads.failed):
            first = failed[0]
            text = (
                f"{len(failed)} of {len(downloads.files)} files could not be downloaded; the first "
                f"is {first.name!r} of run {first.run_id!r}: {first.error}"
            )
            _log.warning("%s", as_message(text))
        return downloads, UnverifiedFileWarning(unverified, _UNTOLD) if unverified else None

    def _list(self, run: RunPath) -> Flow[list[FileFacts] | FileDownload]:
        try:
            query = FileQuery(run, pattern=self._pattern, per_page=_PER_PAGE)
            return (yield from fetch_files(query))
        except WandbRunsError as error:
            return FileDownload(run.run_id, None, "failed", error=error)

    def _fetch(self, planned: _Planned, other: str | None) -> Flow[FileDownload]:
        run, file = planned
        path: Path | None = None
        yield from apart()
        try:
            _check_name(run.run_id, file.name)
            if (problem := problem_of_name(run.run_id)) is not None:
                raise _unsafe(run.run_id, file.name, f"is below a run whose id {problem}")
            if other is not None:
                raise _unsafe(
                    run.run_id, file.name, f"would meet {excerpt(other)!r} on some file systems"
                )
            path = self._tree.path(planned.name)
            if (is_same := self._is_there(planned)) is not None:
                return FileDownload(run.run_id, file.name, "skipped", path, file.size, is_same)
            partial = self._tree.begin(planned.name, replace=self._replaces)
            try:
                fetching = Fetching(run, self._settings)
                fetched: Fetched = yield from fetching.fetch(file, partial)
                partial.commit()
            finally:
                partial.discard()
        except UnsafePathError as error:
            unsafe = _unsafe(run.run_id, file.name, error.problem)
            return FileDownload(run.run_id, file.name, "failed", path, file.size, error=unsafe)
        except (WandbRunsError, OSError) as error:
            return FileDownload(run.run_id, file.name, "failed", path, file.size, error=error)
        return FileDownload(run.run_id, file.name, "done", path, fetched.size, fetched.is_verified)

    def _is_there(self, planned: _Planned) -> bool | None:
        """Whether what is there is verified to be the same; None if nothing is, or is to go.

        Raises:
            InvalidArgumentError: Something else is there, which is not to be replaced.
        """
        file = planned.file
        found = self._tree.find(planned.name)
        if found is None:
            return None
        if file.size in {None, found.st_size}:
            if file.digest is None:
                is_same = file.size is not None
            else:
                is_same = self._tree.measure(planned.name)[1] == file.digest
            if is_same:
                return file.digest is not None
        if self._replaces:
            return None
        raise InvalidArgumentError(
            f"{str(self._tree.path(planned.name))!r} is there already, with other content; pass "
            "replace=True to replace it, or another folder as to="
        )

    def _note(self, outcome: FileDownload) -> None:
        written = outcome.size if outcome.status != "failed" else None
        self._counter.add(written or 0, files=1)


def _check_name(run_id: str, name: str) -> None:
    problem = problem_of_name(name)
    if problem is not None:
        raise _unsafe(run_id, name, problem)


def _unsafe(run_id: str, name: str, problem: str) -> UnsafeNameError:
    return UnsafeNameError(
        f"file {excerpt(name)!r} of run {run_id!r} is not written: its name {problem}", name=name
    )


def _check_replace(replace: object) -> bool:
    if not isinstance(replace, bool):
        raise InvalidArgumentError(f"replace must be True or False, got {describe(replace)}")
    return replace
