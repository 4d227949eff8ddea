"""Values nested too deep and integers too long cost their attribute, or at most their run."""

from __future__ import annotations

import json
import pickle
import sys
import time
from traceback import walk_stack
from typing import TYPE_CHECKING, Literal, cast

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import Api, BadResponseError, GraphQLError, HistoriesError, Request, Response
from wandb_runs.frames.build import build_polars
from wandb_runs.frames.plan import plan_histories
from wandb_runs.frames.requests import RowsReader
from wandb_runs.graphql._generated import list_runs
from wandb_runs.graphql.scalars import UNREADABLE, decode, decode_answer, without_unreadable
from wandb_runs.testing import LocalServer, log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs import Format, Join
    from wandb_runs.frames.rows import RunRows
    from wandb_runs.graphql.scalars import JSONValue

PATH = "team/unreadable"

DEEP = {
    "lists": ("[" * 3_000, "]" * 3_000),
    "objects": ('{"a":' * 3_000, "}" * 3_000),
    "both": ('[{"a":' * 1_500, "}]" * 1_500),
    "very deep": ("[" * 100_000, "]" * 100_000),
    "a little too deep": ("[" * 201, "]" * 201),
}
UNREADABLES = {name: f"{left}1{right}" for name, (left, right) in DEEP.items()}
UNREADABLES["long"] = "9" * 5_000
UNREADABLES["long, negative"] = "-" + "9" * 4_301

BARE = {("%s", "{"), ("%s", "9"), ("%s", "-")}
"""What makes a field unreadable that is no list."""

unreadable = pytest.mark.parametrize("text", UNREADABLES.values(), ids=UNREADABLES)


class Replacing:
    """Answers what a real server does, with other text in some places."""

    def __init__(self, server: LocalServer) -> None:
        self.inner = HttpTransport(server.url)
        self.old = self.new = b""

    def send(self, request: Request, /) -> Response:
        response = self.inner.send(request)
        body = response.content.replace(self.old, self.new) if self.old else response.content
        return Response(response.status, response.headers, body)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    """A server that writes no files, so that all that is read is an answer."""
    with LocalServer(clock=lambda: time.time() - 3600, exports=False) as server:
        for number in range(4):
            log_run(
                server,
                *("team", "unreadable", f"u{number}"),
                config={"lr": 1234 if number == 2 else 1},
                summary={"loss": 1234 if number == 2 else 1},
                history=[
                    {"loss": 1234 if number == 2 and step == 1 else number + step, "b": step}
                    for step in range(3)
                ],
            )
        yield server


@pytest.fixture
def replacing(server: LocalServer) -> Iterator[Replacing]:
    transport = Replacing(server)
    yield transport
    transport.inner.close()


@pytest.fixture
def api(server: LocalServer, replacing: Replacing) -> Api:
    return Api(base_url=server.url, api_key="k", transport=replacing)


def ids_of(found: object) -> list[str]:
    if isinstance(found, pl.DataFrame):
        return cast("list[str]", found["run_id"].to_list())
    if isinstance(found, list):
        return [str(row["run_id"]) for row in cast("list[dict[str, object]]", found)]
    return [str(each) for each in cast("dict[str, list[str]]", found)["run_id"]]


# --- decoding ------------------------------------------------------------------------------------


@unreadable
def test_unrepresentable_values_are_refused(text: str) -> None:
    for whole in (text, text.encode(), f'{{"a": "\x01", "b": [{text}]}}'):
        with pytest.raises(ValueError, match=r"it holds a value nested 200 deep, or an integer"):
            decode(whole)


