"""`AsyncFieldsOfRuns`: the values of some fields of all runs of a listing, a tuple for each run."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, TypeVar, overload

from wandb_runs.aio.iterators import AsyncRunValues
from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wandb_runs.query.key_fields import ValueField
    from wandb_runs.runs.models import OnInvalid

__all__ = ["AsyncFieldsOfRuns"]

A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
H = TypeVar("H")


class AsyncFieldsOfRuns(RunsBase[AsyncRetryingClient, AsyncSweeps, RunT_co]):
    """What `AsyncRuns` reads of some fields of its runs."""

    @abstractmethod
    def pages(self) -> AsyncIterator[list[RunT_co]]:
        """The runs a page at a time."""

    @overload
    def values(
        self,
        a: ValueField[A],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        c: ValueField[C],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B, C]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        c: ValueField[C],
        d: ValueField[D],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B, C, D]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        c: ValueField[C],
        d: ValueField[D],
        e: ValueField[E],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B, C, D, E]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        c: ValueField[C],
        d: ValueField[D],
        e: ValueField[E],
        f: ValueField[F],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B, C, D, E, F]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        c: ValueField[C],
        d: ValueField[D],
        e: ValueField[E],
        f: ValueField[F],
        g: ValueField[G],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B, C, D, E, F, G]]: ...
    @overload
    def values(
        self,
        a: ValueField[A],
        b: ValueField[B],
        c: ValueField[C],
        d: ValueField[D],
        e: ValueField[E],
        f: ValueField[F],
        g: ValueField[G],
        h: ValueField[H],
        /,
        *,
        on_invalid: OnInvalid = "raise",
    ) -> AsyncIterator[tuple[A, B, C, D, E, F, G, H]]: ...
    def values(
        self, *fields: ValueField[object], on_invalid: OnInvalid = "raise"
    ) -> AsyncIterator[tuple[object, ...]]:
        """The values of some fields of all runs, lazily, for `async for`; as `Runs.values`.

        Args:
            fields: One to eight of `Config("lr", type=float)` and `Summary("loss", type=float)`,
                with types or without.
            on_invalid: What to do with a run that has no value of a field whose type does not take
                None, or one that does not fit: `"raise"` the error when its tuple is taken, behind
                which the iterator goes on with the next run; or `"skip"` the run, with a warning
                in the log.

        Returns:
            An asynchronous iterator of tuples, each with as many values as there are fields.
            Of a listing with `on_invalid="skip"` and models, what these need travels as well, and
            the fields have to be among its `config_keys=` and `summary_keys=`.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingValueError: A run has no value, and the type does not take None:
                `Config[float | None]("lr")` does.
            FieldValidationError: A value does not fit its type.
            NotFoundError: No such project, or the key may not see it; when a tuple is taken.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            DriftWarning: The runs changed meanwhile, and not all is corrected.
            UnknownKeyWarning: No run has one of the keys, or what the filter or the order names,
                and perhaps it is misspelt. Finding out costs a request.
        """
        listed, kept, skips = self._plan_fields(fields, on_invalid)
        pages = listed.pages() if kept is None else _one_page(kept)
        return AsyncRunValues(pages, fields, skips=skips)


async def _one_page(runs: list[RunT_co]) -> AsyncIterator[list[RunT_co]]:
    yield runs
