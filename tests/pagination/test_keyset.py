"""Where runs come or go, a listing by creation goes on behind its watermark, and costs little."""

from __future__ import annotations

import json
import math
import shutil
import threading
from datetime import UTC, datetime
from itertools import chain, count, islice
from typing import TYPE_CHECKING, Final, cast

import anyio
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.odd_filters import (
    NullRun,
    OddFilters,
    Refuses,
    Rewritten,
    cut_to_days,
    left_out_ignored,
    moved_by,
    nothing_created,
    without,
)
from support.request_counts import requests_for

from wandb_runs import (
    Api,
    AsyncApi,
    AuthenticationError,
    DriftError,
    DriftWarning,
    NotFoundError,
    RateLimitError,
    ServerError,
)
from wandb_runs.pagination.keyset import MAX_LEFT_OUT, Sample, behind_filter
from wandb_runs.pagination.page import Moved
from wandb_runs.pagination.seen import Watermark
from wandb_runs.testing import (
    Churn,
    FakeClock,
    Html,
    LocalServer,
    NullEdges,
    OpaqueCursors,
    RateLimited,
    ShortPages,
    Status,
    delete_run,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wandb_runs import Checkpoint, Runs
    from wandb_runs.testing import Fault

ORDERS: Final = ["+created_at", "-created_at"]
PATH: Final = "team/moving"
NOON: Final = 1_700_000_000.0
RUNS: Final = 120


class Clock:
    """The server's clock, which stands still until it is set."""

    def __init__(self) -> None:
        self.now: float = NOON

    def __call__(self) -> float:
        return self.now


clock = Clock()


class Project:
    """A project in which runs come and go, and what a listing of it has to give.

    Attributes:
        server: The server that holds it.
        ids: The ids of its runs, the oldest first.
        deleted: The ids of runs that were deleted.
        read: What the listing has given; the test adds to it.
    """

    def __init__(self, server: LocalServer, ids: list[str], order: str = "+created_at") -> None:
        self.server = server
        self.ids = ids
        self.deleted: set[str] = set()
        self.read: list[str] = []
        self.in_order = ids if order[0] == "+" else ids[::-1]
        self.new = count()
        self.lock = threading.Lock()

    def delete(self, run_id: str) -> None:
        delete_run(self.server, "team", "moving", run_id)
        self.deleted.add(run_id)

    def delete_first(self, _: object = None) -> None:
        """Delete the first run that is still there."""
        left = [each for each in self.in_order if each not in self.deleted]
        if left:
            self.delete(left[0])

    def delete_latest(self) -> None:
        """Delete the run that was read last."""
        left = [each for each in self.read if each not in self.deleted]
        if left:
            self.delete(left[-1])

    def create(self) -> None:
        clock.now += 1
        log_run(self.server, "team", "moving", f"new{next(self.new)}")

    def check(self, *, sorts: bool = True) -> None:
        """Check that what was read is all that was there, each once, in order."""
        assert len(self.read) == len({*self.read}), "a run came twice"
        lost = {*self.ids} - {*self.read} - self.deleted
        assert not lost, f"{sorted(lost)} never came"
        if sorts:
            old = {*self.ids}
            came = [each for each in self.read if each in old]
            place = {each: index for index, each in enumerate(self.in_order)}
            assert came == sorted(came, key=place.__getitem__)


def fill(server: LocalServer, runs: int, gap: float) -> list[str]:
    """Log runs, each so many seconds after the one before."""
    clock.now = NOON
    ids = [f"r{number:03}" for number in range(runs)]
    for run_id in ids:
        log_run(server, "team", "moving", run_id, history=[{"loss": 1}])
        clock.now += gap
    clock.now += 3600
    return ids


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The store of a project of 120 runs, to be copied."""
    path = tmp_path_factory.mktemp("moving") / "store.db"
    with LocalServer(store=path, clock=clock) as server:
        fill(server, RUNS, 1.5)
    return path


@pytest.fixture
def project_of(stored: Path, tmp_path: Path) -> Iterator[Callable[[str], Project]]:
    path = tmp_path / "store.db"
    shutil.copy(stored, path)
    with LocalServer(store=path, clock=clock) as server:
        yield lambda order: Project(server, [f"r{number:03}" for number in range(RUNS)], order)


@pytest.fixture(scope="module")
def shared() -> Iterator[LocalServer]:
    """A server that is emptied before each example."""
    with LocalServer(clock=clock) as server:
        yield server


def api_of(server: LocalServer) -> Api:
    return Api(base_url=server.url, api_key="k", clock=FakeClock())


async def read_awaiting(project: Project, order: str, per_page: int, *, by_page: bool) -> None:
    async with AsyncApi(base_url=project.server.url, api_key="k", clock=FakeClock()) as api:
        runs = api.runs(PATH, order=order, per_page=per_page)
        if by_page:
            async for page in runs.pages():
                project.read += [run.id for run in page]
        else:
            async for run in runs:
                project.read.append(run.id)


def read_all(project: Project, way: str, order: str, per_page: int) -> None:
    """Read a listing to its end."""
    if way.startswith("async"):
        by_page = way.endswith("pages")
        anyio.run(lambda: read_awaiting(project, order, per_page, by_page=by_page))
        return
    with api_of(project.server) as api:
        runs = api.runs(PATH, order=order, per_page=per_page)
        if way == "histories":
            rows = runs.histories(keys=["loss"])
            project.read += dict.fromkeys(str(row["run_id"]) for row in rows)
        elif way == "configs":
            project.read += [str(row["run_id"]) for row in runs.configs()]
        else:
            loop = chain.from_iterable(runs.pages()) if way == "pages" else iter(runs)
            for run in loop:
                project.read.append(run.id)


def requests(server: LocalServer) -> int:
    """How many pages were asked for."""
    return sum(name.startswith("List") for name in server.operations)


def most(runs: int, per_page: int) -> int:
    """How many requests a listing may cost while a run is deleted before each of them."""
    return 2 * requests_for(math.ceil(runs / per_page)) + 3


WAYS: Final = ["loop", "pages", "async loop", "async pages", "histories", "configs"]


@pytest.mark.parametrize("creates", [False, True])
@pytest.mark.parametrize("per_page", [7, 50])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", WAYS)
def test_a_deletion_before_each_request_costs_few_requests(
    project_of: Callable[[str], Project], way: str, order: str, per_page: int, creates: bool
) -> None:
    project = project_of(order)
    server = project.server

    def change(_: LocalServer) -> None:
        with project.lock:  # some calls send several requests at once
            if requests(server) > 1:
                project.delete_first()
                if creates:
                    project.create()

    server.clear_operations()
    with server.fail_always(Churn(change)):
        read_all(project, way, order, per_page)
    project.check()
    assert requests(server) <= most(RUNS, per_page)


@given(
    runs=st.integers(1, 40),
    per_page=st.integers(1, 12),
    order=st.sampled_from(ORDERS),
    gap=st.sampled_from([0, 0.2, 0.000_3, 1, 1.5]),
    by_page=st.booleans(),
    latest=st.booleans(),
    creates=st.booleans(),
)
@example(runs=40, per_page=1, order="+created_at", gap=1, by_page=True, latest=False, creates=False)
@example(runs=40, per_page=3, order="-created_at", gap=0, by_page=False, latest=True, creates=True)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_bound_on_requests_holds_for_any_size_of_pages_and_any_gap_between_runs(
    shared: LocalServer,
    runs: int,
    per_page: int,
    order: str,
    gap: float,
    by_page: bool,
    latest: bool,
    creates: bool,
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, runs, gap), order)
    # One that is created for each that is read would never end.
    creates = creates and per_page > 1

    def change(_: LocalServer) -> None:
        with project.lock:  # several pages are requested at once
            left = [each for each in project.read if each not in project.deleted]
            if left:
                project.delete(left[-1] if latest else left[0])
            if creates and project.read:
                project.create()

    shared.clear_operations()
    with api_of(shared) as api, shared.fail_always(Churn(change), operation="ListRuns"):
        listed = api.runs(PATH, order=order, per_page=per_page)
        loop = chain.from_iterable(listed.pages()) if by_page else iter(listed)
        for run in loop:
            project.read.append(run.id)
    project.check(sorts=gap > 0)
    # Runs that are created behind the reader's place are read as well.
    growth = per_page / (per_page - 1) if creates and order[0] == "+" else 1
    assert requests(shared) <= most(math.ceil(runs * growth), per_page)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages"])
def test_more_than_a_page_of_runs_of_one_instant_hide_none(
    shared: LocalServer, way: str, order: str
) -> None:
    shared.reset()
    ids = [*fill(shared, 10, 0)]
    project = Project(shared, ids, order)
    shared.clear_operations()
    with shared.fail_always(Churn(lambda _: project.delete_latest()), operation="ListRuns"):
        read_all(project, way, order, 3)
    project.check(sorts=False)
    assert requests(shared) <= most(10, 3)


# Servers that refuse the filter, or answer it oddly.


ODD: Final[dict[str, Fault]] = {
    "refused with 400": Refuses("createdAt", Status(400)),
    "refused with 500": Refuses("createdAt", Status(500)),
    "a page of HTML": Refuses("createdAt", Html(status=502)),
    "refused when it leaves out": Refuses("$nin", Status(400)),
    "instants ignored": OddFilters(without("createdAt")),
    "instants ignored in pages": OddFilters(without("createdAt"), ("filters",)),
    "nothing matches in pages": OddFilters(nothing_created, ("filters",)),
    "ids ignored": OddFilters(without("name")),
    "those left out ignored": OddFilters(left_out_ignored),
    "later by a zone": OddFilters(moved_by(hours=5)),
    "earlier by a zone": OddFilters(moved_by(hours=-5)),
    "later by two seconds": OddFilters(moved_by(seconds=2)),
    "cut to days": OddFilters(cut_to_days),
    "nothing matches": OddFilters(nothing_created),
    "no instants told": Rewritten(rb'"createdAt": ?"[^"]*"', b'"createdAt":null'),
    "no moved": Rewritten(rb'"moved": ?', b'"removed":'),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages"])
def test_no_run_is_lost_where_the_filter_is_refused_or_odd(
    shared: LocalServer, odd: str, order: str, way: str
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5), order)
    deletions = iter(range(6))

    def change(_: LocalServer) -> None:
        if project.read and next(deletions, None) is not None:
            project.delete_first()

    shared.clear_operations()
    with (
        shared.fail_always(ODD[odd], operation="ListRuns"),
        shared.fail_always(Churn(change), operation="ListRuns"),
    ):
        read_all(project, way, order, 4)
    project.check()
    assert requests(shared) <= most(24, 4)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages"])
@pytest.mark.parametrize("gap", [0.1, 0.3, 1.25])
def test_a_server_may_hold_finer_instants_than_it_tells(
    shared: LocalServer, order: str, way: str, gap: float
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 40, gap), order)
    cut = Rewritten(rb"(:\d\d)\.\d+Z", rb"\1Z")
    shared.clear_operations()
    with (
        shared.fail_always(cut, operation="ListRuns"),
        shared.fail_always(Churn(lambda _: project.delete_latest()), operation="ListRuns"),
    ):
        read_all(project, way, order, 6)
    project.check()
    assert requests(shared) <= most(40, 6)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages"])
@pytest.mark.parametrize("untold", ["r000", "r023", "r012"])
def test_runs_that_do_not_tell_when_they_were_created_are_not_lost(
    shared: LocalServer, order: str, way: str, untold: str
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5), order)
    shown = rb'("id": ?"%s".*?"createdAt": ?)"[^"]*"' % untold.encode()

    def unless_untold(field: str, value: object) -> object:
        # No comparison of an instant holds for a run without one. One that stands among the
        # others has an instant that the server knows, and does not tell.
        given = cast("dict[str, list[str]]", value)
        if field != "name" or "$nin" not in given or untold == "r012":
            return value
        return {"$nin": [untold, *given["$nin"]]}

    deletions = iter([each for each in project.in_order if each != untold][:6])

    def change(_: LocalServer) -> None:
        run_id = next(deletions, None) if project.read else None
        if run_id is not None:
            project.delete(run_id)

    with (
        shared.fail_always(Rewritten(shown, rb"\1null"), operation="ListRuns"),
        shared.fail_always(OddFilters(unless_untold), operation="ListRuns"),
        shared.fail_always(Churn(change), operation="ListRuns"),
    ):
        read_all(project, way, order, 4)
    project.check()


def test_a_refusal_of_another_kind_is_an_error(shared: LocalServer) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5))
    for status, error in ((401, AuthenticationError), (429, RateLimitError)):
        with (
            api_of(shared) as api,
            shared.fail_always(Refuses("$nin", Status(status)), operation="ListRuns"),
        ):
            pages = api.runs(PATH, per_page=4).pages()
            next(pages)
            project.delete_first()
            with pytest.raises(error):
                next(pages)


def test_an_error_in_mid_view_carries_a_checkpoint_and_the_loop_continues(
    shared: LocalServer,
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5))
    with api_of(shared) as api:
        pages = api.runs(PATH, per_page=4).pages()
        project.read += [run.id for run in next(pages)]
        project.delete_first()
        project.read += [run.id for run in next(pages)]
        with (
            shared.fail_always(RateLimited(after=0), operation="ListRuns"),
            pytest.raises(RateLimitError) as caught,
        ):
            next(pages)
        assert caught.value.checkpoint == pages.checkpoint()
        project.read += [run.id for page in islice(pages, 1) for run in page]
        # A server that fails altogether costs the view, and no run.
        with (
            shared.fail_always(Status(500), operation="ListRuns"),
            pytest.raises(ServerError),
        ):
            next(pages)
        shared.clear_operations()
        project.read += [run.id for page in pages for run in page]
    project.check()
    assert requests(shared) <= most(24, 4)


@given(
    per_page=st.integers(1, 6),
    order=st.sampled_from(ORDERS),
    gap=st.sampled_from([0, 0.3, 1.5]),
    steps=st.lists(st.tuples(st.integers(1, 9), st.booleans()), max_size=8),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_checkpoint_within_a_view_continues_there(
    shared: LocalServer,
    per_page: int,
    order: str,
    gap: float,
    steps: list[tuple[int, bool]],
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 30, gap), order)
    checkpoint: Checkpoint | None = None

    def change(_: LocalServer) -> None:
        if project.read:
            project.delete_latest()

    with api_of(shared) as api, shared.fail_always(Churn(change), operation="ListRuns"):

        def listing() -> Runs:
            return api.runs(PATH, order=order, per_page=per_page, checkpoint=checkpoint)

        for taken, by_page in steps:
            if by_page:
                pages = listing().pages()
                project.read += [run.id for page in islice(pages, taken) for run in page]
                checkpoint = pages.checkpoint()
            else:
                loop = iter(listing())
                for run in islice(loop, taken):
                    project.read.append(run.id)
                checkpoint = loop.checkpoint()
            assert gap == 0 or len(checkpoint) < 1000
        for run in listing():
            project.read.append(run.id)
    project.check(sorts=gap > 0)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("is_refused", [False, True])
def test_a_checkpoint_costs_no_more_requests_than_the_listing(
    shared: LocalServer, order: str, is_refused: bool
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 60, 1.5), order)
    with api_of(shared) as api:
        pages = api.runs(PATH, order=order, per_page=4).pages()
        project.read += [run.id for run in next(pages)]
        for _ in range(10):
            project.delete_first()
            project.read += [run.id for run in next(pages)]
        checkpoint = pages.checkpoint()
        shared.clear_operations()
        if is_refused:
            # Where the other process meets a server that refuses the filter, nothing is lost.
            shared.fail_always(Refuses("$nin", Status(400)), operation="ListRuns")
        rest = api.runs(PATH, order=order, per_page=4, checkpoint=checkpoint)
        project.read += [run.id for page in rest.pages() for run in page]
    shared.recover()
    project.check()
    assert is_refused or requests(shared) <= 4


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("limit", [5, 13, 24])
def test_a_limit_holds_in_a_view(shared: LocalServer, order: str, limit: int) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5), order)
    with api_of(shared) as api:
        runs = api.runs(PATH, order=order, per_page=3, limit=limit)
        with shared.fail_always(Churn(lambda _: project.delete_latest()), operation="ListRuns"):
            for page in (pages := runs.pages()):
                project.read += [run.id for run in page]
        assert project.read == project.in_order[:limit]
        more = api.runs(PATH, order=order, per_page=3, checkpoint=pages.checkpoint())
        project.read += [run.id for run in more]
    project.check()


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages"])
@pytest.mark.parametrize("null", ["r009", "r010", "r011", "r012"])
def test_a_run_that_comes_as_null_in_a_view_is_reported_once(
    shared: LocalServer, order: str, way: str, null: str
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5), order)

    def change(_: LocalServer) -> None:
        if len(project.deleted) < 2 and project.read:
            project.delete_first()

    with (
        shared.fail_always(NullRun(null), operation="ListRuns"),
        shared.fail_always(Churn(change), operation="ListRuns"),
        pytest.warns(DriftWarning, match="null") as told,
    ):
        read_all(project, way, order, 4)
    drift = [each.message for each in told if isinstance(each.message, DriftWarning)]
    assert [each.nulls for each in drift] == [1]
    project.ids.remove(null)
    project.check()


def test_a_null_in_a_view_is_an_error_of_a_strict_listing(shared: LocalServer) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5))
    with api_of(shared) as api:
        pages = api.runs(PATH, per_page=4, strict=True).pages()
        next(pages)
        project.delete_first()
        next(pages)
        with shared.fail(NullEdges(), operation="ListRuns"), pytest.raises(DriftError):
            for _ in pages:
                pass


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages", "histories"])
@pytest.mark.parametrize("lasting", [ShortPages(first=3), ShortPages(first=1), OpaqueCursors()])
def test_servers_that_give_few_runs_or_opaque_cursors_lose_none(
    shared: LocalServer, order: str, way: str, lasting: Fault
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5), order)

    def change(_: LocalServer) -> None:
        with project.lock:
            if requests(shared) > 1:
                project.delete_first()

    shared.clear_operations()
    with shared.fail_always(lasting, Churn(change)):
        read_all(project, way, order, 5)
    project.check()
    size = lasting.first if isinstance(lasting, ShortPages) else 5
    # A listing of histories has read some of its pages ahead.
    assert requests(shared) <= most(24, size) + (math.ceil(24 / 5) if way == "histories" else 0)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("way", ["loop", "pages"])
def test_a_run_that_is_logged_anew_under_its_id_hides_none_in_a_view(
    shared: LocalServer, order: str, way: str
) -> None:
    shared.reset()
    project = Project(shared, fill(shared, 24, 1.5), order)
    again: list[str] = []

    def change(_: LocalServer) -> None:
        if not project.read or len(again) == 4:
            return
        left = [each for each in project.read if each not in again]
        if left:
            again.append(left[-1])
            delete_run(shared, "team", "moving", left[-1])
            clock.now += 1
            log_run(shared, "team", "moving", left[-1])

    with shared.fail_always(Churn(change), operation="ListRuns"):
        read_all(project, way, order, 4)
    # They are other runs by then, which may come or not.
    came = [each for each in project.read if each not in again]
    assert came == [each for each in project.in_order if each not in again]


def test_a_project_that_is_deleted_meanwhile_is_named(shared: LocalServer) -> None:
    shared.reset()
    fill(shared, 24, 1.5)
    with api_of(shared) as api:
        pages = api.runs(PATH, per_page=4).pages()
        next(pages)
        delete_run(shared, "team", "moving", "r000")
        next(pages)
        shared.reset()
        with pytest.raises(NotFoundError, match=PATH):
            next(pages)


@pytest.mark.parametrize("filters", [{}, {"state": "finished"}, {"name": {"$ne": "r003"}}])
def test_a_view_keeps_to_the_filter_of_the_listing(
    shared: LocalServer, filters: dict[str, object]
) -> None:
    shared.reset()
    ids = fill(shared, 12, 1.5)
    log_run(shared, "team", "moving", "running", exit_code=None)
    with api_of(shared) as api:
        pages = api.runs(PATH, filters, per_page=5).pages()
        came = [run.id for run in next(pages)]
        delete_run(shared, "team", "moving", "r000")
        came += [run.id for page in pages for run in page]
    left_out = {"r003"} if "name" in filters else {"running"} if filters else set[str]()
    assert came == [each for each in [*ids, "running"] if each not in left_out]


# The filters themselves.

moments = st.datetimes(timezones=st.just(UTC))


def key_of(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds")


def holds(condition: dict[str, str], moment: datetime) -> bool:
    """Whether a condition holds for an instant."""
    compare: dict[str, Callable[[datetime], bool]] = {
        "$gte": lambda other: moment >= other,
        "$lt": lambda other: moment < other,
    }
    return all(
        compare[operator](datetime.fromisoformat(text)) for operator, text in condition.items()
    )


@given(moments, moments, st.sampled_from([1, 1_000, 1_000_000]), st.sampled_from(ORDERS))
def test_what_stands_behind_a_watermark_passes_its_filter_though_digits_are_cut(
    one: datetime, other: datetime, unit: int, order: str
) -> None:
    def told(moment: datetime) -> datetime:
        return moment.replace(microsecond=moment.microsecond // unit * unit)

    text = behind_filter(Watermark(key_of(told(one)), frozenset({"r1"})), order)
    assert text is not None
    conditions = cast("dict[str, dict[str, str]]", json.loads(text))
    is_behind = other >= one if order[0] == "+" else other <= one
    if is_behind and told(one).year < 9999:
        assert holds(conditions["createdAt"], other)
    # Nothing that a server tells apart from it, and that stands before, passes.
    if told(other) < told(one) and order[0] == "+":
        assert not holds(conditions["createdAt"], other)


def test_a_watermark_that_no_filter_tells_has_none() -> None:
    many = frozenset(f"r{number}" for number in range(MAX_LEFT_OUT + 1))
    noon = "2026-01-02T12:00:00.000000+00:00"
    for mark in (
        Watermark(),
        Watermark(noon, many),
        Watermark(noon, frozenset({"r1"}), frozenset({"r2"})),
    ):
        assert behind_filter(mark, "+created_at") is None


def test_a_sample_is_selected_if_runs_of_both_its_ends_are() -> None:
    noon = "2026-01-02T12:00:00.000000+00:00"
    sample = Sample(noon, noon, (frozenset({"a", "b"}), frozenset({"c"})))
    assert sample.is_selected(Moved(("b", "c", "d"), is_all=True))
    assert not sample.is_selected(Moved(("a", "b"), is_all=True))
    assert not sample.is_selected(None)
