"""Configs and summaries of the caller's own types: what fits is made, what does not is named."""

from __future__ import annotations

import json
import logging
import math
import pickle
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Union, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    TypeAdapter,
    field_validator,
    model_validator,
)
from typing_extensions import TypedDict

from wandb_runs import Api, InvalidArgumentError, Runs, RunValidationError
from wandb_runs.frames.text import as_unicode
from wandb_runs.runs.models import Model
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs import Checkpoint, JSONObject, JSONValue
    from wandb_runs.testing import LocalServer


class Layers(BaseModel):
    depth: int


class TrainConfig(BaseModel):
    lr: float
    optimizer: str
    model: Layers


class Metrics(BaseModel):
    loss: float
    eval_loss: float = Field(alias="eval/loss")


class MetricsDict(TypedDict):
    loss: float


@dataclass
class Only:
    lr: float


class Nine(TypedDict):
    key0: int
    key1: int
    key2: int
    key3: int
    key4: int
    key5: int
    key6: int
    key7: int
    key8: int


class Optimizer(Enum):
    ADAM = "adam"
    SGD = "sgd"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    optimizer: Optimizer
    pair: tuple[int, int] = (0, 0)


@pytest.fixture(scope="module")
def mixed(wandb_server: LocalServer) -> str:
    """A project of which every third run has a learning rate that is no number."""
    for number in range(20):
        log_run(
            wandb_server,
            "team",
            "mixed",
            f"run{number:02}",
            config={"lr": "fast" if number % 3 == 0 else number / 10},
            history=[{"loss": number}],
        )
    return "team/mixed"


FITTING = [f"run{number:02}" for number in range(20) if number % 3]


def test_config_and_summary_have_the_given_types(api: Api, many: str) -> None:
    for run, plain in zip(
        api.runs(many, {"summary_metrics.loss": {"$exists": True}}, config=TrainConfig),
        api.runs(many, {"summary_metrics.loss": {"$exists": True}}),
        strict=True,
    ):
        assert isinstance(run.config, TrainConfig)
        assert isinstance(run.config.lr, float)
        assert run.config.model.depth == cast("dict[str, Any]", plain.config["model"])["depth"]
        assert run.config is run.config
        assert run.summary == plain.summary
        assert run.raw_config == plain.raw_config


def test_aliases_name_keys_that_are_no_identifiers(api: Api, many: str) -> None:
    run = api.runs(many, order="-summary_metrics.loss", summary=Metrics)[0]
    assert run.summary.eval_loss == run.summary_metrics.eval_loss
    assert isinstance(run.summary.loss, float)


@pytest.mark.parametrize("kind", [MetricsDict, dict[str, object]])
def test_any_type_that_pydantic_validates_is_accepted(
    api: Api, mixed: str, kind: type[object]
) -> None:
    runs = api.runs(mixed, {"config.lr": {"$ne": "fast"}}, config=Only, summary=kind)
    plain = api.runs(mixed, {"config.lr": {"$ne": "fast"}})
    for run, other in zip(runs, plain, strict=True):
        assert run.config == Only(cast("float", other.config["lr"]))
        assert run.summary == TypeAdapter(kind).validate_python(other.summary)
    one = api.run("/".join(runs[0].path), config=Only, summary=kind)
    assert (one.config, one.summary) == (runs[0].config, runs[0].summary)


def test_strict_models_read_json_as_json(wandb_server: LocalServer, api: Api) -> None:
    log_run(wandb_server, "team", "strict", "r", config={"optimizer": "adam", "pair": [1, 2]})
    run = api.runs("team/strict", config=Strict)[0]
    assert run.config == Strict(optimizer=Optimizer.ADAM, pair=(1, 2))


class Diverged(BaseModel):
    """A strict model of numbers in each place where a model may have some."""

    model_config = ConfigDict(strict=True)

    plain: float
    maybe: float | None = Field(alias="may be")
    several: int | float
    first: float = Field(validation_alias=AliasPath("listed", 0))
    inner: dict[str, list[float] | float]
    text: str


def as_stored(number: float) -> JSONValue:
    """As W&B stores it: as text, if JSON has no such number."""
    text = json.dumps(number)
    return text if text in {"NaN", "Infinity", "-Infinity"} else number


numbers = st.floats() | st.sampled_from([math.nan, math.inf, -math.inf])


@given(st.tuples(*[numbers] * 6))
def test_strict_models_accept_non_finite_numbers(
    given: tuple[float, ...],
) -> None:
    plain, maybe, several, first, one, other = map(as_stored, given)
    document: JSONObject = {
        "plain": plain,
        "may be": maybe,
        "several": several,
        "listed": [first],
        "inner": {"list": [one], "number": other},
        "text": "NaN",
    }
    read = Model("summary", Diverged).read(lambda: document, "team/p/r")
    number = cast("float", read.inner["number"])
    (item,) = cast("list[float]", read.inner["list"])
    had = (read.plain, cast("float", read.maybe), read.several, read.first, item, number)
    assert [*map(repr, had)] == [*map(repr, given)]
    assert read.text == "NaN"
    with pytest.raises(RunValidationError, match="plain is 'nan' "):
        Model("summary", Diverged).read(lambda: {**document, "plain": "nan"}, "team/p/r")


