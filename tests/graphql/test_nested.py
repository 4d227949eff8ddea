"""Values that are nested in others, by keys with dots."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.graphql.nested import pick, pick_all, select

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue


def test_objects_deeper_than_python_recurses_are_read() -> None:
    depth = 1_500
    values: JSONValue = 1
    for _ in range(depth):
        values = {"a": values}
    assert isinstance(values, dict)
    assert pick(values, ".".join("a" * depth)) == 1


def test_names_with_dots_at_their_ends_are_found() -> None:
    values: dict[str, JSONValue] = {"a": {"": {"b": 1}}, "": {"c": 2}, "d.": 3}
    keys = ("a..b", ".c", "d.", "d")
    assert pick_all(values, keys) == {"a..b": 1, ".c": 2, "d.": 3}


def test_items_of_lists_have_no_keys() -> None:
    assert select({"a": [{"b": 1}]}, ("a.b", "a.0", "a.0.b")) == {}


def test_null_is_kept_in_documents_and_left_out_of_rows() -> None:
    values: dict[str, JSONValue] = {"a": {"b": None}, "c": None}
    assert select(values, ("a.b", "c", "d")) == {"a.b": None, "c": None}
    assert pick_all(values, ("a.b", "c", "d")) == {}


def test_the_longest_name_that_holds_the_rest_wins() -> None:
    values: dict[str, JSONValue] = {"a": {"b": {"c": 1}, "b.c": 2}, "a.b": {"c": 3}, "a.b.c": 4}
    assert pick(values, "a.b.c") == values.pop("a.b.c") == 4
    assert pick(values, "a.b.c") == 3
    values["a.b"] = {"c": None}
    assert pick(values, "a.b.c") == 2
    values["a"] = {"b": {"c": 1}}
    assert pick(values, "a.b.c") == 1
