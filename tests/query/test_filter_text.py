"""Filters as text: the same as expressions and mappings; errors point at the place."""

from __future__ import annotations

import inspect
import json
import pickle
import re
import sys
import unicodedata
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support.filter_language import Run, matches, ordered
from support.generated_runs import KEYS, NOW, fill, runs
from support.printable import is_plain
from support.written_filters import ODD_KEYS, Written, spaced, trees_of

from wandb_runs import (
    Api,
    Condition,
    Config,
    CreatedAt,
    DisplayName,
    HeartbeatAt,
    Host,
    InvalidArgumentError,
    RunId,
    State,
    Summary,
    parse_filter,
)
from wandb_runs.query.filters import filters_to_json
from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONValue


written = trees_of(ODD_KEYS)


# What it sends.


@settings(deadline=None)
@given(one=written, data=st.data())
def test_text_expression_and_mapping_agree(one: Written, data: st.DataObject) -> None:
    text = data.draw(spaced(one.tokens))
    parsed = parse_filter(text)
    assert parsed == one.condition
    assert filters_to_json(parsed) == filters_to_json(one.mapping) == one.condition.query


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(clock=lambda: NOW) as server:
        yield server


@pytest.fixture(scope="module")
def reader(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="k" * 40) as api:
        yield api


@pytest.mark.filterwarnings("ignore::wandb_runs.WandbRunsWarning")
@settings(max_examples=40, deadline=None)
@given(
    given_runs=st.lists(runs(), min_size=1, max_size=8),
    wanted=st.lists(trees_of(KEYS), min_size=1, max_size=6),
    data=st.data(),
)
def test_text_selects_the_runs_that_expression_and_mapping_select(
    server: LocalServer,
    reader: Api,
    given_runs: list[Run],
    wanted: list[Written],
    data: st.DataObject,
) -> None:
    project = f"me/{fill(server.store, given_runs)}"
    for one in wanted:
        parsed = parse_filter(data.draw(spaced(one.tokens)))
        query: JSONValue = json.loads(one.condition.query)
        expected = [
            run["name"] for run in ordered(given_runs, "+created_at") if matches(run, query)
        ]
        for filters in (parsed, one.condition, one.mapping):
            found = [run.id for run in reader.runs(project, filters, include_sweeps=False)]
            assert found == expected, filters


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("not state == 'a' and host exists", ~(State == "a") & Host.exists()),
        ("not (state == 'a' and host exists)", ~((State == "a") & Host.exists())),
        (
            "id == '1' or id == '2' and id == '3' or id == '4'",
            (RunId == "1") | ((RunId == "2") & (RunId == "3")) | (RunId == "4"),
        ),
        ("config.lr.value == 1", Config("lr") == 1),
        ("config.model.depth == 1", Config("model", "depth") == 1),
        ("config.model.value.depth == 1", Config("model", "depth") == 1),
        ('config."model.depth" == 1', Config("model.depth") == 1),
        ("config.model.depth.value == 1", Config("model.depth") == 1),
        ('config.lr."value" == 1', Config("lr", "value") == 1),
        ("config.value == 1", Config("value") == 1),
        ("summary.loss.min == 1", Summary("loss", "min") == 1),
        ("summary_metrics.eval/loss == 1", Summary("eval/loss") == 1),
        (
            "created_at > 2026-01-31T12:00:00+01:00",
            CreatedAt > datetime(2026, 1, 31, 11, tzinfo=UTC),
        ),
        ("state in ['a', \"b\"]", State.is_in(["a", "b"])),
        ('display_name == "\\u00e9\\n\\"\'"', DisplayName == "é\n\"'"),
        ("config.x == -0.0", Config("x") == -0.0),
        ("config.x == 1E3", Config("x") == 1e3),
        ("heartbeat_at == null", HeartbeatAt == None),  # noqa: E711 # a comparison on the server
    ],
)
def test_a_text_is_the_expression_that_it_reads_as(text: str, condition: Condition) -> None:
    assert parse_filter(text) == condition


def test_an_instant_in_quotes_is_sent_as_it_is() -> None:
    text = "2026-01-31T12:00:00+01:00"
    query = filters_to_json({"created_at": {"$gt": text}})
    assert parse_filter(f'created_at > "{text}"').query == query


