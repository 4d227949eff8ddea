"""`Run`: one run, with what it was configured with and what it logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeVar, overload

from typing_extensions import deprecated

from wandb_runs.errors import DeprecatedNameWarning, IgnoredArgumentWarning
from wandb_runs.errors.warnings import warn
from wandb_runs.frames.build import check_installed
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.scan import plan_scan
from wandb_runs.runs.changes.run_changes import RunChanges
from wandb_runs.runs.console import ConsoleScan
from wandb_runs.runs.exact.scan import ExactScan
from wandb_runs.runs.files.of_runs import FilesOfRun
from wandb_runs.runs.run_base import (
    NOT_GIVEN,
    ConfigT_co,
    NotGiven,
    SummaryT_co,
    choose_format,
)
from wandb_runs.runs.scan_rows import ScanRows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.frames.pandas_types import DataFrame as PandasFrame
    from wandb_runs.frames.plan import Format, Join, Stream
    from wandb_runs.frames.polars_types import DataFrame as PolarsFrame
    from wandb_runs.frames.rows import Row
    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.runs.console import ConsoleLine
    from wandb_runs.runs.sweep import Sweep

__all__ = ["Run"]

K = TypeVar("K", bound=str)


class Run(RunChanges[ConfigT_co, SummaryT_co], FilesOfRun[ConfigT_co, SummaryT_co]):
    """One run, as it stood when it was listed.

    Made by listing (`api.runs(...)`) and by `api.run("entity/project/run_id")`. Reading an
    attribute sends no request, but for those that say so. Two runs are equal when entity,
    project and id are. Threads may share one; `refresh` swaps its contents in one step.

    `config` and `summary` are decoded when first touched, and kept. They hold every key, or those
    that the listing was told to ask for. They and all that is nested in them are read-only dicts
    and lists, which every library reads as such; `copy.deepcopy` gives what can be changed.

    >>> run = api.runs("sample/digits", {"state": "finished"})[0]
    >>> run == api.run("/".join(run.path))
    True
    >>> isinstance(run.config["optimizer"], str)
    True
    >>> run.config["optimizer"] = "adam"
    Traceback (most recent call last):
    TypeError: run.config is read-only: run.update(config={'optimizer': ...}) changes what the \
