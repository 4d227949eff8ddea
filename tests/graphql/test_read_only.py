"""What a run holds is read-only throughout, whatever copies it, and reads as plain values do."""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
from collections import ChainMap, OrderedDict, deque
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import orjson
import pandas as pd
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, TypeAdapter

from wandb_runs.graphql.read_only import read_only, read_only_graph, read_only_object
from wandb_runs.graphql.scalars import decode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wandb_runs.graphql.scalars import JSONObject

Dict: TypeAlias = dict[str, object]
List: TypeAlias = list[object]

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
documents: st.SearchStrategy[Dict] = st.dictionaries(
    st.text(),
    st.recursive(
        scalars,
        lambda values: (
            st.lists(values, max_size=3) | st.dictionaries(st.text(), values, max_size=3)
        ),
    ),
)

NESTED: Dict = {
    "lr": 0.1,
    "model": {"widths": [[64], [32]], "optimizer": {"betas": [0.9, 0.99], "name": "adam"}},
    "layers": [{"size": 3}, [1, [2]], "last"],
    "none": None,
}

DICT_CHANGES: dict[str, Callable[[Dict], object]] = {
    "item": lambda x: x.__setitem__("lr", 1),
    "new item": lambda x: x.__setitem__("new", 1),
    "del": lambda x: x.__delitem__("lr"),
    "|=": lambda x: x.__ior__({"new": 1}),
    "clear": lambda x: x.clear(),
    "pop": lambda x: x.pop("lr"),
    "pop of none": lambda x: x.pop("absent", None),
    "popitem": lambda x: x.popitem(),
    "setdefault": lambda x: x.setdefault("new", 1),
    "update": lambda x: x.update(new=1),
}
LIST_CHANGES: dict[str, Callable[[List], object]] = {
    "item": lambda x: x.__setitem__(0, 1),
    "slice": lambda x: x.__setitem__(slice(None), [1]),
    "del": lambda x: x.__delitem__(0),
    "+=": lambda x: x.__iadd__([1]),
    "*=": lambda x: x.__imul__(2),
    "append": lambda x: x.append(1),
    "clear": lambda x: x.clear(),
    "extend": lambda x: x.extend([1]),
    "insert": lambda x: x.insert(0, 1),
    "pop": lambda x: x.pop(),
    "remove": lambda x: x.remove(x[0]),
    "reverse": lambda x: x.reverse(),
    "sort": lambda x: x.sort(key=repr),
}

EMPTY: Dict = {}
NONE: List = []

MUTATORS = {"clear", "pop", "popitem", "setdefault", "update", "append", "extend", "insert"} | {
    "remove", "reverse", "sort", "__setitem__", "__delitem__", "__ior__", "__iadd__", "__imul__",
}  # fmt: skip


class Loose(BaseModel):
    model: dict[str, Any]
    layers: list[Any]
    lr: Any


def updated(x: Dict) -> Dict:
    made: Dict = {}
    made.update(x)
    made |= x
    return made


def extended(x: List) -> List:
    made: List = []
    made.extend(x)
    made += x
    return made


def replaced(x: List) -> List:
    made: List = [1]
    made[:] = x
    return made


def starred(x: List) -> List:
    first, *rest = x
    return [first, *rest]


def matched(x: Dict) -> object:
    match x:
        case {"model": model, **rest}:
            return [model, rest]
        case _:
            return None


