"""An assignment to what a run, a sweep, a listing or an `Api` has is an error that says so."""

from __future__ import annotations

import copy
import json
import operator
import pickle
import re
import traceback
from dataclasses import FrozenInstanceError, dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import patch

import anyio
import httpx
import pytest
from pydantic import BaseModel
from typing_extensions import TypedDict

import wandb_runs
from wandb_runs import Api, AsyncApi, Run, Runs
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.testing import LocalServer

PATH = "team/kept/full"
CONFIG: dict[str, JSONValue] = {"lr": 0.1, "model": {"widths": [64], "last": {"name": "relu"}}}
SUMMARY: dict[str, JSONValue] = {"loss": 0.5, "best": {"steps": [1, {"two": 2}]}}

SHARED = "metric: &m {name: loss}\nparameters:\n  lr: {values: [1, 2], again: *m}\n"
CYCLE = "a: &a [1, *a]\n"
SWEEPS = {SHARED: "", CYCLE: ""}

DOCUMENTS: dict[str, Callable[[Any], Any]] = {
    "config": lambda run: run.config,
    "raw_config": lambda run: run.raw_config,
    "rawconfig": lambda run: run.rawconfig,
    "summary": lambda run: run.summary,
    "summary_metrics": lambda run: run.summary_metrics,
    "system_metrics": lambda run: run.system_metrics,
    "metadata": lambda run: run.metadata,
    "history_keys": lambda run: run.history_keys,
}


class Config(BaseModel):
    lr: float
    model: dict[str, object]


@dataclass
class Summary:
    loss: float
    best: dict[str, object]


class Plain(TypedDict):
    lr: float
    model: dict[str, Any]


@pytest.fixture(scope="module", autouse=True)
def logged(wandb_server: LocalServer) -> None:
    log_run(
        wandb_server,
        *PATH.split("/"),
        config=CONFIG,
        summary=SUMMARY,
        history=[{"loss": 0.5, "n": 1}],
        events=[{"system.cpu": 10.0, "_runtime": 1.0}],
        tags=["best", "seed"],
        notes="a note",
    )
    mutation = """mutation {
      createRunFiles(input: {
        entityName: "team", projectName: "kept", runName: "full", files: ["wandb-metadata.json"]
      }) { files { uploadUrl } }
    }"""
    address = sent(wandb_server, mutation)["createRunFiles"]["files"][0]["uploadUrl"]
    metadata = {"host": "laptop", "gpu": [{"name": "A100"}]}
    httpx.put(address, json=metadata).raise_for_status()
    mutation = """mutation U($config: String) {
      upsertSweep(input: {config: $config, entityName: "team", projectName: "kept"}) {
        sweep { name }
      }
    }"""
    for text in SWEEPS:
        SWEEPS[text] = sent(wandb_server, mutation, config=text)["upsertSweep"]["sweep"]["name"]


def sent(server: LocalServer, query: str, **variables: str) -> Any:  # noqa: ANN401 - JSON
    answer = httpx.post(
        f"{server.url}/graphql",
        json={"query": query, "variables": variables},
        auth=("api", "k" * 40),
    )
    return answer.raise_for_status().json()["data"]


@pytest.fixture
def run(api: Api) -> Run:
    return api.run(PATH)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_document_of_a_run_is_read_only_throughout(run: Run, name: str) -> None:
    document = DOCUMENTS[name](run)
    assert document
    before = copy.deepcopy(document)
    with pytest.raises(TypeError, match=r"read-only.*run\.update\(.*copy\.deepcopy"):
        document["lr"] = 1
    for each in (document, dict(document), {**document}, document.copy(), copy.copy(document)):
        change_all_that_is_nested(each)
    assert DOCUMENTS[name](run) == before
    before["lr"] = 1  # of one's own
    change_all_that_is_nested(before, is_own=True)


def change_all_that_is_nested(value: object, *, is_own: bool = False) -> None:
    values = cast("dict[str, Any]", value).values() if isinstance(value, dict) else value
    for each in cast("Iterable[Any]", values):
        if hasattr(each, "clear"):
            change_all_that_is_nested(each, is_own=is_own)
            if is_own:
                each.clear()
            else:
                with pytest.raises(TypeError, match="read-only"):
                    each.clear()


def test_tags_are_read_only(run: Run) -> None:
    with pytest.raises(TypeError, match=r"this list belongs to one.*copy\.deepcopy"):
        run.tags.append("new")
    assert run.tags == ["best", "seed"]
    assert [*run.tags, "new"] == run.tags + ["new"] == ["best", "seed", "new"]  # noqa: RUF005 - the point


