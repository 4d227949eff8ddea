"""`doctor` tries each query once, and settles facts as `docs/wandb-behaviour.md` has them."""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, cast

import anyio
import pytest
from support.answers import ChangedAnswer, ChangedVariables
from support.odd_filters import OddFilters, Refuses, without
from support.ways import each_way
from typing_extensions import override

from wandb_runs import (
    Api,
    AsyncApi,
    Check,
    DegradedServerWarning,
    DoctorReport,
    HttpTransport,
    InvalidArgumentError,
    doctor,
    doctor_async,
)
from wandb_runs.local.ingest import upsert_run
from wandb_runs.testing import (
    BareErrors,
    FakeClock,
    Html,
    LocalServer,
    NullData,
    NullEdges,
    NullFields,
    OpaqueCursors,
    PageFault,
    PartialData,
    RateLimited,
    Reset,
    ShortPages,
    Slow,
    Status,
    Truncate,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from wandb_runs import Request, Response
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.faults import Reading
    from wandb_runs.local.nodes import Run
    from wandb_runs.local.pages import Page, PageRequest
    from wandb_runs.testing import Fault

REPOSITORY = Path(__file__).parents[2]
QUERIES = {
    name
    for path in (REPOSITORY / "queries").glob("*.graphql")
    for name in re.findall(r"^query (\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
}
KEY = "k" * 40
PATH = "team/settled"
FACTS = {
    "cursors are offsets": "yes, and a page behind one begins there",
    "page size is capped": "yes, at 1,000",
    "keys of a spec": "AND: rows that lack one of them are left out",
    "nested sampledHistory": "yes",
    "nulls, ascending": "last",
    "nulls, descending": "last",
    "filters by createdAt": "yes",
}
"""What holds of the local server, as of W&B's where that is known."""
NOT_NESTED = "no: a run that has rows alone has none in a page, or it is refused"


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server with a project whose runs settle all facts that it can settle."""
    seconds = iter(range(1_800_000_000, 2_000_000_000, 60))
    with LocalServer(clock=lambda: next(seconds)) as server:
        for number in range(4):
            apart = [{"loss": 0.5}, {"accuracy": 0.5}, {"loss": 0.25}] * (number + 1)
            log_run(
                server,
                "team",
                "settled",
                f"run{number}",
                config={"lr": 0.1 * (number + 1)},
                summary={"best": number} if number else {},
                history=apart,
                sweep="s1",
            )
        with server.store.write() as writer:
            for number in range(1000):
                upsert_run(writer, "team", "settled", f"more{number}", {})
        log_run(server, "team", "small", "only", history=[{"loss": 1}])
        yield server


@pytest.fixture
def api(server: LocalServer) -> Iterator[Api]:
    """An `Api` that waits in no time."""
    with Api(base_url=server.url, api_key=KEY, clock=FakeClock(chance=0)) as api:
        yield api


def by_name(report: DoctorReport) -> dict[str, Check]:
    checks = {check.name: check for check in report.checks}
    assert len(checks) == len(report.checks)
    return checks


def details(report: DoctorReport, *names: str) -> dict[str, str]:
    checks = by_name(report)
    return {name: checks[name].detail for name in names}


def statuses(report: DoctorReport) -> dict[str, str]:
    return {check.name: check.status for check in report.checks}


# The contract.


def test_each_query_of_the_package_is_tried_once(server: LocalServer, api: Api) -> None:
    server.clear_operations()
    report = doctor(api, PATH)
    assert report.ok, str(report)
    checked = {name for name in statuses(report) if name.startswith("query ")}
    assert checked == {f"query {name}" for name in QUERIES}
    # `ListRunIds` also settles facts. Nothing is a mutation.
    sent = [name for name in server.operations if name != "ListRunIds"]
    assert sorted(sent) == sorted(QUERIES - {"ListRunIds"})
    assert len(server.operations) == api.stats.requests
    for name in checked:
        check = by_name(report)[name]
        assert check.status == "ok"
        assert check.seconds > 0
        assert 0 < check.bytes < 20_000
    assert sum(check.bytes for check in report.checks) == api.stats.bytes
    assert sum(check.bytes for check in report.checks) < 250_000


def test_facts_are_those_of_the_local_server(api: Api) -> None:
    report = doctor(api, PATH)
    assert details(report, *FACTS) == FACTS
    assert {by_name(report)[name].status for name in FACTS} == {"ok"}
    assert details(report, "parquetHistory") == {"parquetHistory": "yes, with 1 file"}


def test_the_documents_name_each_fact(api: Api) -> None:
    page = (REPOSITORY / "docs" / "wandb-behaviour.md").read_text(encoding="utf-8")
    guide = (REPOSITORY / "docs" / "doctor.md").read_text(encoding="utf-8")
    for name in [*FACTS, "parquetHistory"]:
        assert f"`{name}`" in guide
        assert f"`{name}`" in page


@each_way
def test_both_halves_report_the_same(server: LocalServer, api: Api, way: str) -> None:
    async def ask() -> DoctorReport:
        async with AsyncApi(base_url=server.url, api_key=KEY) as awaiting:
            return await doctor_async(awaiting, PATH)

    report = doctor(api, PATH) if way == "sync" else anyio.run(ask, backend=way)
    assert statuses(report) == statuses(doctor(api, PATH))
    assert details(report, *FACTS) == FACTS


def test_a_project_that_cannot_tell_leaves_facts_unknown(api: Api) -> None:
    report = doctor(api, "team/small")
    assert report.ok
    assert {by_name(report)[name].status for name in FACTS} == {"ok", "unknown"}
    assert {name for name in FACTS if by_name(report)[name].status == "ok"} == {
        "nested sampledHistory"
    }


def test_a_project_without_runs_skips_what_needs_one(server: LocalServer, api: Api) -> None:
    log_run(server, "team", "emptied", "r")
    with server.fail_always(ChangedVariables(lambda given: {**given, "filters": '{"name": "x"}'})):
        report = doctor(api, "team/emptied")
    assert report.ok
    assert statuses(report)["query GetRun"] == "skipped"
    assert statuses(report)["query ListRuns"] == "ok"


# Other servers: each fact comes out as it is there.


@pytest.fixture
def uncapped() -> PageFault:
    class Uncapped(PageFault):
        @override
        def page(self, asked: PageRequest, read: Reading) -> Page[Run]:
            # Two pages as one, behind whatever limit each has.
            page = read(asked)
            if asked.first is None or len(page.edges) == asked.first or not page.has_next_page:
                return page
            rest = read(replace(asked, after=page.end_cursor, first=asked.first - len(page.edges)))
            return replace(rest, edges=[*page.edges, *rest.edges])

    return Uncapped()


Data = dict[str, "JSONValue"]


def nodes(data: Data) -> list[Data]:
    """The runs of an answer: those of a page, or the one."""
    project = cast("dict[str, dict[str, object]]", data["project"])
    if "runs" not in project:
        return [cast("Data", project["run"])]
    return [edge["node"] for edge in edges(data)]


def edges(data: Data) -> list[dict[str, Data]]:
    project = cast("dict[str, dict[str, object]]", data["project"])
    return cast("list[dict[str, Data]]", project["runs"]["edges"])


def fill_with_null(data: Data, _: Mapping[str, object]) -> None:
    """All rows of any key of a spec, as newer servers are said to give them."""
    for run in nodes(data):
        lists = cast("list[list[Data]]", run["sampledHistory"])
        if len(lists) == 3:
            union = [*lists[0], *lists[1]]
            lists[2] = [{"loss": None, "accuracy": None, **row} for row in union]


def sort_nulls_first(data: Data, variables: Mapping[str, object]) -> None:
    if "config" in str(variables["order"]) or "summary" in str(variables["order"]):
        edges(data).insert(0, edges(data).pop())


def without_order(given: Mapping[str, object]) -> Mapping[str, object]:
    return {**given, "order": "+created_at"}


def give_files(data: Data, _: Mapping[str, object]) -> None:
    urls: list[JSONValue] = ["https://files.example/a?signature=secret", "https://files.example/b"]
    nodes(data)[0]["parquetHistory"] = {"parquetUrls": urls}


OTHERS: dict[str, tuple[Fault, str | None, dict[str, str]]] = {
    "opaque cursors": (
        OpaqueCursors(),
        None,
        {"cursors are offsets": "no: they are followed one by one"},
    ),
    "cursors that do not lead on": (
        ChangedVariables(lambda given: {**given, "after": None}),
        "ListRunIds",
        {"cursors are offsets": "they read as offsets, and a page behind one begins elsewhere"},
    ),
    "short pages": (ShortPages(first=5), None, {"page size is capped": "yes, at 5"}),
    "specs filled with null": (
        ChangedAnswer(fill_with_null),
        "GetSampledHistory",
        {"keys of a spec": "null: rows that lack one of them come, too"},
    ),
    "no nested histories": (
        NullFields("Run.sampledHistory"),
        "ListSampledHistories",
        {"nested sampledHistory": NOT_NESTED},
    ),
    "nested histories refused": (
        BareErrors("no"),
        "ListSampledHistories",
        {"nested sampledHistory": NOT_NESTED},
    ),
    "nulls first": (
        ChangedAnswer(sort_nulls_first),
        "ListRunIds",
        {"nulls, ascending": "first", "nulls, descending": "first"},
    ),
    "unsorted": (
        ChangedVariables(without_order),
        "ListRunIds",
        {"nulls, descending": "runs were not sorted by their numbers"},
    ),
    "instants passed over": (
        OddFilters(without("createdAt")),
        "ListRunIds",
        {"filters by createdAt": "no: a run comes that was created later"},
    ),
    "files": (
        ChangedAnswer(give_files),
        "GetParquetHistory",
        {"parquetHistory": "yes, with 2 files"},
    ),
    "no parquetHistory": (
        BareErrors('Cannot query field "parquetHistory"', status=400),
        "GetParquetHistory",
        {"parquetHistory": "no: it is null, or refused"},
    ),
    "null as parquetHistory": (
        NullFields("Run.parquetHistory"),
        "GetParquetHistory",
        {"parquetHistory": "no: it is null, or refused"},
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_fact_comes_out_as_the_server_has_it(server: LocalServer, api: Api, name: str) -> None:
    fault, operation, told = OTHERS[name]
    with server.fail_always(fault, operation=operation):
        report = doctor(api, PATH)
    assert details(report, *told) == told
    if operation != "ListRunIds":  # which several facts are settled by
        rest = FACTS.keys() - told.keys()
        assert details(report, *rest) == {fact: FACTS[fact] for fact in rest}
    failed = {check.name for check in report.checks if check.status == "failed"}
    assert failed == ({"query ListSampledHistories"} if "refused" in name else set())


def test_a_page_without_a_cap_is_told(server: LocalServer, api: Api, uncapped: PageFault) -> None:
    with server.fail_always(uncapped):
        report = doctor(api, PATH)
    assert details(report, "page size is capped") == {
        "page size is capped": "no, 1,001 runs came in one page"
    }


@pytest.mark.parametrize("code", [400, 500])
def test_a_refused_filter_by_creation_is_told(server: LocalServer, api: Api, code: int) -> None:
    with server.fail_always(Refuses("createdAt", Status(code, b'{"errors": ["no"]}'))):
        report = doctor(api, PATH)
    assert details(report, "filters by createdAt") == {
        "filters by createdAt": f"no: the server refuses the filter (HTTP {code})"
    }
    assert report.ok


# Failures.


def failed_in(report: DoctorReport) -> set[str]:
    assert report.ok == ("failed" not in statuses(report).values())
    assert {*statuses(report).values()} <= {"ok", "failed", "unknown", "skipped"}
    assert all(check.detail and check.detail.isprintable() for check in report.checks)
    return {check.name for check in report.checks if check.status == "failed"}


def test_without_a_key_the_key_fails(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("WANDB_API_KEY", "NETRC"):
        monkeypatch.delenv(name, raising=False)
    with Api(base_url=server.url) as api:
        report = doctor(api, PATH)
    assert failed_in(report) == {"key"}
    assert by_name(report)["key"].detail.startswith("none: pass api_key=")
    assert by_name(report)["query GetViewer"].detail == "no user"
    # A public project is checked all the same.
    assert details(report, *FACTS) == FACTS


def test_a_wrong_key_fails() -> None:
    with LocalServer(api_key="right") as server, Api(base_url=server.url, api_key="wrong") as api:
        report = doctor(api, PATH)
    assert failed_in(report) == {"query GetViewer", "key", "query ListRuns"}
    assert by_name(report)["key"].detail == "from api_key=, not accepted (HTTP 401)"
    assert by_name(report)["query CountRuns"].status == "skipped"
    assert len(server.operations) == 0


def test_a_key_that_the_server_knows_no_user_for_fails(server: LocalServer, api: Api) -> None:
    with server.fail_always(NullFields("Query.viewer"), operation="GetViewer"):
        report = doctor(api, PATH)
    assert failed_in(report) == {"key"}
    assert "the server knows no user for it" in by_name(report)["key"].detail


def test_a_server_that_cannot_be_reached_fails_once() -> None:
    with Api(base_url="http://127.0.0.1:9", api_key=KEY, clock=FakeClock()) as api:
        report = doctor(api, PATH)
        assert api.stats.requests <= 2
    assert failed_in(report) == {"query GetViewer"}
    assert by_name(report)["query GetViewer"].detail == "no connection: Connection refused"
    assert by_name(report)["key"].status == "unknown"
    assert by_name(report)["query ListRuns"].detail == "there is no connection to the server"


def test_a_missing_project_fails(server: LocalServer, api: Api) -> None:
    server.clear_operations()
    report = doctor(api, "team/nothing")
    assert failed_in(report) == {"project"}
    assert server.operations == ("GetViewer", "ListRuns")
    assert "missing" in by_name(report)["project"].detail


def test_without_a_project_its_checks_are_skipped(server: LocalServer, api: Api) -> None:
    server.clear_operations()
    report = doctor(api)
    assert report.ok
    assert server.operations == ("GetViewer",)
    assert by_name(report)["query ListRuns"].status == "skipped"


def test_the_project_may_come_from_the_settings(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key=KEY, entity="team", project="small") as api:
        assert by_name(doctor(api))["project"].status == "ok"
        # The entity alone is that of the viewer where nothing names one.
    with Api(base_url=server.url, api_key=KEY) as api:
        log_run(server, "local", "own", "r1")
        assert by_name(doctor(api, "own"))["project"].status == "ok"


def test_what_is_wrong_is_refused_before_any_request(server: LocalServer, api: Api) -> None:
    server.clear_operations()
    for path in ("a/b/c/d", "", "team/settled/runs/r1", cast("str", 3)):
        with pytest.raises(InvalidArgumentError):
            doctor(api, path)
    with pytest.raises(InvalidArgumentError):
        doctor(api, PATH, timeout=0)
    assert not server.operations


@pytest.mark.parametrize("name", sorted(QUERIES))
@pytest.mark.parametrize("fault", [Html(502), BareErrors("no"), Truncate(at=20, whole_http=True)])
def test_a_query_that_fails_stops_no_other(
    server: LocalServer, api: Api, name: str, fault: Fault
) -> None:
    with server.fail_always(fault, operation=name):
        report = doctor(api, PATH)
    optional = name in {
        "GetFeatures",
        "GetParquetHistory",
        "GetTask",
        "ListParquetHistories",
    }
    assert failed_in(report) == (set() if optional else {f"query {name}"})
    if optional:
        assert by_name(report)[f"query {name}"].status == "unknown"
    for other in QUERIES - {name}:
        assert by_name(report)[f"query {other}"].status == "ok", other


SAYINGS: list[tuple[Fault, str]] = [
    (Html(502), "HTTP 502"),
    (Status(401), "HTTP 401"),
    (Status(403), "HTTP 403"),
    (Status(404), "HTTP 404"),
    (RateLimited(after=0), "HTTP 429"),
    (Html(200), "none of W&B's schema"),
    (NullData(), "none of W&B's schema"),
    (Truncate(at=20, whole_http=True), "truncated"),
    (BareErrors("no"), "with 1 error (HTTP 200)"),
    (PartialData("no"), "with 1 error (HTTP 200)"),
    (Reset(), "no connection"),
]


@pytest.mark.parametrize(("fault", "said"), SAYINGS, ids=repr)
def test_a_failure_is_told_in_words(server: LocalServer, api: Api, fault: Fault, said: str) -> None:
    with server.fail_always(fault, operation="GetRun"):
        report = doctor(api, PATH)
    assert failed_in(report) == {"query GetRun"}
    assert said in by_name(report)["query GetRun"].detail


def test_null_edges_fail_nothing_and_null_projects_do(server: LocalServer, api: Api) -> None:
    with server.fail_always(NullEdges(count=2, nodes=True), operation="ListRuns"):
        assert doctor(api, PATH).ok
    with server.fail_always(NullFields("Query.project"), operation="CountRuns"):
        report = doctor(api, PATH)
    assert failed_in(report) == {"query CountRuns"}
    assert "is null in the answer" in by_name(report)["query CountRuns"].detail


def test_each_check_has_a_deadline(server: LocalServer) -> None:
    with (
        Api(base_url=server.url, api_key=KEY) as api,
        server.fail_always(Slow(60), operation="CountRuns"),
    ):
        report = doctor(api, PATH, timeout=2)
    assert failed_in(report) == {"query CountRuns"}
    assert by_name(report)["query CountRuns"].detail == "no answer before the deadline"


def test_errors_of_a_transport_are_reported() -> None:
    class Odd:
        def send(self, _: object, /) -> Response:
            raise RuntimeError(KEY)

    with Api(base_url="http://127.0.0.1:9", api_key=KEY, transport=Odd()) as api:
        report = doctor(api, PATH)
    assert by_name(report)["query GetViewer"].detail == "a RuntimeError"
    assert by_name(report)["proxy"].status == "unknown"
    assert KEY not in str(report)


def test_an_interrupt_ends_it() -> None:
    class Interrupted:
        def send(self, _: object, /) -> Response:
            raise KeyboardInterrupt

    with (
        Api(base_url="http://127.0.0.1:9", api_key=KEY, transport=Interrupted()) as api,
        pytest.raises(KeyboardInterrupt),
    ):
        doctor(api, PATH)


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("Wed, 21 Oct 2015 07:28:00 GMT", " s ahead of the server's"),
        ("Wed, 21 Oct 2099 07:28:00 GMT", " s behind the server's"),
        ("nonsense", "the server has not told its time"),
    ],
)
def test_the_clock_is_compared(server: LocalServer, api: Api, date: str, said: str) -> None:
    assert by_name(doctor(api))["clock"].detail == "as the server's, to a second or two"
    inner = HttpTransport(server.url)

    class Dated:
        def send(self, request: Request, /) -> Response:
            response = inner.send(request)
            return replace(response, headers={**response.headers, "date": date})

    with closing(inner), Api(base_url=server.url, api_key=KEY, transport=Dated()) as dated:
        check = by_name(doctor(dated))["clock"]
    assert check.detail.endswith(said)
    assert check.status == ("unknown" if date == "nonsense" else "ok")


# Where settings come from, and what a server lacks.


def test_settings_are_told_with_their_sources(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    (home / ".config" / "wandb").mkdir(parents=True)
    (home / ".config" / "wandb" / "settings").write_text("[default]\nproject = settled\n")
    host = server.url.removeprefix("http://")
    (home / ".netrc").write_text(f"machine {host} login user password {KEY}\n")
    (home / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_APP_URL", "https://pages.example")
    for name in ("WANDB_API_KEY", "NETRC", "WANDB_PROJECT", "WANDB_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    with Api({"entity": "team"}, headers={"X-Team": "vision"}) as api:
        report = doctor(api)
        named = doctor(api, show_names=True)
    assert details(report, "server", "settings", "key") == {
        "server": f"{server.url}, from WANDB_BASE_URL",
        "settings": "entity from overrides, project from ~/.config/wandb/settings, "
        "pages from WANDB_APP_URL, 1 extra header",
        "key": "from ~/.netrc, accepted",
    }
    assert "entity 'team' from overrides, project 'settled' from ~" in str(named)
    assert details(report, *FACTS) == FACTS
    with Api(base_url=server.url, api_key=KEY, entity="team") as api:
        assert details(doctor(api), "server", "key") == {
            "server": f"{server.url}, from base_url=",
            "key": "from api_key=, accepted",
        }


def test_a_settings_file_that_cannot_be_read_is_reported(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "settings").write_text("no section, canary\n")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    server.clear_operations()
    with Api(api_key=KEY) as api:
        report = doctor(api, PATH)
    assert "server" in failed_in(report)
    assert by_name(report)["query ListRuns"].detail == "the settings cannot be used"
    # That of api_key= needs no server.
    assert by_name(report)["key"].detail.startswith(("from api_key=", "it was not looked up"))
    assert "canary" not in str(report)
    assert not server.operations


def test_a_bad_name_in_a_settings_file_hides_no_key(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "settings").write_text("[default]\nentity = not/one\n")
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path))
    monkeypatch.delenv("WANDB_ENTITY", raising=False)
    with Api(base_url=server.url, api_key=KEY) as api:
        report = doctor(api, "mnist")
    assert failed_in(report) == {"settings"}
    assert by_name(report)["key"].detail == "from api_key=, accepted"


def test_a_callable_that_gives_no_key_is_told_as_such(server: LocalServer) -> None:
    for give in (lambda: "", lambda: str(1 / 0)):
        with Api(base_url=server.url, api_key=give) as api:
            report = doctor(api, PATH)
        told = by_name(report)["key"].detail
        assert told == "nothing is sent: the callable of api_key= gives no key"
        assert "for this server" not in by_name(report)["query GetViewer"].detail.partition(",")[0]


def test_a_server_named_by_the_working_directory_gets_no_key(
    server: LocalServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "wandb").mkdir()
    (tmp_path / "wandb" / "settings").write_text(f"[default]\nbase_url = {server.url}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/nowhere")
    for name in ("WANDB_BASE_URL", "NETRC", "WANDB_CONFIG_DIR"):
        monkeypatch.delenv(name, raising=False)
    server.clear_operations()
    with Api(api_key=KEY) as api:
        report = doctor(api, PATH)
    assert failed_in(report) == {"query GetViewer", "key"}
    assert by_name(report)["server"].detail == f"{server.url}, from wandb/settings"
    assert "a file in the working directory names the server" in by_name(report)["key"].detail
    assert str(tmp_path) not in str(report)
    assert not server.operations


def test_what_the_server_lacks_is_listed(server: LocalServer) -> None:
    with (
        Api(base_url=server.url, api_key=KEY) as api,
        server.lack("Run.host", "Run.historyKeys"),
        pytest.warns(DegradedServerWarning),
    ):
        report = doctor(api, PATH)
    assert by_name(report)["schema"].detail == "lacks Run.host, Run.historyKeys"
    assert by_name(report)["query ListRuns"].status == "ok"
    assert details(report, "keys of a spec") == {
        "keys of a spec": "no run with two metrics was found"
    }
    with Api(base_url=server.url, api_key=KEY) as api:
        assert details(doctor(api, PATH), "schema") == {
            "schema": "lacks nothing that was asked for"
        }


def test_what_no_call_can_do_without_fails(server: LocalServer) -> None:
    with (
        Api(base_url=server.url, api_key=KEY) as api,
        server.lack("Run.history", "Run.parquetHistory"),
        pytest.warns(DegradedServerWarning),
    ):
        report = doctor(api, PATH)
    assert failed_in(report) == {"query GetHistory", "query ScanHistory"}
    check = by_name(report)["query GetHistory"]
    assert check.detail == "the server refuses it, since its schema lacks Run.history"
    assert by_name(report)["query GetParquetHistory"].detail == "null"
    assert details(report, "parquetHistory") == {"parquetHistory": "no: it is null, or refused"}


# The report.


def test_a_report_is_a_value() -> None:
    check = Check("proxy", "ok", "none")
    assert check == Check(name="proxy", status="ok", detail="none", seconds=0.0, bytes=0)
    report = DoctorReport((check, Check("a", "unknown", "?"), Check("b", "skipped", "-")))
    assert report.ok
    assert not DoctorReport((Check("a", "failed", "no"),)).ok
    assert report == eval(repr(report))  # noqa: S307 - a repr of values
    assert len(str(report).splitlines()) == 3


def test_checks_skipped_for_one_reason_are_one_line() -> None:
    skipped = tuple(Check(name, "skipped", "no project") for name in "abc")
    report = DoctorReport((Check("k", "ok", "x"), *skipped, Check("d", "skipped", "else")))
    assert [row.name for row in report.rows] == ["k", "3 checks", "d"]
