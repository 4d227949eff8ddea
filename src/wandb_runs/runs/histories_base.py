"""What `Runs` and `AsyncRuns` share of reading all runs: histories, configs and summaries."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from functools import partial
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeVar

from wandb_runs.errors import (
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    HistoriesError,
)
from wandb_runs.errors.suggest import name_runs
from wandb_runs.errors.warnings import warn
from wandb_runs.frames.batches import Batches
from wandb_runs.frames.build import build_pandas, build_polars, build_rows, check_installed
from wandb_runs.frames.histories import Gaps, HistoryPages, collect_histories
from wandb_runs.frames.plan import check_format, check_on_error, plan_histories
from wandb_runs.frames.requests import HistoryRequest, RowsReader
from wandb_runs.frames.schema import (
    check_schema,
    conform_pandas,
    conform_polars,
    find_targets,
)
from wandb_runs.frames.values import KnownRuns, build_values, fetch_values, plan_values
from wandb_runs.pagination.page import PageRequest
from wandb_runs.pagination.progress import check_progress
from wandb_runs.query.mentions import key_mentions
from wandb_runs.runs.exact.origins import note_origins
from wandb_runs.runs.exact.pages import ExactPages
from wandb_runs.runs.exact.sources import SourcesReader
from wandb_runs.runs.known_keys import Documents

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.batches import AnyBatches
    from wandb_runs.frames.histories import AnyPages
    from wandb_runs.frames.plan import Format, HistoryPlan, Join, OnError, Stream
    from wandb_runs.frames.requests import Reader
    from wandb_runs.frames.rows import Row, RunRows
    from wandb_runs.frames.values import Values
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Selection
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.runs.exact.file_tables import Reading
    from wandb_runs.runs.name_check import NameCheck
    from wandb_runs.runs.run_query import RunQuery

__all__ = ["Found", "HistoriesBase", "check_output"]

K = TypeVar("K", bound=str)
T = TypeVar("T")
ContentT = TypeVar("ContentT")

_log = logging.getLogger("wandb_runs")


class Found(NamedTuple, Generic[T]):
    """The result of a call, and what it lacks.

    Attributes:
        value: The result.
        gaps: What it lacks.
    """

    value: T
    gaps: Gaps


class HistoriesBase(ABC):
    """Reads histories, configs and summaries of all runs of a listing."""

    _query: RunQuery
    _names: NameCheck

    @abstractmethod
    def _select(self) -> Flow[Selection]:
        """The variables that select the runs."""

    @abstractmethod
    def _listed_ids(self) -> list[str] | None:
        """The ids of all runs, where all have been listed."""

    @abstractmethod
    def _counted(self) -> int | None:
        """How many runs there are, if that is known."""

    @abstractmethod
    def _check_none(self) -> Flow[None]:
        """Check that there is no run, where a count of them was given before.

        Raises:
            BadResponseError: The server still counts some.
        """

    @abstractmethod
    def _ahead(self) -> int:
        """How many pages are requested at once."""

    @abstractmethod
    def _reading(self) -> Reading:
        """What files are read with."""

    def _plan_values(
        self, keys: list[K] | tuple[K, ...] | None, format: Format, progress: OnProgress | None
    ) -> tuple[HistoryPlan, Format]:
        return plan_values(keys), check_output(format, progress)

    def _fetch_values(
        self,
        what: Literal["configs", "summaries"],
        plan: HistoryPlan,
        to: Format,
        progress: OnProgress | None,
    ) -> Flow[Found[list[Row] | pd.DataFrame | pl.DataFrame]]:
        known = KnownRuns(
            self._listed_ids(), self._counted(), progress, self._ahead(), self._query.page_size
        )
        selection = yield from self._select()
        values, drift, gone = yield from fetch_values(what, selection, plan.keys, known)
        if known.ids is None and not (values or drift.nulls):
            yield from self._check_none()
        yield from self._check_values(what, selection, plan, values, ids=known.ids)
        built = build_values(values, plan, to=to)
        return Found(built, Gaps({}, (), drift, gone))

    def _check_values(
        self,
        what: Literal["configs", "summaries"],
        selection: Selection,
        plan: HistoryPlan,
        values: Values,
        *,
        ids: list[str] | None,
    ) -> Flow[None]:
        """Look up the keys that no run of a call has, and what else may leave it empty."""
        if ids == []:
            return  # the listing was checked, and has no run that could have a key
        missing = [key for key in plan.keys or () if not any(key in row for _, row in values)]
        section: Literal["config", "summary"] = "config" if what == "configs" else "summary"
        mentions = key_mentions("keys", section, missing)
        shown = (
            Documents(row, {}) if section == "config" else Documents({}, row) for _, row in values
        )
        yield from self._names.after_call(
            selection, has_runs=bool(values), keys=mentions, shown=shown
        )

    def _plan_histories(
        self,
        samples: int,
        keys: list[K] | tuple[K, ...] | None,
        x_axis: str,
        format: Format,
        stream: Stream,
        join: Join,
        on_error: OnError,
        progress: OnProgress | None,
        *,
        exact: bool,
    ) -> tuple[HistoryPlan, Format]:
        plan = plan_histories(samples, keys, x_axis, stream, join=join, exact=exact)
        check_on_error(on_error)
        return plan, check_output(format, progress)

    def _fetch_histories(
        self, plan: HistoryPlan, to: Format, progress: OnProgress | None
    ) -> Flow[Found[list[Row] | pd.DataFrame | pl.DataFrame]]:
        pages = yield from self._fetch_rows(plan, progress, eager=True)
        collected = yield from collect_histories(pages, plan, to=to)
        gaps = yield from self._close(pages, has_rows=bool(len(collected)))
        return Found(note_origins(collected, gaps.origins), gaps)

    def _close(self, pages: AnyPages[ContentT], *, has_rows: bool) -> Flow[Gaps]:
        """What histories lack when all have been read, and which names may be the reason."""
        has_any = pages.has_runs or pages.gaps.drift.nulls
        if self._listed_ids() is None and not has_any:
            yield from self._check_none()
        gaps = yield from pages.close(has_rows=has_rows)
        yield from self._names.after_call(pages.selection, has_runs=pages.has_runs)
        return gaps

    def _fetch_pages(
        self,
        plan: HistoryPlan,
        reader: Reader[ContentT],
        progress: OnProgress | None,
        *,
        eager: bool = False,
    ) -> Flow[HistoryPages[ContentT]]:
        selection = yield from self._select()
        page = PageRequest(None, self._query.histories_page_size(plan))
        return HistoryPages(
            HistoryRequest(plan, selection, page),
            reader,
            run_ids=self._listed_ids(),
            total=self._counted(),
            ahead=self._ahead(),
            progress=progress,
            eager=eager,
        )

    def _fetch_rows(
        self, plan: HistoryPlan, progress: OnProgress | None, *, eager: bool = False
    ) -> Flow[AnyPages[list[RunRows]]]:
        """The requests for rows: samples, or all of them."""
        if not plan.is_exact:
            return (yield from self._fetch_pages(plan, RowsReader(), progress, eager=eager))
        sources = yield from self._fetch_pages(plan, SourcesReader(), None)
        return ExactPages(
            sources,
            plan,
            self._reading(),
            total=self._counted(),
            progress=progress,
            keeps_all=eager,
        )

    def _new_batches(
        self, plan: HistoryPlan, to: Format, schema: object, progress: OnProgress | None
    ) -> AnyBatches[list[Row] | pd.DataFrame | pl.DataFrame]:
        dtypes = check_schema(schema, plan, to)
        if to == "polars":
            return self._polars_batches(plan, dtypes, progress)
        if to == "pandas":
            return self._pandas_batches(plan, dtypes, progress)
        return Batches(
            lambda: self._fetch_rows(plan, progress),
            lambda histories: build_rows(histories, plan) or None,
            self._close,
        )

    def _pandas_batches(
        self, plan: HistoryPlan, schema: Mapping[str, object] | None, progress: OnProgress | None
    ) -> AnyBatches[pd.DataFrame]:
        targets = find_targets(schema, "pandas")

        def convert(histories: list[RunRows]) -> pd.DataFrame | None:
            frame = build_pandas(histories, plan, targets=targets)
            if not len(frame):
                return None
            return frame if schema is None else conform_pandas(frame, schema, plan)

        return Batches(lambda: self._fetch_rows(plan, progress), convert, self._close)

    def _polars_batches(
        self, plan: HistoryPlan, schema: Mapping[str, object] | None, progress: OnProgress | None
    ) -> AnyBatches[pl.DataFrame]:
        targets = find_targets(schema, "polars")

        def convert(histories: list[RunRows]) -> pl.DataFrame | None:
            frame = build_polars(histories, plan, targets=targets)
            if not frame.height:
                return None
            return frame if schema is None else conform_polars(frame, schema, plan)

        return Batches(lambda: self._fetch_rows(plan, progress), convert, self._close)

    def _finisher(self, on_error: OnError | None) -> Callable[[Gaps], None]:
        return partial(self._finish, histories=None, on_error=on_error)

    def _warn_of_names(self) -> None:
        """Warn of the names that were found to be unknown, each once."""
        for warning in self._names.take():
            warn(warning)

    def _finish(self, gaps: Gaps, histories: T, on_error: OnError | None) -> T:
        """Report what a result lacks, and return it.

        Args:
            gaps: What it lacks.
            histories: The result; None where it has been handed on.
            on_error: The caller's choice; None where there is none but to raise.

        Raises:
            DriftError: There is drift that cannot be corrected, and the listing is strict.
            HistoriesError: Some histories could not be read, and `on_error` is not `"skip"`.
        """
        self._warn_of_names()
        drift = gaps.drift
        if drift or gaps.gone:
            if self._query.strict:
                raise DriftError(drift.late, drift.nulls, gaps.gone)
            warn(DriftWarning(drift.late, drift.nulls, gaps.gone))
        if gaps.disjoint_runs:
            warn(EmptyJoinWarning(gaps.disjoint_runs, gaps.x_axis))
        if gaps.unknown_metrics is not None:
            warn(gaps.unknown_metrics)
        if gaps.cut_runs:
            cut, most = len(gaps.cut_runs), max(gaps.cut_runs.values())
            _log.info(
                "%s have more rows than samples=, up to %d",
                name_runs([*gaps.cut_runs]),
                most,
                extra={"cut_runs": cut, "most_rows": most},
            )
        if not gaps.failed:
            return histories
        first = next(iter(gaps.failed.values()))
        message = f"the histories of {name_runs([*gaps.failed])} could not be had: {first.message}"
        if on_error == "skip":
            _log.warning("skipped: %s", message, extra={"skipped_runs": len(gaps.failed)})
            return histories
        told = [message]
        if on_error is not None:
            # Of exact histories the errors themselves say what helps.
            fewer = "" if gaps.is_exact else "ask for fewer samples or keys, or "
            told.append(f'{fewer}pass on_error="skip" for the rest alone')
        if histories is not None:
            told.append("error.histories holds the rest")
        raise HistoriesError("; ".join(told), errors=gaps.failed, histories=histories) from first


def check_output(format: Format, progress: OnProgress | None) -> Format:
    """Check the format and the progress callback of a call.

    Raises:
        InvalidArgumentError: There is no such format, or the callback cannot be called.
        MissingDependencyError: The format's library is not installed.
    """
    to = check_format(format)
    check_progress(progress)
    check_installed(to)
    return to
