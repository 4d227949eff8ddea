"""What is done with files of a run, blocking and awaiting alike."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, TypeVar

import anyio

from wandb_runs import Api, AsyncApi

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from wandb_runs import AsyncRun, AsyncTransport, Downloads, Run, Transport

__all__ = ["KEY", "Files"]

KEY = "k" * 40

T = TypeVar("T")


class Files:
    """Calls on files of a run.

    Args:
        way: `sync`, or the backend of the event loop.
        base_url: The server.
        path: The run.
        transport: What carries the requests.
        async_transport: What carries those of the event loop.
        max_retries: How often a request is sent again.
    """

    def __init__(
        self,
        way: str,
        base_url: str,
        path: str = "me/p/r1",
        *,
        transport: Transport | None = None,
        async_transport: AsyncTransport | None = None,
        max_retries: int = 5,
    ) -> None:
        self._way = way
        self._api = functools.partial(
            Api, base_url=base_url, api_key=KEY, transport=transport, max_retries=max_retries
        )
        self._async_api = functools.partial(
            AsyncApi,
            base_url=base_url,
            api_key=KEY,
            transport=async_transport,
            max_retries=max_retries,
        )
        self._path = path

    def download(self, name: str, to: Path, *, replace: bool = False) -> Path:
        """Download a file of a name."""

        async def awaited(run: AsyncRun) -> Path:
            return await (await run.file(name)).download(to, replace=replace)

        return self._run(lambda run: run.file(name).download(to, replace=replace), awaited)

    def upload(self, path: Path, name: str) -> str | None:
        """Upload a file, and return the digest that the server then gives."""

        async def awaited(run: AsyncRun) -> str | None:
            return (await run.upload_file(path, name=name)).md5

        return self._run(lambda run: run.upload_file(path, name=name).md5, awaited)

    def names(self, pattern: str | None = None, per_page: int = 50) -> list[str]:
        """The names of the files."""

        async def awaited(run: AsyncRun) -> list[str]:
            return [file.name async for file in run.files(pattern=pattern, per_page=per_page)]

        return self._run(
            lambda run: [file.name for file in run.files(pattern=pattern, per_page=per_page)],
            awaited,
        )

    def delete(self, names: list[str]) -> None:
        """Delete files."""

        async def awaited(run: AsyncRun) -> None:
            await run.delete_files([*names])

        self._run(lambda run: run.delete_files([*names]), awaited)

    def download_all(self, pattern: str, to: Path, *, replace: bool = False) -> Downloads:
        """Download files of all runs of the project."""
        project = self._path.rpartition("/")[0]
        if self._way == "sync":
            with self._api() as api:
                return api.runs(project).download(pattern, to, replace=replace)

        async def call() -> Downloads:
            async with self._async_api() as api:
                return await api.runs(project).download(pattern, to, replace=replace)

        return anyio.run(call, backend=self._way)

    def _run(self, blocking: Callable[[Run], T], awaiting: Callable[[AsyncRun], Awaitable[T]]) -> T:
        if self._way == "sync":
            with self._api() as api:
                return blocking(api.run(self._path))

        async def call() -> T:
            async with self._async_api() as api:
                return await awaiting(await api.run(self._path))

        return anyio.run(call, backend=self._way)
