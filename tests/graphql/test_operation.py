from __future__ import annotations

import gc
import json
import math
import pickle
import weakref
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs.errors import BadResponseError, GraphQLError, InvalidArgumentError, ResponseError
from wandb_runs.graphql import raw_response as module
from wandb_runs.graphql._generated import GetViewer, ListRuns, RunFields, get_viewer, list_runs
from wandb_runs.graphql.models import OpenEnum, envelope_of
from wandb_runs.graphql.operation import Operation
from wandb_runs.graphql.raw_response import error_messages

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

LIST = list_runs(entity="entity", project="project", filters='{"state":"running"}', first=2)
RUN: dict[str, JSONValue] = {
    "storageId": "U1",
    "id": "r1",
    "name": "näme",
    "createdAt": "2024-01-01T00:00:00",
    "tags": ["a", None],
    "user": None,
    "config": '{"lr": {"value": NaN}}',
}
PAGE: JSONValue = {
    "data": {
        "project": {
            "runs": {
                "edges": [{"node": RUN, "cursor": "c1"}, None, {"node": None}],
                "pageInfo": {"endCursor": "c1", "hasNextPage": True},
            }
        }
    }
}
BODY = json.dumps(PAGE, ensure_ascii=False).encode()


def json_values(floats: st.SearchStrategy[float]) -> st.SearchStrategy[JSONValue]:
    return st.recursive(
        st.none() | st.booleans() | st.integers() | floats | st.text(),
        lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
        max_leaves=8,
    )


values = json_values(st.floats())
sendable = json_values(st.floats(allow_nan=False, allow_infinity=False))
# A float in place of a string is spelled `0` by one parser and `0.0` by the other; no id is one.
without_floats = json_values(st.nothing())


def first_run(answer: ListRuns) -> RunFields:
    assert answer.project is not None
    assert answer.project.runs is not None
    assert answer.project.runs.edges is not None
    edge = answer.project.runs.edges[0]
    assert edge is not None
    assert edge.node is not None
    return edge.node


def page_of(run: JSONValue) -> bytes:
    return json.dumps({"data": {"project": {"runs": {"edges": [{"node": run}]}}}}).encode()


# --- the request ---------------------------------------------------------------------------------


def test_content_is_compact_json_that_holds_the_operation() -> None:
    body = LIST.content()

    assert json.loads(body) == {
        "query": LIST.document,
        "variables": {
            "entity": "entity",
            "project": "project",
            "filters": '{"state":"running"}',
            "first": 2,
        },
        "operationName": "ListRuns",
    }
    assert b'"operationName":"ListRuns"' in body


@given(st.dictionaries(st.text(), sendable))
def test_content_keeps_variables(variables: dict[str, JSONValue]) -> None:
    operation = Operation(
        "Ask", "query", "query Ask { viewer { id } }", variables, lambda: GetViewer
    )

    assert json.loads(operation.content())["variables"] == variables


@pytest.mark.parametrize("value", [math.nan, math.inf, [-math.inf], "\ud800", {1, 2}, object()])
def test_content_refuses_what_json_cannot_hold_and_names_the_variable(value: object) -> None:
    operation = Operation("Ask", "query", "", {"fine": 1, "broken": value}, lambda: GetViewer)

    with pytest.raises(InvalidArgumentError, match=r"Ask cannot be sent: the variable 'broken'"):
        operation.content()


def test_equality_is_by_value_and_repr_shows_no_values() -> None:
    same = list_runs(entity="entity", project="project", filters='{"state":"running"}', first=2)

    assert same == LIST
    assert hash(same) == hash(LIST)
    assert pickle.loads(pickle.dumps(same)) == LIST
    assert list_runs(entity="entity", project="project") != LIST
    assert repr(LIST) == "<Operation query ListRuns(entity, project, filters, first)>"


# --- a good answer -------------------------------------------------------------------------------


def test_parse_reads_models_and_accepts_nulls() -> None:
    answer = LIST.parse(BODY)

    run = first_run(answer)
    assert (run.storage_id, run.id, run.name, run.user) == ("U1", "r1", "näme", None)
    assert run.tags == ["a", None]
    assert run.config == '{"lr": {"value": NaN}}'
    assert answer.project is not None
    assert answer.project.runs is not None
    assert answer.project.runs.edges is not None
    assert [edge is None for edge in answer.project.runs.edges] == [False, True, False]


