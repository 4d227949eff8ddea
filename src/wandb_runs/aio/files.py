"""What `AsyncRun` and `AsyncRuns` do with files."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, overload

from wandb_runs.aio.run_file import AsyncRunFile, AsyncRunFiles
from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.runs.files.deletion import check_files, remove_files
from wandb_runs.runs.files.downloads import ManyDownloads
from wandb_runs.runs.files.listing import RunPath, check_name, check_query, fetch_file
from wandb_runs.runs.files.run_file_base import warned
from wandb_runs.runs.files.upload import FileToSend, upload_file
from wandb_runs.runs.run_base import ConfigT_co, RunBase, RunContext, SummaryT_co
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from os import PathLike

    from wandb_runs.runs.files.downloads import Downloads
    from wandb_runs.runs.files.file_progress import OnFileProgress

__all__ = ["AsyncFilesOfRun", "AsyncFilesOfRuns"]


class AsyncFilesOfRun(
    RunBase[RunContext[AsyncRetryingClient, AsyncSweeps], ConfigT_co, SummaryT_co]
):
    """What `AsyncRun` does with its files."""

    __slots__ = ()

    def files(
        self,
        names: list[str] | tuple[str, ...] | None = None,
        pattern: str | None = None,
        per_page: int = 50,
    ) -> AsyncRunFiles:
        """The files that the run saved; nothing is sent until one is asked for.

        Args:
            names: The names of the files; None for all.
            pattern: In place of names, a pattern of SQL's LIKE: `%` stands for any characters,
                `_` for one.
            per_page: Files per request, at least 1; more than 1000 is sent as 1000.

        Returns:
            A lazy sequence.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
        """
        query = check_query(RunPath(*self._where), names, pattern, per_page)
        return AsyncRunFiles(self._context.client, query)

    async def file(self, name: str) -> AsyncRunFile:
        """The file of a name; sends a request.

        Args:
            name: The path below the run's folder, with slashes.

        Raises:
            InvalidArgumentError: No name; nothing was sent.
            NotFoundError: The run has no such file; the message has the nearest spelling.
        """
        client, path = self._context.client, RunPath(*self._where)
        facts = await client.run(fetch_file(path, check_name("name", name)))
        return AsyncRunFile(client, path, facts)

    async def upload_file(
        self,
        path: str | PathLike[str],
        root: str | PathLike[str] = ".",
        *,
        name: str | None = None,
    ) -> AsyncRunFile:
        """Upload a file to the run, which may have finished, as `Run.upload_file`.

        Args:
            path: The file.
            root: The folder that its name is relative to.
            name: The name, in place of the path of the file below `root`.

        Returns:
            The file as the server shows it.

        Raises:
            InvalidArgumentError: An argument that cannot be right, such as a file that is not below
                `root`; nothing was sent.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            NotFoundError: The run is gone.
            WandbRunsError: It is not uploaded, or the answer was lost and the server does not show
                it.
            OSError: The file cannot be read.

        Warns:
            UnverifiedFileWarning: The server gives no MD5 digest, or that of other content.
        """
        client, run = self._context.client, RunPath(*self._where)
        client.check_may_change("run.upload_file")
        with FileToSend(path, root, name) as file:
            facts = warned(await client.run(upload_file(run, client.settings, file)))
        return AsyncRunFile(client, run, facts)

    @overload
    async def delete_files(
        self, files: list[AsyncRunFile | str] | tuple[AsyncRunFile | str, ...]
    ) -> None: ...
    @overload
    async def delete_files(self, files: list[AsyncRunFile] | list[str]) -> None: ...
    async def delete_files(
        self,
        files: list[AsyncRunFile | str]
        | tuple[AsyncRunFile | str, ...]
        | list[AsyncRunFile]
        | list[str],
    ) -> None:
        """Delete files of the run by one mutation; the run stays.

        Args:
            files: The files, or their names, which are listed first.

        Raises:
            InvalidArgumentError: Not such a list, an empty one, or a file of another run; nothing
                was sent.
            ReadOnlyError: The `Api` may only read; nothing was sent.
            NotFoundError: There is no file of a name; nothing was deleted.
            UnsupportedByServerError: The server does not tell the files' ids.
            WandbRunsError: They are not deleted, or the answer was lost and they are still there.
        """
        client, run = self._context.client, RunPath(*self._where)
        client.check_may_change("run.delete_files")
        await client.run(remove_files(run, check_files(run, files)))


class AsyncFilesOfRuns(RunsBase[AsyncRetryingClient, AsyncSweeps, RunT_co]):
    """What `AsyncRuns` does with files of all of its runs."""

    @abstractmethod
    async def _list_to(self, count: int | None, *, goes_on: bool = False) -> list[RunT_co]:
        """List so many runs, or all for None."""

    async def download(
        self,
        pattern: str,
        to: str | PathLike[str] = ".",
        *,
        replace: bool = False,
        progress: OnFileProgress | None = None,
    ) -> Downloads:
        """Download files of all runs, each to `to/<run id>/<name>`, as `Runs.download`.

        Args:
            pattern: A pattern of SQL's LIKE that names match: `%` stands for any characters, `_`
                for one; `"%"` for all files.
            to: The folder.
            replace: Whether files that are there with other content are replaced.
            progress: Called with a `FileProgress` after each file, in this thread.

        Returns:
            What became of each file: written, skipped or failed. Two files of which one would take
            the other's place on some file systems both fail, as does a name that is refused.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            NotFoundError: No such project, or the key may not see it.

        Warns:
            UnverifiedFileWarning: The server gives no MD5 digest of some files.
        """
        client = self._client
        with ManyDownloads(client.settings, pattern, to, replace, progress) as job:
            return warned(await client.run(job.fetch(await self._list_to(None))))
