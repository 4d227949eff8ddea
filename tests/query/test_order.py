"""Orders: accepted spellings, and errors."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wandb_runs import Summary
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.query.order import DEFAULT_ORDER, RawOrder, parse_order

KEYS = st.text(
    st.characters(exclude_characters=".", exclude_categories=["Z", "C"]), min_size=1, max_size=8
).filter(lambda key: key != "*" and "," not in key)
ATTRIBUTES = st.sampled_from(["created_at", "heartbeat_at", "updatedAt", "name"])
NESTED = st.lists(KEYS, max_size=3)


@st.composite
def exact_paths(draw: st.DrawFn) -> str:
    section = draw(st.sampled_from(["attribute", "config", "summary_metrics"]))
    if section == "attribute":
        return draw(ATTRIBUTES)
    keys = draw(st.lists(KEYS, min_size=1, max_size=3))
    if section == "config":
        keys = [*keys, "value", *draw(NESTED)]
    return ".".join([section, *keys])


@given(exact_paths(), st.sampled_from("+-"))
@example("config.value.value", "+")
@example("summary_metrics.eval/loss", "-")
@example("summary_metrics.top-0.5", "-")
@example("config.model.value.depth", "+")
def test_an_exact_order_is_sent_unchanged_and_ascends_without_a_sign(path: str, sign: str) -> None:
    assert parse_order(sign + path) == sign + path
    assert parse_order(path) == "+" + path


@given(KEYS, NESTED, st.sampled_from("+-"))
def test_short_and_exact_spellings_are_equal_orders(key: str, nested: list[str], sign: str) -> None:
    metric = ".".join([key, *nested])
    assert parse_order(f"{sign}config.{key}") == parse_order(f"{sign}config.{key}.value")
    assert parse_order(f"{sign}summary.{metric}") == parse_order(f"{sign}summary_metrics.{metric}")


@given(KEYS, st.lists(KEYS.filter(lambda part: part != "value"), min_size=1, max_size=3))
@example("value", ["lr"])
def test_an_ambiguous_path_is_refused_with_two_unambiguous_spellings(
    key: str, rest: list[str]
) -> None:
    inside = ".".join(rest)
    nested, dotted = f"config.{key}.value.{inside}", f"config.{key}.{inside}.value"
    with pytest.raises(InvalidArgumentError) as refusal:
        parse_order(f"config.{key}.{inside}")
    if len(dotted) < 100:
        assert repr(nested) in refusal.value.message
        assert repr(dotted) in refusal.value.message
    assert parse_order(nested) == f"+{nested}"
    assert parse_order(dotted) == f"+{dotted}"


@given(st.text(max_size=30) | st.text("+-. _abcdefgiklmnorstuvy'[]", max_size=30))
def test_any_string_is_refused_or_becomes_a_stable_order(text: str) -> None:
    message = "order"
    try:
        wire = parse_order(text)
    except InvalidArgumentError as error:
        message = error.message
    else:
        assert wire[0] in "+-"
        assert wire[1:] in {"created_at", "heartbeat_at", "updatedAt", "name"} or (
            wire[1:].startswith(("config.", "summary_metrics."))
        )
        assert parse_order(wire) == wire
    assert message.startswith("order")


@pytest.mark.parametrize(
    ("order", "wire"),
    [
        ("createdAt", "+created_at"),
        ("-heartbeatAt", "-heartbeat_at"),
        ("-updated_at", "-updatedAt"),
        (None, DEFAULT_ORDER),
    ],
)
def test_other_spellings_are_sent_as_the_server_knows_them(order: str | None, wire: str) -> None:
    assert parse_order(order) == wire


@pytest.mark.parametrize(
    ("order", "hints"),
    [
        ("createdat", ["'created_at'"]),
        ("created", ["'created_at'"]),
        ("-Heartbeat_At", ["'-heartbeat_at'"]),
        ("-created_at desc", ["'-created_at'"]),
        ("created_at desc", ["'-created_at'"]),
        ("loss asc", ["'+loss'"]),
        ("config.*.value", ["the key's own name"]),
        ("+config.lr,-created_at", ["one path"]),
        ("-summary.accuracy,created_at", ["one path", "to_polars().sort", "Summary('a,b')"]),
        ("summary.loss, config.lr", ["one path"]),
        ("created_at,name", ["one path"]),
        ("a,b,summary_metrics.loss", ["one path"]),
        ("-display_name", ["does not sort by 'display_name'", "'name', which is the run's id"]),
        ("-duration", ["does not sort by 'duration'", "'updated_at'"]),
        ("displayName", ["does not sort by 'displayName'"]),
        ("-config.a.b", ["'-config.a.value.b'", "'-config.a.b.value'"]),
        ("loss", ["'summary_metrics.loss'", "'config.loss.value'"]),
        ("Config.lr", ["'config.lr.value'"]),
        ("sumary.loss", ["'summary_metrics.loss'"]),
        ("summaryMetrics.a.b", ["'summary_metrics.a.b'"]),
        ("model.depth", ["'config.model.value.depth'", "'config.model.depth.value'"]),
        ("+summary_metrics['eval/loss']", ["Keys follow a dot", "'summary_metrics.eval/loss'"]),
        ("id", ["'name'"]),
        ("created_at.year", ["no parts", "'created_at'"]),
        ("config", ["'config.<key>.value'"]),
        ("summary.", ["'summary_metrics.<key>'"]),
        ("config..lr", ["lacks a key"]),
        (" created_at", ["'created_at'"]),
        ("summary.loss ", ["'summary.loss'"]),
        ("+created_at ", ["'+created_at'"]),
        ("+ created_at", ["'+created_at'"]),
        ("++created_at", ["one sign"]),
        ("-", ["one sign"]),
        ("", ["'+created_at'"]),
        ("   ", ["not '   '"]),
        ("...", ["RawOrder"]),
    ],
)
def test_a_wrong_order_is_refused_with_the_nearest_valid_one(order: str, hints: list[str]) -> None:
    with pytest.raises(InvalidArgumentError) as refusal:
        parse_order(order)
    for hint in hints:
        assert hint in refusal.value.message


@pytest.mark.parametrize("key", ["exact_match,strict-match", "a, b", "a,", "name,a", "a,config"])
def test_a_key_may_hold_commas_in_front_of_what_is_no_path(key: str) -> None:
    assert parse_order(f"-summary.{key}") == f"-summary_metrics.{key}"


def test_a_field_may_hold_what_would_be_two_paths_in_a_text() -> None:
    assert parse_order(Summary("a,name").desc()) == "-summary_metrics.a,name"


@pytest.mark.parametrize("order", [3, b"created_at", ["created_at"], ("created_at", "-"), object()])
def test_only_strings_are_orders(order: object) -> None:
    with pytest.raises(InvalidArgumentError):
        parse_order(order)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # the point
    with pytest.raises(InvalidArgumentError):
        RawOrder(order)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] # the point


@given(st.text(min_size=1))
def test_a_raw_order_is_sent_unchanged(text: str) -> None:
    raw = RawOrder(text)
    assert parse_order(raw) == text
    assert pickle.loads(pickle.dumps(raw)) == raw  # our own bytes


def test_an_empty_raw_order_is_refused() -> None:
    with pytest.raises(InvalidArgumentError):
        RawOrder("")