@pytest.mark.parametrize("project", [None, {"runs": None}, {"runs": {"edges": None}}, {}])
def test_nulls_and_missing_fields_above_the_runs_are_read(project: JSONValue) -> None:
    body = json.dumps({"data": {"project": project}}).encode()

    assert isinstance(LIST.parse(body), ListRuns)


@given(st.dictionaries(st.text().map("x{}".format), values))
def test_fields_that_were_not_asked_for_are_ignored(extra: dict[str, JSONValue]) -> None:
    body = page_of({**extra, **RUN})

    assert first_run(LIST.parse(body)) == first_run(LIST.parse(BODY))


@pytest.mark.parametrize("number", [7, 2**70])
def test_numbers_in_ids_are_read_as_strings(number: int) -> None:
    assert first_run(LIST.parse(page_of({"id": "r1", "storageId": number}))).storage_id == str(
        number
    )


@pytest.mark.parametrize(
    "inside",
    [
        b"NaN",
        b"-Infinity",
        b"1e400",
        b"123456789012345678901234567890",
        b'"raw \t tab and \x01"',
        b'"\\ud800"',
        b"[" * 300 + b"]" * 300,
    ],
)
@pytest.mark.parametrize("place", [b'"unknown":', b'"extra":[1],"x":'])
def test_json_that_strict_parsers_refuse_costs_nothing(inside: bytes, place: bytes) -> None:
    body = b'{"data":{"project":{"runs":{"edges":[{"node":{"id":"r1",' + place + inside + b"}}]}}}}"

    assert first_run(LIST.parse(body)).id == "r1"


def test_control_characters_and_surrogates_in_known_strings_are_kept() -> None:
    body = page_of({"id": "r1", "name": "-", "notes": "+"})

    run = first_run(LIST.parse(body.replace(b"-", b"a\nb\x01").replace(b"+", b"\\ud800")))

    assert (run.name, run.notes) == ("a\nb\x01", "\ud800")


def test_errors_that_are_empty_are_none() -> None:
    body = b'{"data":{"viewer":null},"errors":[],"error":null}'

    assert get_viewer().parse(body) == GetViewer(viewer=None)


def test_good_answers_take_one_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: bytes) -> JSONValue:
        pytest.fail("decoded a second time")

    monkeypatch.setattr(module, "decode_answer", fail)

    assert first_run(LIST.parse(BODY)).id == "r1"


def test_envelopes_are_built_once() -> None:
    envelope = weakref.ref(envelope_of(ListRuns))
    gc.collect()

    assert envelope() is envelope_of(ListRuns)


# --- a bad answer --------------------------------------------------------------------------------


ERRORS: list[tuple[JSONValue, tuple[str, ...]]] = [
    ([{"message": "no such field", "path": ["project"], "extensions": {}}], ("no such field",)),
    (["too slow", {"message": "m"}], ("too slow", "m")),
    ([{"path": ["project"]}], ('{"path": ["project"]}',)),
    ([{"message": None}, None], ('{"message": null}', "null")),
    ("one string", ("one string",)),
    ({"message": "an object"}, ("an object",)),
]


@pytest.mark.parametrize(("errors", "messages"), ERRORS)
@pytest.mark.parametrize("data", [None, {"project": None}, {"project": 5}])
def test_errors_of_any_shape_are_raised_and_data_kept(
    errors: JSONValue, messages: tuple[str, ...], data: JSONValue
) -> None:
    body = json.dumps({"data": data, "errors": errors}).encode()

    with pytest.raises(GraphQLError) as caught:
        LIST.parse(body, status=400, request_id="abc", attempts=3)

    error = caught.value
    assert error.errors == messages
    assert error.data == data
    assert (error.status, error.request_id, error.attempts) == (400, "abc", 3)
    assert error.message.startswith("ListRuns: the server reports ")
    assert messages[0] in error.message


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b'{"error":"rate limit exceeded"}', None),
        (b'{"error":"rate limit exceeded","data":{"project":null}}', {"project": None}),
    ],
)
def test_a_single_error_is_raised(body: bytes, data: JSONValue) -> None:
    with pytest.raises(GraphQLError, match="rate limit exceeded") as caught:
        LIST.parse(body, status=429)

    assert caught.value.errors == ("rate limit exceeded",)
    assert caught.value.data == data