def test_an_invalid_run_raises_when_its_config_is_read(api: Api, mixed: str) -> None:
    run = api.runs(mixed, config=Only)[0]
    assert run.summary["loss"] == 0  # what was given no type is left as it is
    with pytest.raises(RunValidationError) as caught:
        _ = run.config
    error = caught.value
    assert (error.path, error.part) == ("team/mixed/run00", "config")
    assert "run 'team/mixed/run00'" in error.message
    assert "lr is 'fast'" in error.message
    assert "Only" in error.message
    assert pickle.loads(pickle.dumps(error)).problems == error.problems


def test_a_missing_key_is_named_and_the_message_stays_short(api: Api, mixed: str) -> None:
    with pytest.raises(RunValidationError, match=r"key0 is missing; .* and 4 more") as caught:
        _ = api.runs(mixed, config=Nine)[0].config
    assert len(caught.value.problems) == 9


def test_invalid_runs_are_skipped(api: Api, mixed: str, caplog: pytest.LogCaptureFixture) -> None:
    runs = api.runs(mixed, per_page=4, config=Only, on_invalid="skip")
    with caplog.at_level(logging.WARNING, "wandb_runs"):
        assert [run.id for run in runs] == FITTING
    assert "run00" in caplog.text
    assert "'fast'" in caplog.text
    assert len(caplog.records) == 20 - len(FITTING)
    assert len(runs) == len(FITTING)
    assert [run.id for page in runs.pages() for run in page] == FITTING
    assert all(page for page in runs.pages())


ASKED: list[Callable[[Runs[Only]], int]] = [
    len,
    lambda runs: len({str(row["run_id"]) for row in runs.histories(keys=["loss"])}),
    lambda runs: len(runs.configs()),
    lambda runs: len(runs.summaries(keys=["loss"])),
    lambda runs: sum(len(batch) for batch in runs.iter_histories(keys=["loss"])),
    lambda runs: len(runs[:]),
    lambda runs: len([*reversed(runs)]),
]


@pytest.mark.parametrize("ask", ASKED)
def test_every_call_on_a_listing_skips_invalid_runs(
    api: Api, mixed: str, ask: Callable[[Runs[Only]], int]
) -> None:
    assert ask(api.runs(mixed, config=Only, on_invalid="skip")) == len(FITTING)


@pytest.mark.parametrize("order", ["+created_at", "-created_at", "+summary_metrics.loss"])
@pytest.mark.parametrize("per_page", [2, 3])
@pytest.mark.parametrize("taken", [0, 1, 2, 3, 4, len(FITTING)])
def test_a_checkpoint_continues_after_skipped_runs(
    api: Api, mixed: str, order: str, taken: int, per_page: int
) -> None:
    def skipping(checkpoint: Checkpoint | None = None, limit: int | None = None) -> Runs[Only]:
        return api.runs(
            mixed,
            order=order,
            per_page=per_page,
            config=Only,
            on_invalid="skip",
            checkpoint=checkpoint,
            limit=limit,
        )

    whole = [run.id for run in skipping()]
    loop = iter(skipping())
    first = [next(loop).id for _ in range(taken)]
    assert first + [run.id for run in skipping(checkpoint=loop.checkpoint())] == whole
    limited = [run.id for run in skipping(limit=5)]
    assert limited == whole[:5]


def test_refresh_validates_again(wandb_server: LocalServer, api: Api) -> None:
    log_run(wandb_server, "team", "anew", "r", config={"lr": 0.5}, history=[{"loss": 1}])
    run = api.runs("team/anew", config=Only)[0]
    assert run.config == Only(0.5)
    log_run(wandb_server, "team", "anew", "r", config={"lr": 0.25})
    run.refresh()
    assert run.config == Only(0.25)


class Pair(NamedTuple):
    lr: float


class Unfinished(BaseModel):
    lr: Nowhere  # type: ignore[name-defined] # noqa: F821 # pyright: ignore[reportUndefinedVariable] - what is tested


class Deferred(BaseModel):
    model_config = ConfigDict(defer_build=True)

    lr: float
    later: Later | None = None


class Later(BaseModel):
    lr: float


class Percent(BaseModel):
    """A model whose validator changes what it is given, as pydantic allows."""

    model_config = ConfigDict(strict=True)

    accuracy: float
    loss: float

    @model_validator(mode="before")
    @classmethod
    def divide(cls, document: dict[str, float]) -> dict[str, float]:
        document["accuracy"] = document.pop("percent") / 100
        return document


def test_a_validator_may_change_what_it_is_given(wandb_server: LocalServer, api: Api) -> None:
    summary: JSONObject = {"percent": 50.0, "loss": "NaN"}
    log_run(wandb_server, "team", "percent", "r", summary=summary, config=summary)
    run = api.runs("team/percent", config=Percent, summary=Percent)[0]
    assert run.config.accuracy == run.summary.accuracy == 0.5
    assert math.isnan(run.summary.loss)


