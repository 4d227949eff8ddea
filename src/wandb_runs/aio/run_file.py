"""`AsyncRunFile`: a file that a run saved; `AsyncRunFiles`: the files of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from wandb_runs.runs.files.deletion import remove_files
from wandb_runs.runs.files.downloads import OneDownload
from wandb_runs.runs.files.run_file_base import RunFileBase, RunFilesBase, warned
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from os import PathLike
    from pathlib import Path

    from wandb_runs.runs.files.file_progress import OnFileProgress
    from wandb_runs.runs.files.listing import FileFacts

__all__ = ["AsyncRunFile", "AsyncRunFiles"]


class AsyncRunFile(RunFileBase[AsyncRetryingClient]):
    """A file that a run saved, as it was when it was listed: `RunFile` for asynchronous code.

    Made by `run.files()` and `await run.file(name)`. Tasks may share one. Immutable, and therefore
    safe to share.
    """

    __slots__ = ()

    async def download(
        self,
        to: str | PathLike[str] = ".",
        *,
        replace: bool = False,
        progress: OnFileProgress | None = None,
    ) -> Path:
        """Download the file into a folder, under its name, as `RunFile.download`.

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
            return warned(await self._client.run(job.fetch(self._facts)))

    async def delete(self) -> None:
        """Delete the file; the run stays.

        Raises:
            ReadOnlyError: The `Api` may only read; nothing was sent.
            UnsupportedByServerError: The server does not tell the file's id.
            WandbRunsError: It is not deleted, or the answer was lost and it is still there.
        """
        self._client.check_may_change("file.delete")
        await self._client.run(remove_files(self._run, [self._facts]))


class AsyncRunFiles(RunFilesBase[AsyncRetryingClient]):
    """The files of a run that were asked for, for `async for`: as `RunFiles`.

    Nothing is sent until a file is asked for; a page is read at a time and kept. Tasks may share
    one.

    Raises:
        NotFoundError: The run is gone; or, when all is read, it has no file of one of `names`.
    """

    __slots__ = ()

    async def __aiter__(self) -> AsyncIterator[AsyncRunFile]:
        """Each file, in the server's order."""
        index = 0
        while True:
            if index >= len(self._listed.files):
                await self._client.run(self._read_to(index + 1))
                if index >= len(self._listed.files):
                    return
            yield self._file(self._listed.files[index])
            index += 1

    async def length(self) -> int:
        """How many files there are; reads all pages."""
        await self._client.run(self._read_to(None))
        return len(self._listed.files)

    @overload
    async def get(self, index: int) -> AsyncRunFile: ...
    @overload
    async def get(self, index: slice) -> list[AsyncRunFile]: ...
    async def get(self, index: int | slice) -> AsyncRunFile | list[AsyncRunFile]:
        """The file at an index, or those of a slice, which is what `[]` is for `RunFiles`.

        Args:
            index: The index; negative ones count from the end, for which all pages are read.

        Raises:
            IndexError: There is no such file.
        """
        if isinstance(index, slice):
            await self._client.run(self._read_to(self._needed_for(index)))
            return [self._file(facts) for facts in self._listed.files[index]]
        await self._client.run(self._read_to(index + 1 if index >= 0 else None))
        return self._file(self._listed.files[index])

    def _file(self, facts: FileFacts) -> AsyncRunFile:
        return AsyncRunFile(self._client, self._query.run, facts)
