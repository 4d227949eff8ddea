"""What `Runs` and `AsyncRuns` share: listing, counting, checkpoints."""

from __future__ import annotations

import operator
from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeVar, overload

from typing_extensions import override

from wandb_runs.errors import (
    BadResponseError,
    DriftError,
    DriftWarning,
    InvalidArgumentError,
)
from wandb_runs.errors.text import as_message
from wandb_runs.errors.warnings import warn
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.values import (
    plan_values,
)
from wandb_runs.graphql._generated import count_runs
from wandb_runs.graphql.flow import ask, gather
from wandb_runs.pagination.changes import creation_key
from wandb_runs.pagination.checkpoint import Checkpoint, ListingState, make_checkpoint
from wandb_runs.pagination.listing import Listing, ListingPlan, PageStream, read_all
from wandb_runs.pagination.page import fetch_page, no_runs_of
from wandb_runs.pagination.paginator import Drift, Source, fetch_named_page, list_all_ids
from wandb_runs.pagination.progress import ProgressCounter
from wandb_runs.query.location import missing_project
from wandb_runs.runs.assignment import NoNewAttributes
from wandb_runs.runs.best_base import BestBase
from wandb_runs.runs.exact.file_tables import Reading
from wandb_runs.runs.exact.lazy_base import LazyBase
from wandb_runs.runs.explain import check_call, explain
from wandb_runs.runs.field_values import check_field
from wandb_runs.runs.markup import html_text
from wandb_runs.runs.models import check_on_invalid
from wandb_runs.runs.name_check import NameCheck
from wandb_runs.runs.notebook import runs_html
from wandb_runs.runs.run_base import AnyRun, RunContext, created_text, fits
from wandb_runs.runs.table_base import RunsRead, TableBase
from wandb_runs.runs.unknown_names import UnknownNames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Self

    from wandb_runs.frames.plan import Join, Stream
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Page, PageRequest, Selection
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.query.key_fields import ValueField
    from wandb_runs.query.keys import KeySelection
    from wandb_runs.runs.explain import Call, Explanation
    from wandb_runs.runs.models import OnInvalid
    from wandb_runs.runs.record import Node
    from wandb_runs.runs.run_query import RunQuery
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase

__all__ = ["RunT_co", "RunsBase", "share_of"]

K = TypeVar("K", bound=str)
ContentT = TypeVar("ContentT")
RunT_co = TypeVar("RunT_co", bound="AnyRun", covariant=True)

ClientT_co = TypeVar("ClientT_co", bound="Client[SessionBase]", covariant=True)
SweepsT_co = TypeVar("SweepsT_co", covariant=True)

RunsT = TypeVar("RunsT", bound="RunsBase[Any, Any, Any]")

_MOST_RUNS: Final = 100_000_000


