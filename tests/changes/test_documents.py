"""Changes of configs and summaries, as documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs.graphql.documents import read_config, read_document
from wandb_runs.graphql.nested import pick, places
from wandb_runs.runs.changes.documents import DocumentChange

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.runs.changes.documents import Part

NAMES = st.sampled_from(["a", "b", "c", "a.b", "b.c", "a.b.c", "x"])
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=4)


def leaves(
    document: JSONObject, before: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], JSONValue]]:
    """Every value that is no object with something in it, by its place."""
    for key, value in document.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*before, key))
        else:
            yield (*before, key), value


def is_within(place: tuple[str, ...], key: str) -> bool:
    """Whether a place is that of a key, inside of it, or holds it."""
    name = ".".join(place)
    return f"{name}.".startswith(f"{key}.") or f"{key}.".startswith(f"{name}.")


@given(DOCUMENTS, NAMES, LEAVES, st.sampled_from(["config", "summary"]))
def test_a_key_gets_its_value_and_the_rest_keeps_its_own(
    document: JSONObject, key: str, value: JSONValue, part: Part
) -> None:
    stored = (
        {name: {"value": each, "desc": "d"} for name, each in document.items()}
        if part == "config"
        else document
    )
    change = DocumentChange(part, {key: value})
    text = change.applied_to(json.dumps(stored))
    assert change.missing_in(text) == []
    after = (read_config if part == "config" else read_document)(text, None)
    if value is not None:
        assert pick(after, key) == value
    before, now = dict(leaves(document)), dict(leaves(after))
    assert {at: each for at, each in before.items() if not is_within(at, key)} == {
        at: each for at, each in now.items() if not is_within(at, key)
    }
    assert change.applied_to(text) == text, "a second time changes nothing"
    if part == "config":
        kept = cast("dict[str, dict[str, JSONValue]]", json.loads(text))
        assert all(kept[name]["desc"] == "d" for name in document)


@given(DOCUMENTS, NAMES)
def test_a_key_that_goes_is_nowhere_and_the_rest_keeps_its_own(
    document: JSONObject, key: str
) -> None:
    change = DocumentChange("summary", {}, (key,))
    text = change.applied_to(json.dumps(document))
    after = read_document(text, None)
    assert not [*places(after, key)]
    assert change.missing_in(text) == []
    assert bool(change.missing_in(json.dumps(document))) == bool([*places(document, key)])
    before, now = dict(leaves(document)), dict(leaves(after))
    assert {at: each for at, each in before.items() if not is_within(at, key)} == {
        at: each for at, each in now.items() if not is_within(at, key)
    }


@pytest.mark.parametrize(
    ("document", "key", "expected"),
    [
        ({"a.b": 1, "a": {"b": 2}}, "a.b", {"a.b": 9, "a": {"b": 2}}),
        ({"a": {"b": 2, "c": 3}}, "a.b", {"a": {"b": 9, "c": 3}}),
        ({"a": {"c": 3}}, "a.b", {"a": {"c": 3, "b": 9}}),
        ({"a": 1}, "a.b", {"a": 1, "a.b": 9}),
        ({}, "acc@0.5", {"acc@0.5": 9}),
        ({"a": {"b": 1}, "a.b": {"x": 1}}, "a.b.c", {"a": {"b": 1}, "a.b": {"x": 1, "c": 9}}),
    ],
)
def test_a_dotted_key_means_what_reading_it_means(
    document: JSONObject, key: str, expected: JSONObject
) -> None:
    text = DocumentChange("summary", {key: 9}).applied_to(json.dumps(document))
    assert json.loads(text) == expected


def test_what_a_config_holds_beside_the_change_stays_as_it_was_sent() -> None:
    text = (
        '{"_wandb": {"value": {"cli_version": "0.31.0", "t": [1]}, "desc": null}, '
        '"lr": {"value": 0.1, "desc": "rate"}, "bare": 3, "unit": {"value": 1, "unit": "s"}, '
        '"big": {"value": 123456789012345678901234567890}, "half": {"value": "\\ud83d"}, '
        '"no": {"value": NaN}}'
    )
    changed = json.loads(DocumentChange("config", {"lr": 0.2}).applied_to(text))
    expected = json.loads(text)
    expected["lr"]["value"] = 0.2
    assert json.dumps(changed) == json.dumps(expected)


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "Infinity"),
        ([float("-inf")], ["-Infinity"]),
        (1.0, 1),
        (2**63 + 1, float(2**63)),
        ({"a": {}, "b": 1}, {"b": 1}),
        ({"a": {}}, {}),
    ],
)
def test_a_value_is_found_as_servers_keep_it(value: JSONValue, stored: JSONValue) -> None:
    change = DocumentChange("config", {"k": value})
    assert change.missing_in(json.dumps({"k": {"value": stored}})) == []
    assert change.missing_in(json.dumps({"k": {"value": "other"}})) == ["config.k"]
    assert DocumentChange("config", {"k": True}).missing_in('{"k": {"value": 1}}') == ["config.k"]