class Paused(BaseModel):
    """A strict model that is read twice; what happens at the first reading is up to the test."""

    model_config = ConfigDict(strict=True)

    lr: int
    loss: float

    meanwhile: ClassVar[list[Callable[[], object]]] = []

    @model_validator(mode="before")
    @classmethod
    def pause(cls, document: object) -> object:
        while cls.meanwhile:
            cls.meanwhile.pop()()
        return document


def test_a_concurrent_refresh_mixes_no_values(wandb_server: LocalServer, api: Api) -> None:
    log_run(wandb_server, "team", "paused", "r", config={"lr": 1, "loss": "NaN"})
    run = api.runs("team/paused", config=Paused)[0]
    log_run(wandb_server, "team", "paused", "r", config={"lr": 2, "loss": "NaN"})
    Paused.meanwhile.append(run.refresh)
    assert run.config.lr == 1
    assert run.config.lr == 2


class Tuned(BaseModel):
    model_config = ConfigDict(strict=True)

    betas: tuple[float, float]
    note: str = ""


@given(st.text(st.characters(categories=["Cs", "Lu"]), max_size=5))
def test_a_lone_surrogate_is_valid(note: str) -> None:
    document: JSONObject = {"betas": [0.5, 1], "note": note, "other": note}
    read = Model("config", Tuned).read(lambda: document, "e/p/r")
    assert (read.betas, read.note) == ((0.5, 1), as_unicode(note))
    with pytest.raises(RunValidationError, match="betas is 3 "):
        Model("config", Tuned).read(lambda: {**document, "betas": 3}, "e/p/r")


def test_forward_references_are_not_resolved_in_the_package(api: Api, mixed: str) -> None:
    class kind(TypedDict):  # noqa: N801 - a name that the package's own functions have
        lr: float

    @dataclass
    class Holds:
        lr: object
        inner: kind | None = None

    with pytest.raises(InvalidArgumentError, match=r"Holds.*'kind' is not defined.*function"):
        api.runs(mixed, config=Holds)


@pytest.mark.parametrize(
    "wrong",
    [
        *(TrainConfig.model_construct(), {"lr": float}, "TrainConfig", 3),
        *(int, str, list[int], Pair, BaseModel, RootModel[int], RootModel[list[int]]),
        *(TrainConfig | Only, Union[TrainConfig, Only]),  # noqa: UP007 - what older programs pass
    ],
)
@pytest.mark.parametrize("argument", ["config", "summary"])
def test_arguments_that_are_no_type_are_refused_before_any_request(
    wrong: object, argument: str
) -> None:
    nowhere = Api(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
    wrongly: Any = {argument: wrong}
    with pytest.raises(InvalidArgumentError, match=f"{argument} must be a pydantic model"):
        nowhere.runs("team/mnist", **wrongly)
    with pytest.raises(InvalidArgumentError, match="did you mean 'skip'"):
        nowhere.runs("team/mnist", on_invalid=cast("Any", "skipp"))


class Raises(BaseModel):
    lr: object

    @field_validator("lr")
    @classmethod
    def refuse(cls, value: object) -> object:
        raise LookupError(f"no rate like {value}")


def test_unresolvable_forward_references_are_refused_before_any_request() -> None:
    nowhere = Api(base_url="http://127.0.0.1:9", api_key="k", max_retries=0)
    with pytest.raises(InvalidArgumentError, match=r"summary cannot.*Unfinished.*'Nowhere'"):
        nowhere.runs("team/mnist", summary=Unfinished)


def test_a_root_may_be_a_union(api: Api, mixed: str) -> None:
    runs = api.runs(mixed, config=RootModel[TrainConfig | Only], on_invalid="skip")
    assert [run.id for run in runs] == FITTING


def test_other_validator_errors_name_the_run(api: Api, mixed: str) -> None:
    run = api.runs(mixed, config=Raises, on_invalid="skip")
    with pytest.raises(LookupError, match="no rate like fast") as caught:
        list(run)
    assert caught.value.__notes__ == [f"while the config of run '{mixed}/run00' was validated"]


def test_forward_references_to_later_models_are_resolved(api: Api, mixed: str) -> None:
    run = api.runs(mixed, config=Deferred, on_invalid="skip")[0]
    assert isinstance(run.config, Deferred)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-10, 10) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["lr", "optimizer", "model", "other"]), values))
def test_a_model_validates_as_pydantic_does_or_names_the_run(
    document: dict[str, JSONValue],
) -> None:
    adapter = TypeAdapter(TrainConfig)
    try:
        expected = adapter.validate_python(document)
    except ValueError:
        with pytest.raises(RunValidationError, match="run 'e/p/r'"):
            Model("config", TrainConfig).read(lambda: document, "e/p/r")
    else:
        assert Model("config", TrainConfig).read(lambda: document, "e/p/r") == expected