class RunsBase(
    UnknownNames,
    NoNewAttributes,
    TableBase,
    BestBase,
    LazyBase,
    Generic[ClientT_co, SweepsT_co, RunT_co],
):
    """What `Runs` and `AsyncRuns` share: all but the sending.

    What takes requests is a flow here, which either kind of client runs.

    Args:
        client: The client to send requests with.
        query: What to list.
    """

    _why_fixed = "a listing stays as it was made; pass the option to api.runs(...)"

    _sweeps: SweepsT_co | None

    def __init__(self, client: ClientT_co, query: RunQuery) -> None:
        self._client = client
        self._query = query
        self._reset()

    def _reset(self) -> None:
        """Begin the listing, with nothing read."""
        self._listing: Listing[RunT_co] = Listing(self._plan)
        self._count: int | None = None
        self._reported = Drift()
        self._names = NameCheck(self._query.unchecked_mentions, self._query.keys)

    def __getstate__(self) -> tuple[ClientT_co, RunQuery]:
        """The client and the query: a copy reads anew."""
        return self._client, self._query

    def __setstate__(self, state: tuple[ClientT_co, RunQuery]) -> None:
        """List the same, from the start."""
        self._client, self._query = state
        self._reset()

    @abstractmethod
    def _make(self, entity: str, nodes: Iterable[Node]) -> list[RunT_co]:
        """Make runs of their nodes in an answer."""

    @override
    def _ahead(self) -> int:
        return 2 * self._client.max_concurrency  # while some are read, others are under way

    @override
    def _reading(self) -> Reading:
        return Reading(self._client.settings, self._client.options.max_response_bytes)

    def _context(self, entity: str) -> RunContext[ClientT_co, SweepsT_co]:
        query = self._query
        return RunContext(
            self._client, entity, query.project, self._sweeps, query.keys, query.models
        )

    @override
    def __repr__(self) -> str:
        # A traceback may show one whose arguments were refused.
        query: RunQuery | None = getattr(self, "_query", None)
        if query is None:
            return f"<{type(self).__name__}, not made>"
        shown = f"{query.entity or '(default entity)'}/{query.project}"
        return f"<{type(self).__name__} {as_message(shown)}>"

    def _repr_html_(self) -> str:
        """What a notebook shows: what is asked for, and the runs read so far; sends nothing."""
        query: RunQuery | None = getattr(self, "_query", None)
        if query is None:
            return html_text(repr(self))
        return runs_html(
            query, self._listing.items[:], self._counted(), lambda: self._client.settings.app_url
        )

    @property
    def project(self) -> str:
        """The project's name."""
        return self._query.project

    @property
    def server(self) -> str:
        """The base URL of the server that has the runs."""
        return self._client.settings.base_url

    @property
    def per_page(self) -> int:
        """The most runs per request as it was given; 50 where it was not, and pages grow."""
        return int(self._query.per_page)

    def with_ids(self, ids: list[K] | tuple[K, ...]) -> Self:
        """The same listing of only some runs, those with these ids; sends nothing.

        Filter, order, keys, models, `per_page`, `include_sweeps` and `strict` are those of this
        listing. `limit=` and `checkpoint=` are not: they count runs by their places, and the ids
        say which runs there are. What this listing has read is read anew.

        It is how a part of a listing goes to another process: pickled, it holds no key. The ids
        travel with each request, a dozen bytes or so for each.

        Args:
            ids: The ids of the runs, in any order; one that comes twice counts once. An id that
                the listing has not, such as that of a run which was deleted, adds no run. An
                empty list makes an empty listing, for which nothing is sent.

        Raises:
            InvalidArgumentError: Not a list or tuple of ids; nothing was sent.

        >>> chosen = [run.id for run in runs[:3]]
        >>> part = runs.with_ids([*reversed(chosen)])
        >>> [run.id for run in part] == chosen
        True
        """
        selected = type(self).__new__(type(self))
        selected.__setstate__((self._client, self._query.with_ids(ids)))
        return selected

    @overload
    def explain(self, call: Literal["list"] = "list") -> Explanation: ...
    @overload
    def explain(
        self,
        call: Literal["configs", "summaries"],
        *,
        keys: list[K] | tuple[K, ...] | None = None,
    ) -> Explanation: ...
    @overload
    def explain(
        self,
        call: Literal["histories"],
        *,
        samples: int = 500,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str = "_step",
        stream: Stream = "default",
        join: Join = "inner",
        exact: bool = False,
    ) -> Explanation: ...
    def explain(
        self,
        call: Call = "list",
        *,
        samples: int | None = None,
        keys: list[K] | tuple[K, ...] | None = None,
        x_axis: str | None = None,
        stream: Stream | None = None,
        join: Join | None = None,
        exact: bool | None = None,
    ) -> Explanation:
        """What a call would send; sends nothing.

        Args:
            call: `"list"` for going through the runs, or the method: `"histories"`, `"configs"`,
                `"summaries"`.
            samples: The most rows for each run; of `"histories"`.
            keys: The metrics, or the keys of configs or summaries; not of `"list"`.
            x_axis: The metric that comes first in each row; of `"histories"`.
            stream: `"default"` for metrics, `"system"` or `"events"` for machine metrics; of
                `"histories"`.
            join: `"inner"` for the rows that hold all keys, `"outer"` for all rows of each; of
                `"histories"`.
            exact: Whether every row is read; of `"histories"`. The operation is the one that asks
                where the rows of a page of runs are.

        Returns:
            The document, the variables of the first request, and the number of requests where the
            number of runs is known: after `len(runs)`, or when all have been listed. An entity
            that only the viewer can tell is left out; it would be asked for first. Printed, it is
            what a person wants to read.

        Raises:
            InvalidArgumentError: An argument that cannot be right, or that the call has not.

        >>> asked = runs.explain("histories", samples=100, keys=["loss"])
        >>> asked.operation, asked.runs_per_request, asked.variables["specs"]
        ('ListSampledHistories', 750, ['{"keys": ["_step", "loss"], "samples": 100}'])
        """
        check_call(
            call, keys=keys, samples=samples, x_axis=x_axis, stream=stream, join=join, exact=exact
        )
        plan = None
        if call == "histories":
            plan = plan_histories(
                500 if samples is None else samples,
                keys,
                "_step" if x_axis is None else x_axis,
                "default" if stream is None else stream,
                join="inner" if join is None else join,
                exact=False if exact is None else exact,
            )
        elif call != "list":
            plan = plan_values(keys)
        return explain(
            call,
            self._query,
            plan,
            ids=self._listed_ids(),
            total=self._counted(),
            fit=self._client.server.fit,
        )

    def _plan_fields(
        self, fields: Sequence[ValueField[object]], on_invalid: OnInvalid
    ) -> tuple[Self, list[RunT_co] | None, bool]:
        """Check the arguments of `values`.

        Returns:
            The listing whose pages have the fields, its runs if they have been read, and whether
            to skip runs.

        Raises:
            InvalidArgumentError: One of them cannot be right.
        """
        check_on_invalid(on_invalid)
        if not fields:
            raise InvalidArgumentError("values takes a field, like Config('lr', type=float)")
        for field in fields:
            check_field(field, "values(…)")
        skips, query = on_invalid == "skip", self._query.for_fields(fields)
        listing = self._listing
        if listing.complete and self._query.keys.covers(query.keys):
            return self, listing.items[:], skips
        if query is self._query:
            return self, None, skips
        selected = type(self).__new__(type(self))
        selected.__setstate__((self._client, query))
        return selected, None, skips

    # Listing.

    @property
    def _source(self) -> Source[RunT_co]:
        return Source(self._select, self._fetch, self._client.max_concurrency)

    @override
    def _select(self) -> Flow[Selection]:
        yield from self._fetch_entity()
        return self._query.selection

    def _fetch_entity(self) -> Flow[str]:
        entity = self._query.entity
        if entity is None:
            entity = self._client.settings.entity or (yield from self._client.viewer.entity())
            self._query = replace(self._query, entity=entity)
        return entity

    def _fetch(self, selection: Selection, request: PageRequest) -> Flow[Page[RunT_co]]:
        page = yield from self._fetch_nodes(self._query, selection, request)
        yield from self._names.after_page(selection, page)
        return page.with_items(self._make(selection["entity"], page.items))

    def _fetch_nodes(
        self, query: RunQuery, selection: Selection, request: PageRequest
    ) -> Flow[Page[Node]]:
        operation = query.list_page(selection, request)
        page = yield from fetch_page(operation, selection, request)
        is_first = request.after is None and selection["filters"] == query.filters
        if is_first and page.is_empty and page.next_cursor is None:
            yield from self._check_none()
        if page.total is not None and selection["filters"] == query.filters:
            self._count = page.total
        return page

    def _read_to(self, count: int | None, *, goes_on: bool) -> Flow[None]:
        """Read so many runs, or all for None.

        Args:
            count: The number of runs.
            goes_on: Whether more are likely to be read, so that pages are read ahead.
        """
        wanted = self._counted() if goes_on or count is None else count
        return self._listing.read_to(count, self._source, wanted=wanted)

    def _read_all(self, progress: OnProgress | None) -> Flow[None]:
        """Read all runs, for a table."""
        return read_all(self._listing, self._source, progress, count=self._counted)

    @override
    def _fetch_runs(self, keys: KeySelection, progress: OnProgress | None) -> Flow[RunsRead]:
        listing, query = self._listing, replace(self._query, keys=keys)
        has_keys = self._query.keys.covers(keys)
        is_complete, listed = listing.complete, listing.items[:]
        if is_complete and has_keys:
            return RunsRead(listed)

        def fetch(selection: Selection, request: PageRequest) -> Flow[Page[RunT_co]]:
            page = yield from self._fetch_nodes(query, selection, request)
            return page.with_items(self._make(selection["entity"], page.items))

        if is_complete:
            return (yield from self._fetch_listed(listed, fetch, progress))
        plan, read = self._plan, listed if has_keys else []
        if read:
            plan = plan._replace(start=listing.state_at(len(read)))
        rest: Listing[RunT_co] = Listing(plan)
        source = Source(self._select, fetch, self._client.max_concurrency)
        yield from read_all(rest, source, progress, count=self._counted, before=len(read))
        return RunsRead([*read, *rest.items], rest.drift)

    def _fetch_listed(
        self,
        listed: list[RunT_co],
        fetch: Callable[[Selection, PageRequest], Flow[Page[RunT_co]]],
        progress: OnProgress | None,
    ) -> Flow[RunsRead]:
        """Read again the runs that were listed with other keys."""
        selection = yield from self._select()
        ids, most = [*map(_run_id, listed)], self._query.page_size.most
        counter = ProgressCounter(progress, len(ids))
        parts = [ids[start : start + most] for start in range(0, len(ids), most)]
        pages = yield from gather(
            [fetch_named_page(selection, part, fetch, _run_id) for part in parts],
            lambda page: counter.add(len(page.items), page.size, total=None, is_last=False),
        )
        runs = {run.id: run for page in pages for run in page.items}
        gone = tuple(each for each in ids if each not in runs)
        return RunsRead([*runs.values()], gone=gone)

    def _has(self, count: int | None) -> bool:
        """Whether so many runs have been listed; all for None."""
        listing = self._listing
        return listing.complete or (count is not None and len(listing.items) >= count)

    @override
    def _listed_ids(self) -> list[str] | None:
        """The ids of all runs, where all have been listed."""
        return [run.id for run in self._listing.items] if self._listing.complete else None

    def _report(self, drift: Drift, reported: Drift) -> Drift:
        """Warn of unknown names, and of drift that cannot be corrected: when known, and once.

        Returns:
            What has been reported by now.

        Raises:
            DriftError: The listing is strict.
        """
        self._warn_of_names()
        if drift and self._query.strict:
            raise DriftError(drift.late, drift.nulls)
        if drift and drift != reported:
            warn(DriftWarning(drift.late, drift.nulls))
        return drift

    @override
    def _counted(self) -> int | None:
        """How many runs there are, if that is known."""
        if self._listing.complete:
            return len(self._listing.items)
        if self._count is None:
            return None
        limit, read = self._query.limit, self._query.start.read
        return max(0, (self._count if limit is None else min(self._count, limit)) - read)

    def _fetch_length(self) -> Flow[int]:
        if self._counted() is None:
            self._count = yield from self._fetch_count()
            if not self._count:
                yield from self._names.after_call(self._query.selection, has_runs=False)
        return self._counted() or 0

    @override
    def _check_none(self) -> Flow[None]:
        if not self._count:
            return
        # They may have been deleted since they were counted.
        self._count = count = yield from self._fetch_count()
        if count:
            raise no_runs_of(count)

    def _fetch_count(self) -> Flow[int]:
        selection = yield from self._select()
        operation = count_runs(
            entity=selection["entity"],
            project=selection["project"],
            filters=selection["filters"],
        )
        project = (yield from ask(operation)).project
        if project is None:
            raise missing_project(selection["entity"], selection["project"])
        if "run_count" not in project.model_fields_set:  # the server does not count runs
            return len((yield from list_all_ids(selection, self._client.max_concurrency)).ids)
        # Python makes room for as many as `len` says.
        if project.run_count is None or not 0 <= project.run_count <= _MOST_RUNS:
            raise BadResponseError(
                "the server gave no count that a project can have; try again, or count the runs: "
                "sum(1 for run in runs)",
                status=200,
            )
        return project.run_count

    # Where a listing begins and where it stands.

    @property
    def _plan(self) -> ListingPlan[RunT_co]:
        query = self._query
        return ListingPlan(
            _run_id,
            _run_key,
            query.order,
            query.page_size,
            query.limit,
            query.strict,
            fits if query.models.skips else None,
            query.start,
        )

    def _page_stream(self) -> PageStream[RunT_co]:
        return PageStream(self._plan, self._source)

    def _checkpoint_at(self, index: int) -> Checkpoint:
        return self._write_checkpoint(self._listing.state_at(index))

    def _write_checkpoint(self, state: ListingState) -> Checkpoint:
        return make_checkpoint(self._query.selection, self._query.entity, state)


# Called for each run twice: in C.
_run_id: Callable[[AnyRun], str] = operator.attrgetter("id")


def _run_key(run: AnyRun) -> str | None:
    return creation_key(created_text(run))


def share_of(runs: RunsT, at_once: int) -> RunsT:
    """The same listing for one of several processes: its client keeps to a part of its pace.

    Args:
        runs: The listing.
        at_once: How many processes read at once.
    """
    client, query = runs.__getstate__()
    rate = client.options.requests_per_second
    if rate is None or at_once == 1:
        return runs
    changed = client.with_options(client.options.changed(requests_per_second=rate / at_once))
    shared = type(runs).__new__(type(runs))
    shared.__setstate__((changed, query))
    return shared