DICT_COPIES: dict[str, Callable[[Dict], object]] = {
    "itself": lambda x: x,
    "dict": dict,
    "**": lambda x: {**x},
    "keywords": lambda x: dict(**x),
    "|": lambda x: x | EMPTY,
    "| from the right": lambda x: EMPTY | x,
    "copy method": lambda x: x.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "items": lambda x: dict(x.items()),
    "list of items": lambda x: list(x.items()),
    "values": lambda x: list(x.values()),
    "get": lambda x: [x.get(key) for key in x],
    "loop": lambda x: {key: x[key] for key in x},
    "reversed": lambda x: [x[key] for key in reversed(x)],
    "sorted": lambda x: sorted(x.items()),
    "match": matched,
    "update of another": updated,
    "OrderedDict": OrderedDict,
    "ChainMap": lambda x: ChainMap({}, x),
    "MappingProxyType": MappingProxyType,
    "json": lambda x: json.loads(json.dumps(x)),
    "json, indented": lambda x: json.loads(json.dumps(x, indent=1, sort_keys=True)),
    "orjson": lambda x: orjson.loads(orjson.dumps(x)),
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "yaml": lambda x: yaml.safe_load(yaml.safe_dump(x)),
    "pandas series": lambda x: pd.Series(x).to_dict(),
    "pandas series of values": lambda x: pd.Series(x).to_list(),
    "pandas frame": lambda x: pd.DataFrame([x]).to_dict("records"),
    "pandas normalized": lambda x: pd.json_normalize(x).to_dict("records"),
    "polars": lambda x: pl.DataFrame([{"model": x["model"]}]).to_dicts(),
    "polars objects": lambda x: pl.Series([x], dtype=pl.Object).to_list(),
    "pydantic model": lambda x: [*dict(Loose.model_validate(x)).values()],
    "pydantic dump": lambda x: Loose.model_validate(x).model_dump(),
    "pydantic dict": TypeAdapter(dict[str, Any]).validate_python,
    "pydantic nested": lambda x: TypeAdapter(dict[str, dict[str, Any]]).validate_python(
        {"model": x["model"]}
    ),
    "numpy": lambda x: np.array([x], dtype=object).tolist(),
}
LIST_COPIES: dict[str, Callable[[List], object]] = {
    "itself": lambda x: x,
    "list": list,
    "tuple": tuple,
    "*": lambda x: [*x],
    "unpacking": starred,
    "slice": lambda x: x[:],
    "slice with a step": lambda x: x[::2],
    "+": lambda x: x + [],  # noqa: RUF005 - the point
    "+ from the right": lambda x: NONE + x,
    "*2": lambda x: x * 2,
    "copy method": lambda x: x.copy(),
    "copy.copy": copy.copy,
    "copy.deepcopy": copy.deepcopy,
    "loop": lambda x: [each for each in x],  # noqa: C416 - the point
    "reversed": lambda x: [*reversed(x)],
    "sorted": lambda x: sorted(x, key=repr),
    "zip": lambda x: [*zip(x, x, strict=True)],
    "extend of another": extended,
    "slice of another": replaced,
    "deque": deque,
    "json": lambda x: json.loads(json.dumps(x)),
    "orjson": lambda x: orjson.loads(orjson.dumps(x)),
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "yaml": lambda x: yaml.safe_load(yaml.safe_dump(x)),
    "numpy": lambda x: np.array([*x, None], dtype=object).tolist(),
    "pandas": lambda x: pd.Series(x).to_list(),
    "polars": lambda x: pl.Series(x, dtype=pl.Object).to_list(),
    "pydantic": TypeAdapter(list[Any]).validate_python,
}


def children(value: object) -> Iterator[object]:
    if isinstance(value, (dict, ChainMap, MappingProxyType)):
        yield from cast("Dict", value).values()
    elif isinstance(value, (list, tuple, deque)):
        yield from cast("List", value)


def is_container(value: object) -> bool:
    return isinstance(value, (dict, list))


def vandalise(value: object) -> None:
    """Change all that can be changed of a value, from the inside out."""
    for each in [*children(value)]:
        vandalise(each)
    changes: list[Callable[[Any], object]] = []
    if is_container(value):
        changes = [*DICT_CHANGES.values()] if hasattr(value, "keys") else [*LIST_CHANGES.values()]
    for change in changes:
        try:
            change(value)
        except (TypeError, LookupError, ValueError):
            continue


def held(document: Dict) -> Dict:
    """A document as a run holds it."""
    return cast("Dict", read_only_object(cast("JSONObject", document)))


def is_plain(value: object) -> bool:
    is_own = type(value) in {dict, list} or not is_container(value)
    return is_own and all(map(is_plain, children(value)))


def is_held(value: object) -> bool:
    return type(value) not in {dict, list} and all(map(is_held, children(value)))