@unreadable
@pytest.mark.parametrize("inner", ["%s", "[1, %s]", '{"a": [%s], "b": 1}'])
@pytest.mark.parametrize("filler", ["plain", "raw \x01", "\\ud800", "[{", "]]}"])
def test_of_a_run_one_field_is_lost_and_of_an_answer_one_value(
    text: str, inner: str, filler: str
) -> None:
    value = inner.replace("%s", text)
    body = f"""{{"data": {{"other": {text}, "run": {{"id": "r", "history": [{value}]}},
        "edges": [{{"node": {{"id": "{filler}", "h": 1}}}},
                  {{"node": {{"id": "b", "h": {value}}}}}, {{"node": {text}}}]}}}}"""

    answer = decode_answer(body.encode())

    field = UNREADABLE if inner.startswith("{") or (inner, text[0]) in BARE else [UNREADABLE]
    data = cast("dict[str, dict[str, object]]", cast("dict[str, object]", answer)["data"])
    assert data["run"] == {"id": "r", "history": [UNREADABLE]}
    first, second, third = cast("list[dict[str, dict[str, object]]]", data["edges"])
    assert first["node"] == {"id": json.loads(f'"{filler}"', strict=False), "h": 1}
    assert second["node"] == {"id": "b", "h": field}
    assert repr(UNREADABLE) in repr(third)
    assert repr(UNREADABLE) in repr(data["other"])
    assert repr(UNREADABLE) not in repr(without_unreadable(answer))
    assert pickle.loads(pickle.dumps(answer)) == answer


def test_the_limits_are_the_same_for_both_parsers() -> None:
    for mark in ('"', '"\x01'):
        for fits in ("[" * 199 + "]" * 199, "9" * 4_300, "-" + "9" * 4_300, "9" * 5_000 + ".5"):
            decode(f'[{mark}", {fits}]')
        for large in ("[" * 201 + "]" * 201, "9" * 4_301, "-" + "9" * 4_301):
            with pytest.raises(ValueError, match="it holds"):
                decode(f'[{mark}", {large}]')


def test_brackets_and_digits_in_text_are_no_values() -> None:
    text = "9" * 5_000 + "[" * 300 + '\\"' + "{" * 300
    assert decode(f'["{text}\x01"]') == [json.loads(f'"{text}"') + "\x01"]


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, '{"a":' * 100_000, '"' + '\\"' * 100_000, '"' + '\\"' * 100_000 + "\\"),
        *("[" * 300 + "x" + "]" * 299, "[" * 300 + "]" * 301, '["' + "[" * 300 + "]" * 300),
    ],
)
def test_malformed_json_is_refused_in_bounded_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)


def test_half_a_surrogate_pair_in_a_text_is_kept() -> None:
    assert decode('{"a": "\ud800"}') == {"a": "\ud800"}
    assert decode(b'{"a": "\xed\xa0\x80"}') == {"a": "\ud800"}