server holds, and copy.deepcopy(x) gives a dict of your own, which can be changed throughout
    """

    __slots__ = ()

    @property
    def sweep(self) -> Sweep | None:
        """The sweep that started the run.

        The first touch sends a request, one for each distinct sweep of a listing. None without
        a request when the run has no sweep, or was listed with `include_sweeps=False`.
        """
        sweeps, sweep_id = self._context.sweeps, self.sweep_name
        return sweeps.get(self.entity, self.project, sweep_id) if sweeps and sweep_id else None

    @property
    def system_metrics(self) -> JSONObject:
        """The last value of each machine metric; the first touch sends a request.

        Raises:
            BadResponseError: What the server stores is not a JSON object.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._context.client.run(self._fetch_system_metrics())

    @property
    def metadata(self) -> JSONObject | None:
        """What the run's machine and program were, from `wandb-metadata.json`.

        The first touch sends two requests. None when the run saved no such file.

        Raises:
            BadResponseError: The file is not a JSON object.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        node = self._node
        address = self._context.client.run(self._find_metadata(node))
        content = None if address is None else self._context.client.download(address)
        return self._read_metadata(node, content)

    @property
    def history_keys(self) -> JSONObject | None:
        """What the history holds, as W&B describes it; the first touch sends a request.

        `{"sets": [], "lastStep": 9, "keys": {"loss": {"typeCounts": [...], ...}}}`, or None
        without a history.

        Raises:
            BadResponseError: What came is not a JSON object.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._context.client.run(self._fetch_history_keys())

    @property
    def last_history_step(self) -> int:
        """The last step of the history; -1 without one. The first touch sends a request.

        Raises:
            BadResponseError: What came is not a step.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        return self._context.client.run(self._fetch_last_history_step())

    @property
    def lastHistoryStep(self) -> int:  # noqa: N802 - W&B's spelling, for code that moves over
        """`last_history_step`, as W&B's SDK spells it."""
        return self.last_history_step

    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        pandas: Literal[True] = True,
        stream: Stream = "default",
        *,
        format: Literal["pandas"] | None = None,
        join: Join = "inner",
        exact: bool = False,
    ) -> PandasFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        pandas: Literal[False],
        stream: Stream = "default",
        format: None = None,
        join: Join = "inner",
        exact: bool = False,
    ) -> list[Row]: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Literal["default"],
        join: Join = "inner",
        exact: bool = False,
    ) -> list[Row]: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Literal["polars"],
        join: Join = "inner",
        exact: bool = False,
    ) -> PolarsFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        pandas: bool = True,
        stream: Stream = "default",
        *,
        format: None = None,
        join: Join = "inner",
        exact: bool = False,
    ) -> list[Row] | PandasFrame: ...
    @overload
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        *,
        stream: Stream = "default",
        format: Format | None,
        join: Join = "inner",
        exact: bool = False,
    ) -> list[Row] | PandasFrame | PolarsFrame: ...
    def history(
        self,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        pandas: bool | NotGiven = NOT_GIVEN,
        stream: Stream = "default",
        *,
        format: Format | None = None,
        join: Join = "inner",
        exact: bool = False,
    ) -> list[Row] | PandasFrame | PolarsFrame:
        """The sampled history of this run; sends one request, or several for an outer join.

        Args:
            samples: The most rows, at least 1. With keys they are evenly spread; without, W&B
                chooses them at random. Of machine metrics with keys, the most rows for each key,
                evenly spread over its rows, for which the whole stream travels.
            keys: The metrics to read; None for all. Several keys give the rows that hold all
                of them, as W&B has it; of machine metrics, the rows that hold any. `train.loss`
                also reads what was logged as `{"train": {"loss": 1}}`; where a row has both, the
                flat key wins.
            x_axis: The metric that comes first in each row. Machine metrics have no `_step`:
                there it stands for `_runtime`, in seconds.
            pandas: Whether to return a `pandas.DataFrame` or a list of dicts.
            stream: `"default"` for metrics, `"system"` or `"events"` for machine metrics.
            format: `"default"` for a list of dicts, `"pandas"` or `"polars"` for a frame; in
                place of `pandas=`.
            join: `"inner"` for the rows that hold all keys; `"outer"` for all rows of each key,
                merged by `_step`, which is right for metrics that are logged at different steps:
                up to `samples` rows for each key. Either way a row holds the x axis, too.
            exact: Whether to read every row, in place of a sample, as `Runs.histories` does.

        Returns:
            The columns and dtypes of `Runs.histories`, without `run_id`.

        Raises:
            InvalidArgumentError: An argument that cannot be right, or both `pandas=` and
                `format=`; nothing was sent.
            MissingDependencyError: The format's library is not installed; nothing was sent.
            NotFoundError: The run is gone.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            EmptyJoinWarning: The run has rows of each key and none of all; or, with another x
                axis than `_step`, a key was logged apart from it. Finding out costs another
                request, when there is no row, or none of a key.
            UnknownMetricWarning: There is no row, or none of a key of an outer join, and perhaps a
                name is misspelt. Finding out costs another request, likewise. Or a machine metric
                that was named, or the x axis of whole rows, has none, which costs none.

        >>> run.history(samples=2, keys=["loss"], format="polars").columns
        ['_step', 'loss']
        """
        plan = plan_histories(samples, keys, x_axis, stream, join=join, run_id=False, exact=exact)
        to = choose_format(pandas, format)
        check_installed(to)
        found, warning = self._context.client.run(self._fetch_history(plan, to))
        if warning is not None:
            warn(warning)
        return found

    def scan_history(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        *,
        use_cache: bool | None = None,
    ) -> Iterator[Row]:
        """Every row of the history, unsampled, in the order of steps.

        The arguments are checked at once; requests are sent as rows are taken: one for where the
        rows are, then for parts of W&B's Parquet exports where there are any and pyarrow is
        installed, otherwise about one for each `page_size` steps. What changes meanwhile is read
        anew, behind the rows that were given.

        Args:
            keys: Only rows that hold all of these, with their `_step` and these alone; None
                for whole rows. Keys with dots are those of `history`.
            page_size: The most rows to ask for at once by steps, at least 1.
            min_step: The first step.
            max_step: The step before which to stop; None for the whole history.
            use_cache: Ignored, with a warning: nothing is kept on disk.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.
            NotFoundError: The run is gone.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            EmptyJoinWarning: The run has rows of each key and none of all; at the end.
            UnknownMetricWarning: No row holds all keys, and perhaps one is misspelt; at the end.

        >>> losses = [row["loss"] for row in run.scan_history(keys=["loss"])]
        >>> len(losses) >= len(run.history(samples=5, keys=["loss"], pandas=False))
        True
        """
        if use_cache is not None:
            warn(IgnoredArgumentWarning("use_cache= does nothing: nothing is kept on disk"))
        plan = plan_scan(keys, page_size, min_step, max_step)
        scan = ExactScan(self._where, plan, self._reading())
        return ScanRows(self._context.client, scan)

    def console_logs(
        self, *, per_page: int = 1000, last: int | None = None
    ) -> Iterator[ConsoleLine]:
        """The lines that the run's program printed, in order, read as they are taken.

        The arguments are checked at once. A server before 0.77 gives the last lines alone: it is
        asked for twice as many each time, until it gives all, and a `MissingLinesWarning` tells
        where it gives no more. An error does not end the loop: the next `next()` sends the request
        again.

        Args:
            per_page: Lines per request, at least 1.
            last: How many of the last lines to read, in one request, at least 1; None for all.

        Returns:
            An iterator of lines.

        Raises:
            InvalidArgumentError: A number of the wrong type or out of range; nothing was sent.
            NotFoundError: The run is gone.
            UnsupportedByServerError: The server has no console output.
            BadResponseError: The answer does not tell which lines there are.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        Warns:
            MissingLinesWarning: The server did not give all lines; at the end.

        >>> [line.text for line in run.console_logs(last=10) if line.level == "error"]
        []
        """
        client = self._context.client
        scan = ConsoleScan(*self._where, client.server, per_page=per_page, last=last)
        return ScanRows(client, scan)

    def load(self, force: bool = False) -> JSONObject:
        """What the run is, under the names of W&B's schema.

        `config` and `summaryMetrics` are decoded, `rawconfig` is `raw_config`, `id` is
        `storage_id` and `name` is `id`; the rest is as the server sent it, times as text.

        Args:
            force: Whether to ask for the run again first, as `refresh` does.

        Returns:
            A read-only dict, without what takes a request of its own: `historyKeys` and
            `systemMetrics`.

        Raises:
            BadResponseError: Config or summary is not a JSON object.
            NotFoundError: The run is gone.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.

        >>> run.load()["displayName"] == run.name
        True
        """
        return self._context.client.run(self._fetch_attributes(again=force))

    @deprecated(
        "W&B deprecates run.beta_scan_history; use run.scan_history", category=DeprecatedNameWarning
    )
    def beta_scan_history(
        self,
        keys: list[K] | tuple[K, ...] | None = None,
        page_size: int = 1000,
        min_step: int = 0,
        max_step: int | None = None,
        use_cache: bool | None = None,
    ) -> Iterator[Row]:
        """`scan_history`, as W&B's SDK spelt it once; deprecated.

        Args:
            keys: Only rows that hold all of these.
            page_size: The most rows to ask for at once by steps, at least 1.
            min_step: The first step.
            max_step: The step before which to stop; None for the whole history.
            use_cache: Ignored, with a warning: nothing is kept on disk.
        """
        return self.scan_history(keys, page_size, min_step, max_step, use_cache=use_cache)

    def refresh(self) -> None:
        """Ask for the run again: for runs that are still running.

        Raises:
            NotFoundError: The run is gone.
            WandbRunsError: What any request may raise; see `docs/reference/errors.md`.
        """
        self._context.client.run(self._fetch_again())
