"""What filters and orders name is found in the documents that have it, and in no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import Config, DisplayName, RawFilter, State, Summary, Tags
from wandb_runs.query.filters import filters_to_json
from wandb_runs.query.mentions import STATES, key_mentions, mentions_of, names_in
from wandb_runs.query.order import parse_order

if TYPE_CHECKING:
    from wandb_runs import Condition, Filters

CONFIG = {
    "lr": {"value": 0.1, "desc": None},
    "model": {"value": {"depth": 2, "layers": [{"size": 1}], "a.b": {"c": 1}}},
    "a.b": {"value": None},
    "value": {"value": 3},
    "bare": 1,
}
SUMMARY = {"loss": {"min": 1}, "eval/loss": 1, "x.y": None}


@pytest.mark.parametrize(
    ("order", "is_there"),
    [
        ("config.lr", True),
        ("config.lr.value", True),
        ("config.model.value.depth", True),
        ("config.model.value.a.b.c", True),
        ("config.model.value.layers.size", True),
        ("config.a.b.value", True),
        ("config.value", True),
        ("config.value.value", True),
        ("config.bare", True),
        ("summary.loss", True),
        ("summary.loss.min", True),
        ("summary.eval/loss", True),
        ("summary.x.y", True),
        ("config.l", False),
        ("config.model.depth.value", False),
        ("config.model.value.dept", False),
        ("config.lr.value.x", False),
        ("config.loss", False),
        ("summary.los", False),
        ("summary.loss.min.x", False),
        ("summary.lr", False),
    ],
)
def test_a_path_is_found_where_a_run_has_it(order: str, is_there: bool) -> None:
    [mention] = mentions_of(None, parse_order(order)).keys
    document = CONFIG if mention.section == "config" else SUMMARY
    assert mention.is_in(document) is is_there
    # What is asked for holds it.
    cut = {key: value for key, value in document.items() if key in mention.keys}
    assert mention.is_in(cut) is is_there


def test_each_name_in_a_document_is_found_there() -> None:
    for name in names_in("config", CONFIG):
        [mention] = mentions_of(None, parse_order(name.label)).keys
        assert mention.is_in(CONFIG), name
        assert mention.label == name.label
        [key] = key_mentions("config_keys", "config", [name.text])
        assert key.is_in(CONFIG), name
    for name in names_in("summary", SUMMARY):
        [mention] = mentions_of(None, parse_order(name.label)).keys
        assert mention.is_in(SUMMARY), name


@given(st.dictionaries(st.text(min_size=1), st.dictionaries(st.text(min_size=1), st.integers())))
def test_fields_are_found_by_their_exact_keys(config: dict[str, dict[str, int]]) -> None:
    stored = {key: {"value": value} for key, value in config.items()}
    for key, value in config.items():
        for keys in [(key,), *((key, below) for below in value)]:
            for field, document in ((Config(*keys), stored), (Summary(*keys), config)):
                for mention in mentions_of(str(field == 1), str(field.asc())).keys:
                    if mention.parts[0] not in {"_wandb", "wandb_version"}:
                        assert mention.is_in(document)


@pytest.mark.parametrize(
    ("filters", "names", "proven"),
    [
        (Config("x") == 1, ["config.x"], ["config.x"]),
        ({"config.x": {"$gt": 1, "$ne": 2}}, ["config.x"], ["config.x"]),
        ({"config.x": {"$nin": [2]}}, ["config.x"], []),
        ((Config("x") == 1) | (Summary("y") == 1), ["config.x", "summary.y"], []),
        ({"$and": [{"config.x": 1}, {"$or": [{"config.x": 2}]}]}, ["config.x"], ["config.x"]),
        (~(Config("x") == 1), ["config.x"], []),
        (~~(Config("x") == 1), ["config.x"], None),
        (Config("x") != None, ["config.x"], []),  # noqa: E711 - a condition
        (~(Config("x") == None), ["config.x"], []),  # noqa: E711 - a condition
        (~(Config("x") != None), [], []),  # noqa: E711 - a condition
        (Config("x") == None, [], []),  # noqa: E711 - a condition
        (Config("x").exists(), ["config.x"], ["config.x"]),
        ({"config.x": {"$exists": False}}, [], []),
        (~Config("x").exists(), [], []),
        ((Config("x") == 1) | ~Config("x").exists(), [], []),
        (Config("x").is_in([None, 1]), [], []),
        (Config("x").not_in([None, 1]), ["config.x"], []),
        (Config("x").contains("a"), ["config.x"], ["config.x"]),
        (Config("x").contains_all([1, 2]), ["config.x"], ["config.x"]),
        (Config("x").contains_all([1, None]), [], []),
        (Config("x").size(0), ["config.x"], ["config.x"]),
        ({"config.x": {"$not": {"$gt": 1, "$lt": 2}}}, ["config.x"], []),
        ({"config.x": {"$not": {"$not": {"$exists": True}}}}, ["config.x"], []),
        ({"config.x": {"$not": {"$exists": True}}}, [], []),
        ({"config.x": {"$not": {"$exists": True}}, "config.y": 1}, ["config.y"], ["config.y"]),
        ({"$not": {"config.x": {"$gt": 1}}}, ["config.x"], []),
        (Config("_wandb", "x") == 1, [], []),
        ((DisplayName == "a") & Tags.contains("b"), [], []),
        ({}, [], []),
    ],
)
def test_a_filter_names_what_it_does_not_ask_to_be_absent(
    filters: Filters, names: list[str], proven: list[str] | None
) -> None:
    keys = mentions_of(filters_to_json(filters), None).keys
    assert [each.label for each in keys] == names
    if proven is not None:
        assert [each.label for each in keys if each.is_proven] == proven


@pytest.mark.parametrize(
    ("condition", "unknown"),
    [
        (State == "finishd", {"finishd": True}),
        (State != "finishd", {"finishd": False}),
        (State.is_in(["finishd", "running"]), {"finishd": False}),
        (~(State == "Failed"), {"Failed": False}),
        (State.is_in(list(STATES)), {}),
        (State.matches("finis"), {}),
        (State.contains("finis"), {}),
        (RawFilter({"state": {"$not": {"$eq": "finishd"}}}), {"finishd": False}),
    ],
)
def test_a_filter_names_states_that_are_not_known(
    condition: Condition | RawFilter, unknown: dict[str, bool]
) -> None:
    states = mentions_of(condition.query, None).states
    assert {each.state: each.is_proven for each in states} == unknown


def test_documents_of_any_shape_are_read() -> None:
    odd = json.loads('{"a": null, "b": [1, {"c": 2}], "d": {"value": [3]}, "": {"": {"": 1}}}')
    assert [each.label for each in names_in("config", odd)]
    for path in ("-config.b.value.c", "-config.d.value.0", "-config.a.value.x"):
        for mention in mentions_of(None, path).keys:
            assert isinstance(mention.is_in(odd), bool)
