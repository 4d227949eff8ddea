"""One call of a run, by the blocking client and by the async one."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

import anyio

from wandb_runs import Api, AsyncApi

if TYPE_CHECKING:
    from wandb_runs import AsyncRun, Run

__all__ = ["HALVES", "Half", "call"]

Half: TypeAlias = Literal["blocking", "async"]

HALVES: Final[tuple[Half, ...]] = ("blocking", "async")


def call(
    half: Half, url: str, path: str, method: str, *arguments: object, **options: object
) -> Run | AsyncRun | None:
    """Read a run, call a method of it, and return what that returned."""
    if half == "blocking":
        with Api(base_url=url, api_key="k" * 40) as api:
            made: object = getattr(api.run(path), method)(*arguments, **options)
            return cast("Run | None", made)

    async def awaited() -> AsyncRun | None:
        async with AsyncApi(base_url=url, api_key="k" * 40) as api:
            made: object = getattr(await api.run(path), method)(*arguments, **options)
            return cast("AsyncRun | None", await made if inspect.isawaitable(made) else made)

    return anyio.run(awaited)