def test_a_byte_order_mark_is_no_part_of_an_answer() -> None:
    assert decode(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


def test_a_deep_stack_is_a_named_error_as_well() -> None:
    def at(depth: int) -> object:
        return at(depth - 1) if depth else decode("[" * 190 + '"\x01"' + "]" * 190)

    frames = sum(1 for _ in walk_stack(None))
    with pytest.raises(ValueError, match="too deep for the caller's stack"):
        at(sys.getrecursionlimit() - frames - 100)
    assert at(0)


@given(st.recursive(st.integers() | st.text(), st.lists, max_leaves=30))
def test_marked_or_not_values_are_read_alike(value: JSONValue) -> None:
    text = json.dumps(value)
    assert decode(f'["\x01", {text}]') == ["\x01", value]
    assert without_unreadable(value) is value


# --- answers -------------------------------------------------------------------------------------


@unreadable
@pytest.mark.parametrize("form", ["default", "pandas", "polars"])
@pytest.mark.parametrize(
    ("keys", "join"), [(["loss"], "inner"), (["loss", "b"], "outer"), (None, "inner")]
)
@pytest.mark.parametrize("is_listed", [False, True])
def test_an_unreadable_value_costs_its_run_alone(
    api: Api,
    replacing: Replacing,
    text: str,
    form: Format,
    keys: list[str] | None,
    join: Join,
    is_listed: bool,
) -> None:
    runs = api.runs(PATH)
    if is_listed:
        list(runs)
    replacing.old, replacing.new = b"1234", text.replace('"', '"' if keys else '\\"').encode()
    with pytest.raises(HistoriesError, match=r"1 run \(u2\) .*nested 200 deep") as caught:
        runs.histories(keys=keys, join=join, format=form)
    assert caught.value.errors.keys() == {"u2"}
    assert isinstance(caught.value.errors["u2"], BadResponseError)
    assert ids_of(caught.value.histories) == [f"u{n}" for n in (0, 1, 3) for _ in range(3)]


@unreadable
def test_an_unreadable_value_beside_a_null_costs_its_run_alone(
    api: Api, replacing: Replacing, text: str
) -> None:
    """The run that came as null has the page read by its model."""
    send: Callable[[Request], Response] = replacing.send

    def with_null(request: Request, /) -> Response:
        answer = send(request)
        body = answer.content.replace(b'"edges":[{', b'"edges":[{"node":null},{', 1)
        return Response(answer.status, answer.headers, body)

    replacing.send = with_null  # type: ignore[method-assign] # of this one
    replacing.old, replacing.new = b"1234", text.encode()
    with pytest.warns(UserWarning, match="null"), pytest.raises(HistoriesError) as caught:
        api.runs(PATH).histories(keys=["loss"])
    assert caught.value.errors.keys() == {"u2"}


@unreadable
def test_an_unreadable_history_is_an_error_of_its_run(
    api: Api, replacing: Replacing, text: str
) -> None:
    run = api.run(f"{PATH}/u2")
    replacing.old = b"1234"
    for replacing.new, keys in (
        (text.encode(), ["loss"]),
        (text.replace('"', '\\"').encode(), None),
    ):
        with pytest.raises(BadResponseError, match=r"'u2' cannot be read: .*nested 200 deep"):
            run.history(keys=keys, pandas=False)
    with pytest.raises(BadResponseError, match=r"'u2' cannot be read: .*nested 200 deep"):
        list(run.scan_history())


@unreadable
def test_an_unreadable_value_costs_its_attribute_alone(
    api: Api, replacing: Replacing, text: str
) -> None:
    replacing.old, replacing.new = b"1234", text.replace('"', '\\"').encode()
    runs = list(api.runs(PATH))
    assert [run.id for run in runs] == ["u0", "u1", "u2", "u3"]
    with pytest.raises(BadResponseError, match=r"config of run .* nested 200 deep"):
        _ = runs[2].config
    with pytest.raises(BadResponseError, match=r"summaryMetrics of run .* nested 200 deep"):
        _ = runs[2].summary
    assert (runs[2].name, runs[3].config, runs[3].summary["loss"]) == ("u2", {"lr": 1}, 1)


@unreadable
@pytest.mark.parametrize("field", ["createdAt", "tags", "historyLineCount", "user", "config"])
def test_an_unreadable_field_costs_its_attribute_alone(
    api: Api, replacing: Replacing, text: str, field: str
) -> None:
    replacing.old = f'"{field}":'.encode()
    replacing.new = f'"{field}":{text},"was":'.encode()
    runs = list(api.runs(PATH))
    assert [run.id for run in runs] == ["u0", "u1", "u2", "u3"]
    assert runs[2].name == "u2"
    names = {"createdAt": "created_at", "historyLineCount": "history_line_count"}
    with pytest.raises(BadResponseError, match=f"{field} of run"):
        getattr(runs[2], names.get(field, field))


@unreadable
def test_unreadable_values_beside_the_data_cost_nothing(
    api: Api, replacing: Replacing, text: str
) -> None:
    replacing.old, replacing.new = b'"data":', f'"more":{text},"data":'.encode()
    assert [run.id for run in api.runs(PATH)] == ["u0", "u1", "u2", "u3"]
    assert api.run(f"{PATH}/u1").config == {"lr": 1}
    assert len(api.runs(PATH)) == 4
    for form in ("default", "pandas", "polars"):
        assert ids_of(api.runs(PATH).histories(keys=["loss"], format=form)) == [
            f"u{n}" for n in range(4) for _ in range(3)
        ]


@unreadable
def test_errors_of_the_server_are_told_whatever_they_hold(text: str) -> None:
    operation = list_runs(entity="e", project="p")
    body = f'{{"errors": [{{"message": {text}}}, {text}], "data": {{"project": {text}}}}}'
    with pytest.raises(GraphQLError, match="ListRuns: the server reports") as caught:
        operation.parse(body.encode())
    assert len(caught.value.errors) == 2
    json.dumps(caught.value.data)
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("form", ["default", "pandas", "polars"])
def test_a_run_whose_id_no_frame_takes_is_there(
    api: Api, replacing: Replacing, form: Literal["default", "pandas", "polars"]
) -> None:
    replacing.old, replacing.new = b'"u2"', b'"\\ud83d"'
    runs = api.runs(PATH)
    shown = "\ud83d" if form == "default" else "\\ud83d"
    for keys in (["loss"], None):
        found = ids_of(runs.histories(keys=keys, format=form))
        assert found == [each for each in ("u0", "u1", shown, "u3") for _ in range(3)]
    assert ids_of(runs.configs(format=form)) == ["u0", "u1", shown, "u3"]
    assert runs[2].url.endswith("/runs/%ED%A0%BD")


def test_runs_are_put_in_order_whatever_their_ids() -> None:
    plan = plan_histories(keys=["loss"])
    histories: list[RunRows] = [
        (each, [{"_step": 0, "loss": 1.5}]) for each in ("a", "\ud83d", "b")
    ]
    frame = build_polars(RowsReader().arrange(histories, ["\ud83d", "a"]), plan)
    assert ids_of(frame) == ["\\ud83d", "a"]


def test_nested_values_are_text_in_polars(api: Api, replacing: Replacing) -> None:
    replacing.old = b"1234"
    for left, right in (("[", "]"), ('{"a":', "}"), ('[{"a": ', "} ]")):
        replacing.new = (left * 90 + "1" + right * 90).encode()
        frame = api.runs(PATH).histories(keys=["loss"], format="polars")
        assert frame["loss"].to_list()[7] == json.dumps(json.loads(replacing.new)).replace(" ", "")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"hasNextPage":', b'"more":'),
        (b'"hasNextPage":false', b'"hasNextPage":null,"x":false'),
        (b'"endCursor":', b'"end":'),
        (b'"endCursor":"', b'"endCursor":7,"x":"'),
        (b'"historyLineCount":', b'"lines":'),
    ],
)
def test_page_info_of_another_shape_is_read_as_rows_are(
    api: Api, replacing: Replacing, old: bytes, new: bytes
) -> None:
    replacing.old, replacing.new = old, new
    found: list[object] = []
    for form in ("default", "polars"):
        try:
            found.append(ids_of(api.runs(PATH).histories(keys=["loss"], format=form)))
        except BadResponseError as error:
            found.append(error.message)
    assert found[0] == found[1]


