"""`AsyncRunTables`: configs, summaries and tables of all runs of a listing."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Literal, TypeVar, overload

from wandb_runs.aio.sweep import AsyncSweeps
from wandb_runs.runs.runs_base import RunsBase, RunT_co
from wandb_runs.transport import AsyncRetryingClient

if TYPE_CHECKING:
    from wandb_runs.frames.best import How
    from wandb_runs.frames.pandas_types import DataFrame as PandasFrame
    from wandb_runs.frames.plan import Format
    from wandb_runs.frames.polars_types import DataFrame as PolarsFrame
    from wandb_runs.frames.rows import Row
    from wandb_runs.frames.table import TableRow
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.query.key_fields import ConfigColumns, SummaryColumns

__all__ = ["AsyncRunTables"]

K = TypeVar("K", bound=str)
A = TypeVar("A", bound=str)


class AsyncRunTables(RunsBase[AsyncRetryingClient, AsyncSweeps, RunT_co]):
    """What `AsyncRuns` makes of what all of its runs are: tables, configs and summaries."""

    @abstractmethod
    async def _list_to(self, count: int | None, *, goes_on: bool = False) -> list[RunT_co]:
        """List so many runs, or all for None."""

    @abstractmethod
    async def _list_all(self, progress: OnProgress | None) -> None:
        """List all runs, and tell how far that has come."""

    @overload
    async def table(
        self,
        format: Literal["default"] = "default",
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> list[TableRow]: ...
    @overload
    async def table(
        self,
        format: Literal["pandas"],
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> PandasFrame: ...
    @overload
    async def table(
        self,
        format: Literal["polars"],
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> PolarsFrame: ...
    @overload
    async def table(
        self,
        format: Format = "default",
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> list[TableRow] | PandasFrame | PolarsFrame: ...
    async def table(
        self,
        format: Format = "default",
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> list[TableRow] | PandasFrame | PolarsFrame:
        """All runs as one table, a row for each run; as `Runs.table`.

        Args:
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            attributes: True for `id`, `name`, `state`, `created_at`, `heartbeat_at`, `user` (the
                username), `group`, `job_type`, `tags`, `sweep` (its id) and `notes`; or the names
                of some, in order, of these and `entity`, `project`, `url`, `updated_at`,
                `description`, `commit`, `host`, `read_only`, `history_line_count` and
                `storage_id`; False for none.
            config: True for all keys that the listing asks for, which are all but W&B's own
                `_wandb` and `wandb_version` where it has no `config_keys=`; or names, each with
                what is nested in it: `model` and `model.depth` both have `model.depth`; or fields,
                `Config("lr", type=float)`, whose columns have the values of `run.get(field)`; False
                for none.
            summary: True for all keys that the listing asks for, or names or fields, or False,
                likewise.
            progress: Called with a `Progress` after each page, in the event loop.

        Returns:
            A row for each run, in the order of runs, with the attributes as named, then
            `config.<key>`, then `summary.<key>`: keys by name, or as asked, those inside one by
            name. What is nested is flattened with dots, to any depth: `config.model.depth`. A dict
            that is empty or has a `_type`, and a list, are one value each, which is JSON text in
            frames, and Python objects in dicts. The dtypes are those of `histories` otherwise. A
            key that no run has is a column of nulls. Instants are aware `datetime`s in UTC; in
            polars `Datetime("us", "UTC")`, in pandas `datetime64[us, UTC]`. Texts are `String`
            or `string`, without any run, too. A missing value is null in polars, NaN, `NaT` or
            `<NA>` in pandas, and no entry in a dict.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            BadResponseError: A run's config, summary or attribute is not what W&B promises.
            FieldValidationError: A value does not fit the type of its field.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            HiddenValueWarning: A run has two values for one column, `{"a.b": 1, "a": {"b": 2}}`:
                the flat one is in it, and the warning names the other.
            UnknownKeyWarning: No run has one of the keys, or what the filter or the order names,
                and perhaps it is misspelt. Finding out costs a request.
            DriftWarning: The runs changed while they were listed, and not all is corrected.
        """
        plan = self._plan_table(format, attributes, config, summary, progress)
        if self._lists(plan):
            await self._list_all(progress)
        return self._finish_table(await self._client.run(self._fetch_table(plan)))

    async def to_pandas(
        self,
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> PandasFrame:
        """All runs as one frame of pandas: `await runs.table("pandas")`.

        Args:
            attributes: True, False or the names of some, as for `table`.
            config: True, False, or keys and fields, likewise.
            summary: True, False, or keys and fields, likewise.
            progress: Called with a `Progress` after each page, in the event loop.

        Returns:
            The frame that `table` returns, which has what it raises and warns of.
        """
        return await self.table(
            "pandas", attributes=attributes, config=config, summary=summary, progress=progress
        )

    async def to_polars(
        self,
        *,
        attributes: bool | list[A] | tuple[A, ...] = True,
        config: ConfigColumns = True,
        summary: SummaryColumns = True,
        progress: OnProgress | None = None,
    ) -> PolarsFrame:
        """All runs as one frame of polars: `await runs.table("polars")`.

        Args:
            attributes: True, False or the names of some, as for `table`.
            config: True, False, or keys and fields, likewise.
            summary: True, False, or keys and fields, likewise.
            progress: Called with a `Progress` after each page, in the event loop.

        Returns:
            The frame that `table` returns, which has what it raises and warns of.
        """
        return await self.table(
            "polars", attributes=attributes, config=config, summary=summary, progress=progress
        )

    @overload
    async def best(
        self, key: str, how: How = "max", *, format: Literal["default"] = "default"
    ) -> list[Row]: ...
    @overload
    async def best(
        self, key: str, how: How = "max", *, format: Literal["pandas"]
    ) -> PandasFrame: ...
    @overload
    async def best(
        self, key: str, how: How = "max", *, format: Literal["polars"]
    ) -> PolarsFrame: ...
    @overload
    async def best(
        self, key: str, how: How = "max", *, format: Format = "default"
    ) -> list[Row] | PandasFrame | PolarsFrame: ...
    async def best(
        self, key: str, how: How = "max", *, format: Format = "default"
    ) -> list[Row] | PandasFrame | PolarsFrame:
        """The best value of a metric over the whole history of each run; as `Runs.best`.

        Args:
            key: The metric. `train.loss` also reads what was logged as `{"train": {"loss": 1}}`.
            how: `"max"` for the greatest value, `"min"` for the least, `"last"` for that of the
                last step.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.

        Returns:
            A row for each run, in the order of runs: `run_id`, `value` and `step`. NaN is never
            the best, infinities may be; of equal values the first step counts. Text and nested
            values count for `"last"` alone. Dtypes are those of `histories`, and `Int64` for
            `step`; nested values are JSON text. A run without a value has null for both, and no
            entry in a dict.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            HistoriesError: The histories of some runs could not be had; it carries the rest.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            UnknownMetricWarning: No run has a value, and perhaps the name is misspelt.
            UnknownKeyWarning: The filter or the order names what no run has, likewise.
            DriftWarning: The runs changed meanwhile, and not all is corrected.
        """
        plan = self._plan_best(key, how, format)
        if self._query.is_part:
            await self._list_to(None)
        found = await self._client.run(self._fetch_all_best(plan))
        return self._finish(found.gaps, found.value, None)

    @overload
    async def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Literal["default"] = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row]: ...
    @overload
    async def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["pandas"],
        progress: OnProgress | None = None,
    ) -> PandasFrame: ...
    @overload
    async def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["polars"],
        progress: OnProgress | None = None,
    ) -> PolarsFrame: ...
    @overload
    async def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | PandasFrame | PolarsFrame: ...
    async def configs(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | PandasFrame | PolarsFrame:
        """The configs of all runs: a row for each run, in the order of runs; as `Runs.configs`.

        Args:
            keys: The keys to read; None for all but W&B's own `_wandb` and `wandb_version`.
                `model.depth` also reads `{"model": {"depth": 3}}`, for which all of `model`
                travels; where a run has both, the flat key wins.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            progress: Called with a `Progress` after each answer, in the event loop.

        Returns:
            The columns are the keys as asked (else all keys, by name) and `run_id`, with the
            dtypes of `histories`. A value that a run does not have, or has as null, is null in
            polars, NaN or `<NA>` in pandas, and no entry in a dict. A run without any has its
            row too.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            BadResponseError: A run's config is not a JSON object.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            UnknownKeyWarning: No run has one of the keys, or what the filter or the order names,
                and perhaps it is misspelt. Finding out costs a request.
            DriftWarning: The runs changed meanwhile, and not all is corrected.
        """
        plan, to = self._plan_values(keys, format, progress)
        if self._query.is_part:
            await self._list_to(None)
        found = await self._client.run(self._fetch_values("configs", plan, to, progress))
        return self._finish(found.gaps, found.value, None)

    @overload
    async def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Literal["default"] = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row]: ...
    @overload
    async def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["pandas"],
        progress: OnProgress | None = None,
    ) -> PandasFrame: ...
    @overload
    async def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        *,
        format: Literal["polars"],
        progress: OnProgress | None = None,
    ) -> PolarsFrame: ...
    @overload
    async def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | PandasFrame | PolarsFrame: ...
    async def summaries(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        format: Format = "default",
        *,
        progress: OnProgress | None = None,
    ) -> list[Row] | PandasFrame | PolarsFrame:
        """The summaries of all runs: a row for each run, in order; as `Runs.summaries`.

        Args:
            keys: The metrics to read; None for all. `loss.min` also reads
                `{"loss": {"min": 0.1}}`, as `define_metric(summary="min")` writes it, for which
                all of `loss` travels; where a run has both, the flat key wins.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame.
            progress: Called with a `Progress` after each answer, in the event loop.

        Returns:
            The columns are the keys as asked (else all keys, by name) and `run_id`, with the
            dtypes of `histories`. A value that a run does not have, or has as null, is null in
            polars, NaN or `<NA>` in pandas, and no entry in a dict. A run without any has its
            row too.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: No such project, or the key may not see it.
            BadResponseError: A run's summary is not a JSON object.
            DriftError: What a `DriftWarning` would say, where the listing is `strict`.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            UnknownKeyWarning: No run has one of the keys, or what the filter or the order names,
                and perhaps it is misspelt. Finding out costs a request.
            DriftWarning: The runs changed meanwhile, and not all is corrected.
        """
        plan, to = self._plan_values(keys, format, progress)
        if self._query.is_part:
            await self._list_to(None)
        found = await self._client.run(self._fetch_values("summaries", plan, to, progress))
        return self._finish(found.gaps, found.value, None)