# Errors.

PLACE = re.compile(r"parse_filter: (?:line (\d+), )?column (\d+): .")


def place_of(text: str, error: InvalidArgumentError) -> int:
    """The place that an error points at, from its message, and checked against its note."""
    found = PLACE.match(error.message)
    assert found is not None, error.message
    lines = text.split("\n")
    number, column = int(found[1] or 1), int(found[2])
    assert bool(found[1]) is (len(lines) > 1)
    line = lines[number - 1]
    assert 1 <= column <= len(line) + 1
    (note,) = error.__notes__
    shown, caret = note.split("\n")
    assert re.fullmatch(r" {4,}\^", caret)
    assert len(shown) < 900
    if line.isascii() and line.isprintable() and len(line) < 30:
        assert shown == f"    {line}".rstrip()
        assert caret.index("^") == 4 + column - 1
    return len("\n".join([*lines[: number - 1], ""])) + column - 1


def refusal(text: str) -> InvalidArgumentError:
    with pytest.raises(InvalidArgumentError) as caught:
        parse_filter(text)
    return caught.value


def result_of(text: str) -> tuple[Condition | None, InvalidArgumentError | None]:
    """The condition of a text, or the error that refuses it."""
    try:
        return parse_filter(text), None
    except InvalidArgumentError as error:
        return None, error


TOKENS = [
    *("config.lr", "summary.loss", "state", "tags", "created_at", "stat", 'config."a b"', "name"),
    *("and", "or", "not", "in", "matches", "contains", "exists", "is", "true", "null", "None"),
    *("==", "!=", "<", "<=", "=", "&&", "||", "!", "~", "(", ")", "[", "]", "{", "}", ",", ":"),
    *("0.1", "-1", "1e999", "007", "2026-01-01", "2026-01-01T00:00:00Z", '"a"', "'a'", '"', "'"),
    *(" ", "\n", ".", "\\", '"\\d"', "\ud800", "損", "+", "\x00", "\u2028", "\u201c"),
]


@settings(max_examples=300, deadline=None)
@given(
    st.text()
    | st.lists(st.sampled_from(TOKENS), max_size=12).map(" ".join)
    | st.lists(st.sampled_from(TOKENS), max_size=12).map("".join)
)
@example("")
@example("\n")
@example('config."')
def test_any_text_is_a_filter_or_refused_at_a_place_in_it(text: str) -> None:
    parsed, refused = result_of(text)
    if refused is not None:
        place_of(text, refused)
        assert is_plain(refused.message)
        assert all(map(is_plain, refused.__notes__[0].split("\n")))
        again = pickle.loads(pickle.dumps(refused))
        assert (again.message, again.__notes__) == (refused.message, refused.__notes__)
    if parsed is not None:
        assert filters_to_json(json.loads(parsed.query)) == parsed.query


@settings(deadline=None)
@given(one=written, data=st.data())
def test_a_text_with_one_change_is_a_filter_or_refused_at_a_place_in_it(
    one: Written, data: st.DataObject
) -> None:
    text = data.draw(spaced(one.tokens))
    at = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(at, min(len(text), at + 3)))
    changed = text[:at] + data.draw(st.sampled_from(["", *TOKENS])) + text[end:]
    refused = result_of(changed)[1]
    if refused is not None:
        place_of(changed, refused)