def test_models_of_users_are_as_their_types_have_them(api: Api) -> None:
    (run,) = api.runs("team/kept", config=Config, summary=Summary)
    run.config.model["depth"] = 3
    run.summary.best["new"] = 1
    run.summary.loss = 0.1
    assert (run.config.model["depth"], run.summary.best["new"], run.summary.loss) == (3, 1, 0.1)
    (plain,) = api.runs("team/kept", config=Plain)
    plain.config["model"]["depth"] = 3
    assert plain.config["model"]["depth"] == 3


def test_a_pydantic_model_takes_a_config(run: Run) -> None:
    assert Config.model_validate(run.config).model_dump() == CONFIG
    assert Config.model_validate(run.config, strict=True).model_dump_json() == json.dumps(
        CONFIG, separators=(",", ":")
    )


def test_rows_and_values_of_frames_belong_to_the_caller(run: Run, api: Api) -> None:
    runs = api.runs("team/kept")
    for rows in (
        runs.configs(),
        runs.summaries(),
        runs.histories(keys=["loss"]),
        run.history(pandas=False),
        [*run.scan_history()],
    ):
        rows[0]["mine"] = 1
    runs.configs()[0]["model"]["depth"] = 3  # type: ignore[index, call-overload] # pyright: ignore[reportIndexIssue, reportArgumentType, reportCallIssue, reportOptionalSubscript] - a dict here
    assert run.config == CONFIG


PROPERTIES = [name for name, held in vars(Run).items() if isinstance(held, property)] + [
    name for kind in Run.__mro__ for name, held in vars(kind).items() if isinstance(held, property)
]


@pytest.mark.parametrize("name", sorted({*PROPERTIES} - {"_where"}))
def test_no_attribute_of_a_run_can_be_set(run: Run, name: str) -> None:
    with pytest.raises(AttributeError, match=f"Run.{name} cannot be set: (a run is|run.up)"):
        setattr(run, name, "new")


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("name", "name=..."),
        ("display_name", "name=..."),
        ("notes", "notes=..."),
        ("tags", "tags=[...]"),
        ("group", "group=..."),
        ("job_type", "job_type=..."),
        ("config", "config={...}"),
        ("summary", "summary={...}"),
    ],
)
def test_an_assignment_names_the_call_that_changes_the_server(
    run: Run, name: str, call: str
) -> None:
    told = re.escape(f"Run.{name} cannot be set: run.update({call}) changes it on the server")
    with pytest.raises(AttributeError, match=told):
        setattr(run, name, "new")


@pytest.mark.parametrize("part", ["config", "summary"])
def test_a_change_of_a_document_names_the_call_that_changes_the_server(run: Run, part: str) -> None:
    document: Any = getattr(run, part)
    changes: list[tuple[Callable[[], object], str]] = [
        (lambda: operator.setitem(document, "lr", 1), f"run.update({part}={{'lr': ...}})"),
        (lambda: document.setdefault("lr", 1), f"run.update({part}={{'lr': ...}})"),
        (lambda: document.update(lr=1), f"run.update({part}={{...}})"),
        (lambda: document.__ior__({"lr": 1}), f"run.update({part}={{...}})"),
        (lambda: operator.delitem(document, "lr"), f"run.update(unset_{part}=['lr'])"),
        (lambda: document.pop("lr"), f"run.update(unset_{part}=['lr'])"),
        (document.clear, f"run.update(unset_{part}=[...])"),
        (document.popitem, f"run.update(unset_{part}=[...])"),
    ]
    for change, call in changes:
        with pytest.raises(TypeError, match=re.escape(f"run.{part} is read-only: {call}")):
            change()
    for copied in (pickle.loads(pickle.dumps(document)), copy.deepcopy(document)):
        assert type(copied) is dict
        copied["lr"] = 1


def test_what_is_no_attribute_of_a_run_cannot_be_set(run: Run) -> None:
    for name in ("nots", "history"):
        with pytest.raises(AttributeError, match=name):
            setattr(run, name, "new")