@pytest.mark.parametrize("way", DICT_COPIES)
def test_no_copy_of_a_dict_reaches_what_it_was_made_of(way: str) -> None:
    document = held(copy.deepcopy(NESTED))
    vandalise(DICT_COPIES[way](document))
    assert document == NESTED


@pytest.mark.parametrize("way", LIST_COPIES)
def test_no_copy_of_a_list_reaches_what_it_was_made_of(way: str) -> None:
    document = held(copy.deepcopy(NESTED))
    vandalise(LIST_COPIES[way](cast("List", document["layers"])))
    assert document == NESTED


@given(documents)
def test_all_that_is_nested_is_held_and_equals_what_it_was_made_of(document: Dict) -> None:
    made = held(document)
    assert is_held(made)
    assert made == document
    assert repr(made) == repr(document)
    assert json.dumps(made) == json.dumps(document)
    vandalise(made)
    assert made == document


@given(documents)
def test_a_graph_without_shared_values_is_held_alike(document: Dict) -> None:
    made = read_only_graph(document)
    assert is_held(made)
    assert made == document
    assert is_plain(copy.deepcopy(made))


@given(documents)
def test_deep_copies_and_pickles_are_plain_throughout(document: Dict) -> None:
    made = held(document)
    for own in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert is_plain(own)
        assert own == document


@pytest.mark.parametrize("change", DICT_CHANGES)
def test_a_change_of_a_dict_is_an_error_that_says_what_to_do(change: str) -> None:
    document = held({"lr": 0.1})
    with pytest.raises(TypeError, match=r"runs and sweeps are read-only.*copy\.deepcopy\(x\)"):
        DICT_CHANGES[change](document)
    assert document == {"lr": 0.1}


@pytest.mark.parametrize("change", LIST_CHANGES)
def test_a_change_of_a_list_is_an_error_that_says_what_to_do(change: str) -> None:
    tags = cast("List", read_only(["b", "a"]))
    with pytest.raises(TypeError, match=r"runs and sweeps are read-only.*copy\.deepcopy\(x\)"):
        LIST_CHANGES[change](tags)
    assert tags == ["b", "a"]


@pytest.mark.parametrize("kind", [dict, list])
def test_every_mutator_is_refused(kind: type) -> None:
    document = held({"x": [1]})
    value = document if kind is dict else document["x"]
    for name in MUTATORS & {*dir(kind)}:
        assert getattr(type(value), name) is not getattr(kind, name), name


def test_a_document_is_held_however_deep_it_is() -> None:
    text = '{"a":' * 100 + "[" * 98 + "1" + "]" * 98 + "}" * 100
    document = cast("Dict", decode(text))
    made = held(document)
    assert is_held(made)
    assert is_plain(copy.deepcopy(made))
    assert copy.deepcopy(made) == document


def test_values_that_are_shared_or_hold_themselves_stay_so() -> None:
    shared: List = [1]
    document: Dict = {"a": shared, "b": [shared]}
    document["self"] = document
    made = cast("Dict", read_only_graph(document))
    assert made["a"] is cast("List", made["b"])[0]
    assert made["self"] is made
    for copied in (copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        own = cast("dict[str, Any]", copied)
        assert own["self"] is own
        assert own["a"] is own["b"][0]
        assert type(own["a"]) is list


def test_a_deep_copy_shares_its_memo() -> None:
    model = held({"model": [1]})["model"]
    first, second = copy.deepcopy([model, model])
    assert first is second
    assert type(first) is list


@pytest.mark.parametrize("dumper", [yaml.SafeDumper, yaml.Dumper, yaml.CSafeDumper, yaml.CDumper])
def test_yaml_writes_what_it_writes_of_plain_values(dumper: type[yaml.SafeDumper]) -> None:
    assert yaml.dump(held(NESTED), Dumper=dumper) == yaml.dump(NESTED, Dumper=dumper)


def test_a_pickle_is_read_where_this_package_is_not() -> None:
    read = "import pickle, sys; print(pickle.load(sys.stdin.buffer))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", read],
        input=pickle.dumps(held(NESTED)),
        capture_output=True,
        check=True,
    )
    assert done.stdout.decode().strip() == repr(NESTED)