# The place is marked by what stands at it.
@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        # Of other languages.
        ("config.lr = 0.1", "= 0", "write '==' for '='"),
        ("config.lr <> 0.1", "<>", "write '!=' for '<>'"),
        ("config.lr =< 0.1", "=<", "write '<=' for '=<'"),
        ("state =~ 'a'", "=~", "write 'matches'"),
        ("state like 'a'", "like", "write 'contains'"),
        ("state: 'a'", ":", "write '=='"),
        ("state exist", "exist", "write 'exists'"),
        ("config.lr is null", "is", "config.lr == null, config.lr != null"),
        ("state exists && host exists", "&&", "write 'and' for '&&'"),
        ("state exists & host exists", "&", "write 'and' for '&'"),
        ("state exists, host exists", ",", "write 'and'"),
        ("state exists || host exists", "||", "write 'or' for '||'"),
        ("state exists AND host exists", "AND", "write 'and' for 'AND'"),
        ("NOT state exists", "NOT", "write 'not' for 'NOT'"),
        ("!(state exists)", "!", "write 'not' for '!'"),
        ("config.a == None", "None", "write null"),
        ("config.a == True", "True", "write true"),
        ("config.a == NaN", "NaN", 'write "NaN"'),
        ("config.a == -Infinity", "-I", '"-Infinity"'),
        ('config["a"] == 1', "config", "write config.a"),
        ('{"state": "finished"}', "{", "filters="),
        ("\u201cfinished\u201d", "\u201c", "write \" or '"),
        # Turned round, and chained.
        ("0.01 < config.lr < 0.1", "0.01", "Write config.lr > 0.01 and config.lr < 0.1"),
        ("0.1 >= config.lr", "0.1", "Write config.lr <= 0.1"),
        ("config.lr > 0.01 < 0.1", "< 0.1", "do not chain"),
        ('"best" in tags', '"best"', 'Write tags contains "best"'),
        ("'state' == 'a'", "'state'", "begins with a path. It has no quotes"),
        ("config.lr not matches 'a'", "not", "'not' goes before the path: not config.lr matches"),
        # Names.
        ("stat == 'a'", "stat", "Did you mean state?"),
        ("confg.lr == 1", "confg", "Did you mean config.lr?"),
        ("lr < 0.1", "lr", "A hyperparameter is config.lr, a metric summary.lr"),
        ("name == 'fox'", "name", "'id' for the run's id, or 'display_name'"),
        ("user == 'a'", "user", "'username'"),
        ("updated_at exists", "updated_at", "'heartbeat_at' comes nearest"),
        ("createdAt exists", "createdAt", "Did you mean created_at?"),
        ("state.a == 'a'", "state.a", "state has no parts"),
        ("config == 1", "config", "config.KEY"),
        ("config. == 1", ". ==", "expected a key right after the dot"),
        ("config.a..b == 1", "..b", "expected a key right after the dot"),
        ('config."" == 1', "config", "not ''"),
        ("summary.top@5 > 1", "@", 'summary."top@5"'),
        ("config.a[0] == 1", "[", "the items of a list have no paths"),
        # Values.
        ("state == finished", "finished", 'a string is quoted: "finished"'),
        ("config.a == config.b", "config.b", "two paths cannot be compared"),
        ("config.a ==", None, "and the text ends"),
        ("config.a == and", "and", "expected a value"),
        ("config.a < .5", ".5", "Did you mean 0.5?"),
        ("config.a < 1_000", "1_000", "Did you mean 1000?"),
        ("config.a < +5", "+5", "Did you mean 5?"),
        ("config.a < 007", "007", "Did you mean 7?"),
        ("config.a < 0x10", "0x10", "Did you mean 16?"),
        ("config.a < 5px", "5px", "is no number"),
        ("config.a < 1e999", "1e999", "more than a float can hold"),
        ("config.a == " + "9" * 5000, "9", "a whole number of 5,000 digits is too long"),
        ("config.a < null", "null", "cannot be ordered"),
        ("config.a < [1]", "[", "cannot be ordered"),
        ("config.a < true", "true", "cannot be ordered"),
        ("config.a == [1, ]", "]", "expected a value"),
        ("config.a == [1 2]", "2]", "expected ',' or ']'"),
        ("config.a == [1, 2", "[", "never closed"),
        ('config.a == {"a": 1, "a": 2}', '"a": 2', "there twice"),
        ('config.a == {"a" 1}', "1}", "expected ':'"),
        ("config.a == {a: 1}", "a: 1", "expected a key in quotes"),
        ('config.a == {"$gt": 1}', '"$gt"', "holds no operators"),
        ("state in 'a'", "'a'", "expected a list after 'in'"),
        ("state in ('a', 'b')", "(", "expected a list after 'in'"),
        ("state == 5", "5", 'expected a string, not 5. It is quoted: "5"'),
        ("state in ['a', 5]", "5", "expected a string"),
        ("state == ['a']", "[", "For one of several write state in […]"),
        ("state == {}", "{", "never a mapping"),
        ("duration > '5'", "'5'", "expected seconds"),
        ("duration contains '5'", "contains", "duration is no string"),
        ("config.a contains 5", "5", "expected a string after 'contains'"),
        ("config.a contains ['b']", "[", "expected one string"),
        ("config.a matches '(?=b)'", "'(?=b)'", "RE2 looks neither ahead nor behind"),
        (r"config.a matches '\d'", r"\d", "a backslash in a string is written"),
        ("state == 'a\tb'", "\tb", r"control characters as escapes: \t"),
        (r"state == '\ud800'", "'", "half a surrogate pair"),
        # Tags.
        ("tags == 'a'", "==", "write tags contains 'a'"),
        ("tags in ['a', 'b']", "in", "write tags contains 'a' or tags contains 'b'"),
        ("tags not in ['a']", "in", "write not (tags contains 'a')"),
        ("tags < null", "<", "tags have no order"),
        ("tags matches 'a'", "matches", "takes no 'matches'"),
        # Instants.
        ("created_at > 2026-01-31", "2026", "Write 2026-01-31T00:00:00Z for UTC"),
        ("created_at > '2026-01-31'", "'2026", "Write 2026-01-31T00:00:00Z for UTC"),
        ("created_at > 2026-01-31T12:00", "2026", "Write 2026-01-31T12:00:00Z for UTC"),
        ("config.a > 2026-01-31T12:00", "2026", "Write 2026-01-31T12:00:00Z for UTC"),
        ("created_at > 2026-01-31 12:00:00Z", "2026", "write 2026-01-31T12:00:00Z"),
        ("created_at > 2026-02-30", "2026", "not in ISO 8601"),
        ("created_at > 'today'", "'today'", "not in ISO 8601"),
        ("created_at > 5", "5", "expected an instant"),
        ("created_at > 0001-01-01T00:00:00+05:00", "0001", "no instant in UTC"),
        # The whole.
        ("", None, "an empty text is no filter"),
        (" \n ", None, "an empty text is no filter"),
        ("state", None, "write state == true, or state exists"),
        ("state exists and", None, "expected a comparison"),
        ("and state exists", "and", "expected a comparison"),
        ("()", ")", "expected a comparison"),
        ("(state exists", "(", "never closed"),
        ("state exists)", ")", "closes nothing"),
        ("state exists host exists", "host", "expected 'and', 'or' or the end"),
        ("state == 'a", "'a", "never closed"),
        ('config."a == 1', '"a', "never closed"),
        ("state exists or\n  stat exists", "stat ", "Did you mean state?"),
    ],
)
def test_a_wrong_text_is_refused_at_its_place_with_what_to_write(
    text: str, at: str | None, said: str
) -> None:
    error = refusal(text)
    assert said in error.message
    assert place_of(text, error) == (len(text.rstrip()) if at is None else text.index(at))
    assert len(error.message) < 400