def test_an_option_that_is_set_afterwards_is_refused(api: Api, run: Run) -> None:
    runs = api.runs("team/kept")
    awaiting = AsyncApi(base_url=api.base_url, api_key="k")
    wrong: list[tuple[object, str, str]] = [
        (api, "api_key", r"Api\.api_key cannot be set.*with_options"),
        (api, "timeout", r"Api\.timeout cannot be set"),
        (api, "base_url", r"Api\.base_url cannot be set"),
        (awaiting, "api_key", r"AsyncApi\.api_key cannot be set"),
        (runs, "per_page", r"Runs\.per_page cannot be set.*api\.runs"),
        (runs, "filters", r"Runs\.filters cannot be set"),
        (runs, "length", r"Runs\.length cannot be set"),
        (awaiting.runs("team/kept"), "order", r"AsyncRuns\.order cannot be set"),
    ]
    for holder, name, words in wrong:
        with pytest.raises(AttributeError, match=words):
            setattr(holder, name, "new")
        assert getattr(holder, name, None) != "new"
    with pytest.raises(AttributeError) as caught:
        run.notes = "new"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - the point
    assert "Did you mean" not in "".join(traceback.format_exception(caught.value))


def test_a_method_may_be_replaced_and_a_subclass_have_attributes(api: Api) -> None:
    with patch.object(api, "runs", list[str]):
        assert cast("object", api.runs("ab")) == ["a", "b"]
    assert isinstance(api.runs("team/kept"), Runs)

    class Ours(Api):
        def __init__(self) -> None:
            super().__init__(base_url=api.base_url, api_key="k")
            self.team = "ours"

    assert Ours().with_options(timeout=3).team == "ours"


def test_a_config_of_a_sweep_is_read_only_throughout(api: Api) -> None:
    sweep = api.sweep(f"team/kept/{SWEEPS[SHARED]}")
    with pytest.raises(TypeError, match=r"copy\.deepcopy"):
        cast("dict[str, object]", sweep.config)["method"] = "grid"
    change_all_that_is_nested(sweep.config)
    own = copy.deepcopy(sweep.config)
    change_all_that_is_nested(own, is_own=True)
    assert sweep.order == "+summary_metrics.loss"
    with pytest.raises(AttributeError, match=r"Sweep\.state cannot be set: a sweep is read-only"):
        sweep.state = "FINISHED"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - the point


def test_a_config_of_a_sweep_may_hold_itself(api: Api) -> None:
    config = cast("dict[str, Any]", api.sweep(f"team/kept/{SWEEPS[CYCLE]}").config)
    assert config["a"][1] is config["a"]


def test_asynchronous_runs_are_read_only(wandb_server: LocalServer) -> None:
    async def check() -> None:
        async with AsyncApi(base_url=wandb_server.url, api_key="k") as api:
            run = await api.run(PATH)
            documents: list[Any] = [run.config, run.summary, await run.metadata()]
            documents += [await run.history_keys(), await run.system_metrics()]
            for document in documents:
                change_all_that_is_nested(document)
                with pytest.raises(TypeError, match="read-only"):
                    document["new"] = 1
            with pytest.raises(AttributeError, match=r"set: await run\.update\(notes=\.\.\.\)"):
                run.notes = "new"  # type: ignore[misc] # pyright: ignore[reportAttributeAccessIssue] - the point

    anyio.run(check)


def immutables() -> list[Any]:
    """The public classes of immutable values."""
    public: list[object] = [getattr(wandb_runs, name) for name in wandb_runs.__all__]
    return [each for each in public if isinstance(each, type) and is_dataclass(each)]


@pytest.mark.parametrize("kind", immutables())
def test_setting_an_attribute_of_an_immutable_value_says_what_to_do(kind: Any) -> None:  # noqa: ANN401 # a dataclass
    made: Any = object.__new__(kind)
    own = fields(kind)[0].name
    refused = f"{kind.__name__}.{own} cannot be set: it is immutable; dataclasses.replace"
    with pytest.raises(FrozenInstanceError, match=re.escape(refused)):
        setattr(made, own, 1)
    with pytest.raises(FrozenInstanceError, match=re.escape(refused)):
        delattr(made, own)
    with pytest.raises(FrozenInstanceError, match=f"keep what is not of a {kind.__name__} beside"):
        made.foo = 1


def test_an_attribute_of_the_user_of_a_run_cannot_be_set(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "team", "users", "r")
    with Api(base_url=wandb_server.url, api_key="k") as api:
        user: Any = api.run("team/users/r").user
        with pytest.raises(AttributeError, match=r"User\.foo cannot be set"):
            user.foo = 1
        assert copy.deepcopy(user) == pickle.loads(pickle.dumps(user)) == user