def test_partial_data_beside_errors_is_kept_whatever_its_shape() -> None:
    data: JSONValue = {"project": {"runs": {"edges": [{"node": {"id": None}}]}}}
    body = json.dumps({"data": data, "errors": [{"message": "timeout"}]}).encode()

    with pytest.raises(GraphQLError) as caught:
        LIST.parse(body)

    assert caught.value.data == data


@given(values)
def test_error_messages_are_never_empty(errors: JSONValue) -> None:
    messages = error_messages({"errors": errors})

    assert bool(messages) == bool(errors)
    assert all(messages)


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b"", "is not JSON: the body is empty"),
        (b"<html>502</html>", "is not JSON: '<html>502</html>'"),
        (b"\xff\xfe", "is not JSON"),
        (b"[1]", r"is not a JSON object: '\[1\]'"),
        (b"null", "is not a JSON object"),
        (b"{}", "holds neither data nor errors"),
        (b'{"data":null}', "holds neither data nor errors"),
        (b'{"data":[]}', "has another shape at data: "),
        (b'{"data":{"project":5}}', r"has another shape at data\.project: "),
        (
            page_of({"name": "x"}),
            r"has another shape at data\.project\.runs\.edges\.0\.node\.id: Field required",
        ),
        (
            page_of({"id": "r", "tags": "x"}),
            r"has another shape at data\.project\.runs\.edges\.0\.node\.tags: ",
        ),
        (b"[" * 100_000, "is not JSON"),
    ],
)
def test_answers_without_data_are_named(body: bytes, what: str) -> None:
    with pytest.raises(
        BadResponseError, match=f"^ListRuns: the answer .HTTP 207. {what}"
    ) as caught:
        LIST.parse(body, status=207, request_id="abc", attempts=2)

    assert (caught.value.status, caught.value.request_id, caught.value.attempts) == (207, "abc", 2)


@pytest.mark.parametrize("filler", [b"x", "ü".encode(), b"\x00", b"\xff"])
def test_bodies_are_quoted_in_short(filler: bytes) -> None:
    with pytest.raises(BadResponseError) as caught:
        LIST.parse(b"secret at the end: " + filler * 10_000 + b"hunter2")

    assert len(caught.value.message) < 600
    assert "hunter2" not in caught.value.message


def test_every_truncation_is_a_named_error() -> None:
    for length in range(len(BODY)):
        with pytest.raises(BadResponseError, match="ListRuns"):
            LIST.parse(BODY[:length])


@given(st.binary() | values.map(lambda value: json.dumps(value).encode()))
def test_no_other_exception_ever_escapes(body: bytes) -> None:
    with pytest.raises(ResponseError):
        LIST.parse(b"[" + body)
    try:
        LIST.parse(body)
    except ResponseError as error:
        assert "ListRuns" in str(error)  # noqa: PT017 - most bodies raise, not all


@given(
    st.fixed_dictionaries(
        {"id": st.text() | without_floats},
        optional={
            "tags": without_floats,
            "user": without_floats,
            "readOnly": values,
            "historyLineCount": values,
        },
    ),
    st.sampled_from([None, [], "no", [{"message": "no"}]]),
)
def test_answers_are_read_alike_by_both_ways(run: dict[str, JSONValue], errors: JSONValue) -> None:
    """A control character in an ignored field forces the slow way; nothing else may change."""
    body = page_of(run)[:-1] + b', "errors": ' + json.dumps(errors).encode() + b"}"
    slow = body[:-1] + b', "ignored": "\x01"}'

    assert outcome(body) == outcome(slow)


def outcome(body: bytes) -> object:
    try:
        return LIST.parse(body)
    except ResponseError as error:
        return type(error), str(error)


# --- enums ---------------------------------------------------------------------------------------


class Colour(OpenEnum):
    RED = "RED"


@given(st.text())
def test_open_enums_take_any_string(value: str) -> None:
    member = Colour(value)

    assert member == value
    assert member.value == value
    assert hash(member) == hash(Colour(value))
    assert pickle.loads(pickle.dumps(member)) == member
    assert list(Colour) == [Colour.RED]


@pytest.mark.parametrize("value", [None, 1, 1.5, ["RED"]])
def test_open_enums_take_nothing_but_strings(value: object) -> None:
    with pytest.raises(ValueError, match="is not a valid Colour"):
        Colour(cast("str", value))