def test_errors_amid_an_answer_are_told_before_polars_reads_it(
    api: Api, replacing: Replacing
) -> None:
    replacing.old = b'{"data":'
    replacing.new = b'{"a":"%s","errors":["half of it"],"data":' % (b"x" * 5_000)
    send = replacing.send

    def padded(request: Request, /) -> Response:
        answer = send(request)
        body = answer.content[:-1] + b',"z":"%s"}' % (b"x" * 5_000)
        return Response(answer.status, answer.headers, body)

    replacing.send = padded  # type: ignore[method-assign] # of this one
    with pytest.raises(GraphQLError, match="half of it"):
        api.runs(PATH).histories(keys=["loss"], format="polars")


@pytest.mark.parametrize("last", ["NaN", "1e400", "true", '"9"', "[9]", "9" * 400, "9" * 5_000])
def test_a_last_step_that_is_none_is_an_error_and_costs_no_scan(
    api: Api, replacing: Replacing, last: str
) -> None:
    run = api.run(f"{PATH}/u1")
    replacing.old, replacing.new = b'"lastStep":2', f'"lastStep":{last}'.encode()
    with pytest.raises(BadResponseError, match=r"lastStep|historyKeys"):
        _ = run.last_history_step
    assert [row["_step"] for row in run.scan_history()] == [0, 1, 2]


def test_history_keys_of_another_shape_are_an_error(api: Api, replacing: Replacing) -> None:
    run = api.run(f"{PATH}/u1")
    replacing.old, replacing.new = b'"historyKeys":', b'"historyKeys":[1],"x":'
    with pytest.raises(BadResponseError, match=r"historyKeys of run .* is \[1\], not a JSON"):
        _ = run.history_keys
    replacing.old, replacing.new = b'"lastStep":2,', b""
    run.refresh()
    assert run.last_history_step == -1