def test_a_correction_of_a_comparison_from_the_wrong_side_is_a_filter() -> None:
    said = refusal("0.01 <= summary.eval/loss < 0.1").message
    written = said.partition("Write ")[2].rstrip(".")
    loss = Summary("eval/loss")
    assert parse_filter(written) == (loss >= 0.01) & (loss < 0.1)


@pytest.mark.parametrize("line", ["損失 == 1", "e\u0301 == 1", "\uff57\uff49 == 1", "\u202e == 1"])
def test_the_caret_stands_below_the_place_on_a_terminal(line: str) -> None:
    error = refusal(f"state exists and\nstate == '{line}' nor state exists")
    shown, caret = error.__notes__[0].split("\n")
    columns = 0
    for character in shown[: shown.index("nor")]:
        wide = unicodedata.east_asian_width(character) in "WF"
        columns += 0 if unicodedata.combining(character) else 2 if wide else 1
    assert caret == " " * columns + "^"


def test_of_a_long_line_the_part_around_the_place_is_shown() -> None:
    error = refusal(
        " and ".join(["state exists"] * 500) + " nor host exists" + " or id exists" * 99
    )
    shown, caret = error.__notes__[0].split("\n")
    assert len(shown) < 100
    assert shown.lstrip().startswith("…")
    assert shown.endswith("…")
    assert shown[caret.index("^") :].startswith("nor host exists")


