"""Fields with a type: what they print as, what they compare with, what types there may be."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, Generic, Literal, NewType, Optional, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from wandb_runs import Condition, Config, InvalidArgumentError, Summary

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.query.key_fields import KeyField

T = TypeVar("T")

untyped: Any = None
"""For calls that type checkers refuse."""


class Optimizer(Enum):
    ADAM = "adam"
    SGD = "sgd"


class Layers(BaseModel):
    depth: int
    head: str | None = Field(default=None, alias="head/name")


@dataclass
class Size:
    width: int


class Shape(TypedDict):
    width: int


Rate = NewType("Rate", float)
Positive = Annotated[float, Field(gt=0)]

KINDS: list[Any] = [
    *(float, int, str, bool, list[int], dict[str, float], tuple[int, ...], datetime),
    *(Optimizer, Layers, Size, Shape, object, type(None)),
    *(float | None, Optional[float], int | str, Literal["adam", "sgd"], Literal[1] | None),  # noqa: UP045 # what older programs write
    *(Rate, Positive, Any, list[Layers | None]),
]
kinds = st.sampled_from(KINDS)
sections = st.sampled_from([Config, Summary])
keys = st.lists(st.text(min_size=1), min_size=1, max_size=3)


@given(sections, kinds, keys)
def test_a_typed_field_is_the_field_of_its_path(section: Any, kind: Any, keys: list[str]) -> None:  # noqa: ANN401 # of several types
    field, bare = section[kind](*keys), section(*keys)
    assert (field == bare, bare == field) == (True, True)
    assert hash(field) == hash(bare)
    assert {bare: 1}[field] == 1
    assert str(field) == str(bare)
    assert field.asc() == bare.asc()
    assert str(field.exists()) == str(bare.exists())
    for again in (pickle.loads(pickle.dumps(field)), copy.copy(field), copy.deepcopy(field)):
        assert repr(again) == repr(field) != repr(bare)
        assert type(again) is section


@given(sections, kinds.filter(lambda kind: kind is not Positive), keys)
def test_the_repr_of_a_typed_field_makes_it(section: Any, kind: Any, keys: list[str]) -> None:  # noqa: ANN401 # of several types
    field = section[kind](*keys)
    names = {
        **globals(),
        "datetime": datetime,
        "NoneType": type(None),
        "test_key_fields": __import__("sys").modules[__name__],
    }
    text = repr(field).replace("datetime.datetime", "datetime").replace(f"{__name__}.", "")
    again = eval(text, names)  # noqa: S307 # our own text
    assert repr(again) == repr(field)


def test_fields_print_as_they_are_written() -> None:
    assert repr(Config("lr", type=float)) == "Config('lr', type=float)"
    assert repr(Config[float]("lr")) == "Config('lr', type=float)"
    assert repr(Config("a", "b", type=list[int])) == "Config('a', 'b', type=list[int])"
    assert repr(Summary("m", type=Layers)) == "Summary('m', type=Layers)"
    assert repr(Config[float | None]("lr")) == "Config[float | None]('lr')"
    assert repr(Config[Literal["a"]]("lr")) == "Config[Literal['a']]('lr')"


def test_brackets_and_the_argument_mean_the_same() -> None:
    for kind in (float, list[int], Layers, Shape):
        one: KeyField[Any] = Config[kind]("k")  # type: ignore[valid-type] # as a program that is not checked has it
        assert repr(one) == repr(Config("k", type=kind))
    filled: Any = Config[T][float | None]  # type: ignore[valid-type] # as generic programs have it
    assert repr(filled("lr")) == "Config[float | None]('lr')"


@pytest.mark.parametrize("name", ["_path", "keys", "value_type", "other", "__orig_class__"])
def test_typed_fields_are_immutable(name: str) -> None:
    for field in (Config("lr", type=float), Config[float | None]("lr")):
        with pytest.raises(AttributeError):
            setattr(field, name, "x")
        assert str(field) == "config.lr.value"


rate = Config("lr", type=float)
maybe = Config[float | None]("lr")
depth = Config("model", "depth", type=int)
name = Config("name", type=str)
flag = Config("flag", type=bool)
opt = Config("opt", type=Optimizer)
word = Config[Literal["adam", "sgd"]]("opt")
widths = Config("widths", type=list[int])
model = Config("model", type=Layers)
size = Config("size", type=Size)
shape = Config("shape", type=Shape)
since = Config("since", type=datetime)
loss = Summary("loss", type=float)
nan, inf = float("nan"), float("inf")
INSTANT = datetime(2026, 1, 31, tzinfo=UTC)

SENT: list[tuple[Condition, str]] = [
    (rate < 1, '{"config.lr.value":{"$lt":1}}'),
    (0.1 >= rate, '{"config.lr.value":{"$lte":0.1}}'),  # noqa: SIM300 # the other way round
    (maybe > 0.5, '{"config.lr.value":{"$gt":0.5}}'),
    (maybe == None, '{"config.lr.value":null}'),  # noqa: E711 # a comparison on the server
    (maybe.is_in([0.1, None]), '{"config.lr.value":{"$in":[0.1,null]}}'),
    (depth.not_in(range(2)), '{"config.model.value.depth":{"$nin":[0,1]}}'),
    (flag == True, '{"config.flag.value":true}'),  # noqa: E712 # a comparison on the server
    (name.matches("^a") & name.contains("b"), ""),
    (opt == Optimizer.ADAM, '{"config.opt.value":"adam"}'),
    (opt.is_in({Optimizer.SGD}), '{"config.opt.value":{"$in":["sgd"]}}'),
    (word != "sgd", '{"config.opt.value":{"$ne":"sgd"}}'),
    (widths == [1, 2], '{"config.widths.value":[1,2]}'),
    (widths.contains_all([1]) & widths.size(2), ""),
    (model == Layers(depth=3), '{"config.model.value":{"$eq":{"depth":3,"head/name":null}}}'),
    (size == Size(2), '{"config.size.value":{"$eq":{"width":2}}}'),
    (shape == Shape(width=2), '{"config.shape.value":{"$eq":{"width":2}}}'),
    (since >= INSTANT, '{"config.since.value":{"$gte":"2026-01-31T00:00:00Z"}}'),
    (loss == nan, '{"summary_metrics.loss":"NaN"}'),
    (loss.not_in([-inf, 1]), '{"summary_metrics.loss":{"$nin":["-Infinity",1]}}'),
]


@pytest.mark.parametrize(("condition", "sent"), SENT)
def test_a_comparison_sends_what_is_stored(condition: Condition, sent: str) -> None:
    json.loads(str(condition))
    assert not sent or str(condition) == sent


any_lr: Any = rate

REFUSALS: list[tuple[Callable[[], object], str]] = [
    (lambda: any_lr < "x", r"type=float\) < …: expected a value of type float, not 'x'"),
    (lambda: any_lr == "0.1", "expected a value of type float, not '0.1'"),
    (lambda: any_lr == True, "expected a value of type float, not True"),  # noqa: E712 # what is refused
    (lambda: any_lr == None, "expected a value of type float, not None"),  # noqa: E711 # what is refused
    (lambda: any_lr != [0.1], "expected a value of type float"),
    (lambda: any_lr.is_in([0.1, "x"]), r"is_in\(…\): expected a value of type float, not 'x'"),
    (lambda: any_lr.not_in({None}), "expected a value of type float, not None"),
    (lambda: any_lr < nan, "stored as a string"),
    (lambda: any_lr.contains_all([0.1]), "what a value of type float can hold, not 0.1"),
    (lambda: untyped_of(maybe) < None, "cannot be ordered"),
    (lambda: untyped_of(maybe) == "x", r"type float \| None, not 'x'"),
    (lambda: untyped_of(depth) == 1.5, "type int, not 1.5"),
    (lambda: untyped_of(depth) > True, "cannot be ordered"),
    (lambda: untyped_of(flag) == 1, "type bool, not 1"),
    (lambda: untyped_of(name) == 1, "type str, not 1"),
    (lambda: untyped_of(word) == "adamw", r"Literal\['adam', 'sgd'\], not 'adamw'"),
    (lambda: untyped_of(opt) == "adam", "type Optimizer, not 'adam'"),
    (lambda: untyped_of(widths) == ["a"], r"type list\[int\], not \['a'\]"),
    (lambda: untyped_of(widths) < [1], "cannot be ordered"),
    (lambda: untyped_of(widths).contains_all(["a"]), r"type list\[int\] can hold, not 'a'"),
    (lambda: untyped_of(model) == {"depth": "x"}, "type Layers"),
    (lambda: untyped_of(shape) == {"width": "x"}, "type Shape"),
    (lambda: untyped_of(since) == datetime(2026, 1, 1), "no time zone"),  # noqa: DTZ001 # what is refused
]


def untyped_of(field: object) -> Any:  # noqa: ANN401 # what checkers are to know nothing of
    return field


@pytest.mark.parametrize(("wrong", "message"), REFUSALS)
def test_a_comparison_with_another_type_is_refused(
    wrong: Callable[[], object], message: str
) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        wrong()


class Unknown(Generic[T]):
    pass


class Unfinished(BaseModel):
    lr: Nowhere  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable] - what is tested


NO_TYPES: list[tuple[object, str]] = [
    (
        float | None,
        r"Config\('lr', type=…\): float \| None is no class; write Config\[float \| None\]\('lr'\)",
    ),
    (Literal["a"], r"write Config\[Literal\['a'\]\]\('lr'\)"),
    (Optional[int], r"write Config\[int \| None\]"),  # noqa: UP045 # what older programs write
    (Positive, r"write Config\[Annotated"),
    (Any, r"write Config\[Any\]"),
    (0.1, "expected a type like float, not 0.1"),
    ("float", "expected a type like float, not 'float'"),
    ({"lr": float}, "expected a type like float, not {'lr'"),
    (Layers(depth=1), "expected a type like float"),
    (T, "expected a type like float, not ~T"),
    (Unknown, "no value can be made into Unknown"),
    (Unfinished, r"no value can be made into Unfinished: .*'Nowhere' is not defined.*function"),
]


@pytest.mark.parametrize(("kind", "message"), NO_TYPES)
def test_what_is_no_class_is_refused(kind: Any, message: str) -> None:  # noqa: ANN401 # what is refused
    with pytest.raises(InvalidArgumentError, match=message):
        Config("lr", type=kind)


section: Any = Config

WRONG_BRACKETS: list[tuple[Callable[[], object], str]] = [
    (lambda: section[float, int]("lr"), "expected one type"),
    (lambda: section["float"]("lr"), "not 'float'"),
    (lambda: section[float]("lr", type=int), "takes keys alone"),
    (lambda: section[float]("lr", kind=int), "takes keys alone"),
    (lambda: section[T]("lr"), "not ~T"),
    (lambda: section[float](3), "expected keys, each a string"),
]


@pytest.mark.parametrize(("wrong", "message"), WRONG_BRACKETS)
def test_brackets_take_one_type_and_keys_alone(wrong: Callable[[], object], message: str) -> None:
    with pytest.raises(InvalidArgumentError, match=message):
        wrong()
    with pytest.raises(TypeError, match="takes a key"):
        section[float]()
    assert repr(section[float]("lr", type=float)) == "Config('lr', type=float)"


@pytest.mark.parametrize(
    "field",
    [
        Config("lr", type=int),
        Config("lr", type=bool),
        Summary("lr", type=float),
        Config[int | float | None]("lr"),
    ],
    ids=repr,
)
def test_what_is_no_text_is_searched_for_none(field: KeyField[object]) -> None:
    for search in (field.matches, field.contains):
        with pytest.raises(InvalidArgumentError, match=r"no value of type .* is text"):
            search("1")
    with pytest.raises(InvalidArgumentError, match=r"no value of .* is a list"):
        field.size(1)


def test_what_may_be_text_or_a_list_is_searched_as_without_a_type() -> None:
    plain = Config("x")
    text = Config("x", type=str)
    for field in (text, Config[Literal["a"]]("x"), Config[int | str]("x")):
        assert str(field.contains("a")) == str(plain.contains("a"))
        assert str(field.matches("a")) == str(plain.matches("a"))
    assert str(Config("x", type=list[str]).contains("a")) == str(plain.contains("a"))
    assert str(Config("x", type=list[int]).size(2)) == str(plain.size(2))
    with pytest.raises(InvalidArgumentError, match="no value of str is a list"):
        text.size(1)