def test_a_number_of_a_project_that_is_too_long_is_an_error(api: Api, replacing: Replacing) -> None:
    replacing.old = b'"projectInternalId":'
    replacing.new = b'"projectInternalId":"%s","x":' % (b"9" * 5_000)
    with pytest.raises(BadResponseError, match=r"projectId of run .* a text of 5000 digits"):
        _ = api.run(f"{PATH}/u1").project_internal_id


class Losing:
    """Answers what a real server does, with something else in place of one run's history."""

    def __init__(self, server: LocalServer, instead: list[object] | None = None) -> None:
        self.inner = HttpTransport(server.url)
        self.instead = instead
        self.is_losing = True

    def send(self, request: Request, /) -> Response:
        response = self.inner.send(request)
        answer: object = json.loads(response.content)
        if self.is_losing:
            lose_history(answer, self.instead)
        return Response(response.status, response.headers, json.dumps(answer).encode())


def lose_history(value: object, instead: list[object] | None) -> None:
    if isinstance(value, dict):
        found = cast("dict[str, object]", value)
        if found.get("id", "u2") == "u2":
            found.update(dict.fromkeys({"history", "sampledHistory"} & found.keys(), instead))
        for each in found.values():
            lose_history(each, instead)
    elif isinstance(value, list):
        for each in cast("list[object]", value):
            lose_history(each, instead)


@pytest.mark.parametrize(("instead", "came"), [(None, "null"), ([], "an empty list")])
def test_nothing_in_place_of_rows_is_no_empty_history(
    server: LocalServer, instead: list[object] | None, came: str
) -> None:
    transport = Losing(server, instead)
    api = Api(base_url=server.url, api_key="k", transport=transport)
    runs, run = api.runs("team/unreadable"), api.run("team/unreadable/u2")
    of_all: list[Callable[[], object]] = [
        runs.histories,
        lambda: runs.histories(keys=["loss"]),
        lambda: runs.histories(keys=["loss"], format="polars"),
        lambda: runs.histories(keys=["loss", "b"], join="outer"),
    ]
    for read in of_all:
        with pytest.raises(HistoriesError, match=f"came as {came}, and has 3 rows") as caught:
            read()
        assert list(caught.value.errors) == ["u2"]
    of_one: list[Callable[[], object]] = [
        lambda: run.history(pandas=False),
        lambda: run.history(keys=["loss"], pandas=False),
    ]
    for read_one in of_one:
        with pytest.raises(BadResponseError, match=f"came as {came}, and has 3 rows"):
            read_one()
    for page_size, keys in ((1000, None), (2, ["loss"])):
        scan = run.scan_history(keys, page_size)
        for _ in range(2):
            with pytest.raises(BadResponseError, match=r"came as null|last step of run 'u2' is 2,"):
                next(scan)
    assert list(run.scan_history(min_step=3)) == []
    transport.inner.close()


def test_a_scan_goes_on_where_a_range_came_empty_that_holds_the_last_step(
    server: LocalServer,
) -> None:
    transport = Losing(server, [])
    run = Api(base_url=server.url, api_key="k", transport=transport).run("team/unreadable/u2")
    scan = run.scan_history()
    with pytest.raises(BadResponseError, match="gave no row from step 0 on; try again"):
        next(scan)
    transport.is_losing = False
    assert [row["_step"] for row in scan] == [0, 1, 2]
    transport.inner.close()


@pytest.mark.parametrize("instead", [None, []])
def test_nothing_is_an_empty_history_where_there_are_no_rows(
    wandb_server: LocalServer, instead: list[object] | None
) -> None:
    log_run(wandb_server, "team", "rowless", "u2")
    transport = Losing(wandb_server, instead)
    api = Api(base_url=wandb_server.url, api_key="k", transport=transport)
    assert api.runs("team/rowless").histories(keys=["loss"]) == []
    assert api.run("team/rowless/u2").history(pandas=False) == []
    transport.inner.close()