# Limits.


def nested(depth: int, opening: str, middle: str, closing: str) -> str:
    return f"{opening * depth}{middle}{closing * depth}"


@pytest.mark.parametrize(
    ("before", "opening", "middle", "closing"),
    [
        ("", "(", "state exists", ")"),
        ("", "not ", "state exists", ""),
        ("", "not(", "state exists", ")"),
        ("config.a == ", "[", "", "]"),
        ("config.a == ", '{"a":', "1", "}"),
    ],
)
def test_a_hundred_levels_are_the_deepest(
    before: str, opening: str, middle: str, closing: str
) -> None:
    levels = 2 if opening == "not(" else 1
    most = 98 if before else 100  # an operator and its path are two levels of a mapping
    parse_filter(before + nested(most // levels, opening, middle, closing))
    deep = before + nested(100 // levels + 1, opening, middle, closing)
    error = refusal(deep)
    assert "100 levels deep" in error.message
    assert place_of(deep, error) > 0
    assert "100 levels deep" in refusal(before + nested(5000, opening, middle, closing)).message


def test_a_filter_that_becomes_too_deep_is_refused() -> None:
    text = nested(45, "(state exists and (host exists or ", "id exists", "))")
    error = refusal(text)
    assert "100 levels" in error.message
    place_of(text, error)


def test_a_text_as_deep_as_can_be_is_read_from_deep_in_the_stack() -> None:
    text = nested(100, "(", "state exists", ")")

    def called(levels: int) -> Condition:
        return parse_filter(text) if levels == 0 else called(levels - 1)

    used = len(inspect.stack(0))
    assert called(sys.getrecursionlimit() - used - 60) == State.exists()


@pytest.mark.parametrize("inner", ["a", "é"])
def test_64_kb_are_the_longest(inner: str) -> None:
    frame = len('state == ""')
    width = len(inner.encode())
    rest = 2**16 - frame
    text = f'state == "{inner * (rest // width)}{"a" * (rest % width)}"'
    assert len(text.encode()) == 2**16
    assert json.loads(parse_filter(text).query)["state"].startswith(inner)
    assert "longer than 64 KB" in refusal(text + " ").message


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["id exists"] * 4500),
        " and ".join([f"config.a == {number}" for number in range(3000)]),
        f"config.a in [{','.join(map(str, range(11_000)))}]",
        f"config{'.a' * 32_000} == 1",
        "config.a == " + json.dumps({str(number): 1 for number in range(4500)}),
    ],
)
def test_long_texts_are_read(text: str) -> None:
    assert 32_000 < len(text) <= 2**16
    query = parse_filter(text).query
    assert filters_to_json(json.loads(query)) == query


@pytest.mark.parametrize(
    "text",
    [
        'state == "' + "\\\\" * 32_000,
        "state == " + "'\"" * 30_000,
        "config." + '"a".' * 16_000,
        "a" * 2**16,
        "1" * 2**16,
        "0.1 < " + "a." * 32_000,
        " " * 2**16,
        "\n" * 2**16,
        "@" * 2**16,
        "(" * 2**16,
        "config.a" + "@" * 65_000,
        "state matches '" + "(" * 65_000 + "'",
    ],
)
def test_long_texts_that_are_wrong_are_refused_shortly(text: str) -> None:
    error = refusal(text)
    place_of(text, error)
    assert len(error.message) < 700


@pytest.mark.parametrize("value", [None, {"state": "finished"}, b"state", State == "finished"])
def test_only_text_is_read(value: Any) -> None:  # noqa: ANN401 # the point
    with pytest.raises(InvalidArgumentError, match=r"^parse_filter: expected text"):
        parse_filter(value)


def test_text_in_place_of_a_filter_is_told_what_reads_it(api: Api) -> None:
    filters: Any = "state == 'finished'"
    with pytest.raises(InvalidArgumentError, match="parse_filter reads a filter as text"):
        api.runs("team/many", filters)
