"""`RunFile`: a file that a run saved; `RunFiles`: the files of a run, listed a page at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from typing_extensions import override

from wandb_runs.runs.files.deletion import remove_files
from wandb_runs.runs.files.downloads import OneDownload
from wandb_runs.runs.files.run_file_base import RunFileBase, RunFilesBase, warned
from wandb_runs.transport import RetryingClient

if TYPE_CHECKING:
    from os import PathLike
    from pathlib import Path

    from wandb_runs.runs.files.file_progress import OnFileProgress
    from wandb_runs.runs.files.listing import FileFacts

__all__ = ["RunFile", "RunFiles"]


class RunFile(RunFileBase[RetryingClient]):
    """A file that a run saved, as it was when it was listed.

    Made by `run.files()` and `run.file(name)`. Reading an attribute sends no request. Two are
    equal when run and name are. Threads may share one. Immutable, and therefore safe to share.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from wandb_runs import Api
    >>> from wandb_runs.testing import LocalServer, log_run
    >>> with LocalServer() as own, tempfile.TemporaryDirectory() as folder:
    ...     log_run(own, "me", "digits", "r1")
    ...     run = Api(base_url=own.url, api_key="any").run("me/digits/r1")
    ...     source = Path(folder) / "weights.bin"
    ...     written = source.write_bytes(b"0123")
    ...     file = run.upload_file(source, root=folder)
    ...     print(file.name, file.size, file.download(Path(folder) / "again").read_bytes())
    weights.bin 4 b'0123'
    """

    __slots__ = ()

    def download(
        self,
        to: str | PathLike[str] = ".",
        *,
        replace: bool = False,
        progress: OnFileProgress | None = None,
    ) -> Path:
        """Download the file into a folder, under its name.

        It comes in parts of 4 MiB, `max_concurrency` at once, each with the deadline and the
        retries of a call, so that memory does not grow with the file. The parts are of one version
        of the file, which is begun anew when it changes meanwhile, and its MD5 digest is compared.
        Under its name it is whole or not there; folders on the way are made.

        Args:
            to: The folder.
            replace: Whether a file that is there is replaced.
            progress: Called with a `FileProgress` after each part, in this thread.

        Returns:
            The path: `to` and the name.

        Raises:
            InvalidArgumentError: An argument that cannot be right, or a file is there; nothing was
                downloaded.
            UnsafeNameError: The name leads out of the folder or through a symbolic link inside of
                it, or is none that every system can have; nothing was downloaded.
            NotFoundError: The file is gone.
            BadResponseError: What came is not what the server says of it.
            OSError: It cannot be written.

        Warns:
            UnverifiedFileWarning: The server gives no MD5 digest.
        """
        with OneDownload(self._run, self._client.settings, to, replace, progress) as job:
            return warned(self._client.run(job.fetch(self._facts)))

    def delete(self) -> None:
        """Delete the file; the run stays.

        Raises:
            ReadOnlyError: The `Api` may only read; nothing was sent.
            UnsupportedByServerError: The server does not tell the file's id.
            WandbRunsError: It is not deleted, or the answer was lost and it is still there.
        """
        self._client.check_may_change("file.delete")
        self._client.run(remove_files(self._run, [self._facts]))


class RunFiles(RunFilesBase[RetryingClient], Sequence[RunFile]):
    """The files of a run that were asked for: a lazy, replayable sequence.

    Nothing is sent until a file is asked for; a page is read at a time and kept. `len`, a negative
    index, and a loop to the end read all pages. Threads may share one.

    Raises:
        NotFoundError: The run is gone; or, when all is read, it has no file of one of `names`.

    >>> files = run.files(pattern="%.pt")
    >>> [file.name for file in files], len(files)
    ([], 0)
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: int) -> RunFile: ...
    @overload
    def __getitem__(self, index: slice) -> list[RunFile]: ...
    @override
    def __getitem__(self, index: int | slice) -> RunFile | list[RunFile]:
        if isinstance(index, slice):
            self._client.run(self._read_to(self._needed_for(index)))
            return [self._file(facts) for facts in self._listed.files[index]]
        self._client.run(self._read_to(index + 1 if index >= 0 else None))
        return self._file(self._listed.files[index])

    @override
    def __len__(self) -> int:
        self._client.run(self._read_to(None))
        return len(self._listed.files)

    @override
    def __iter__(self) -> Iterator[RunFile]:
        index = 0
        while True:
            if index >= len(self._listed.files):
                self._client.run(self._read_to(index + 1))
                if index >= len(self._listed.files):
                    return
            yield self._file(self._listed.files[index])
            index += 1

    @override
    def __contains__(self, value: object) -> bool:
        self._refuse_names(value)
        return super().__contains__(value)

    @override
    def index(self, value: object, start: int = 0, stop: int | None = None) -> int:
        """The index of a file; `run.file(name)` finds one by its name.

        Raises:
            ValueError: It is not among them.
            InvalidArgumentError: A name.
        """
        self._refuse_names(value)
        return super().index(value, start, len(self) if stop is None else stop)

    def _file(self, facts: FileFacts) -> RunFile:
        return RunFile(self._client, self._query.run, facts)
