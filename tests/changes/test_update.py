"""`run.update`: what is given changes, and nothing else."""

from __future__ import annotations

import dataclasses
import json
import logging
import math
import re
import warnings
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from support.halves import HALVES, call
from support.sdk_programs import run_sdk

from wandb_runs import (
    Api,
    BadResponseError,
    InvalidArgumentError,
    NotFoundError,
    NothingToRemoveWarning,
    PermissionDeniedError,
    RunValidationError,
    ServerError,
    UnknownKeyWarning,
    UnsupportedByServerError,
    UpdateConflictError,
)
from wandb_runs.graphql._generated import delete_run, modify_runs, update_run
from wandb_runs.graphql.flow import run_flow
from wandb_runs.runs.changes.arguments import plan_update
from wandb_runs.runs.changes.update import Target, fetch_updated
from wandb_runs.runs.record import to_node
from wandb_runs.runs.run_base import fetch_run
from wandb_runs.testing import Html, LocalServer, Status, Truncate, log_run

if TYPE_CHECKING:
    from pathlib import Path

    from support.halves import Half

    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.runs.changes.documents import Part

PROJECT = "changes-update"

_numbers = count()


def make_run(
    server: LocalServer,
    *,
    config: JSONObject | None = None,
    summary: JSONObject | None = None,
    tags: list[str] | None = None,
    state: str | None = None,
    exit_code: int | None = 0,
    **texts: str,
) -> str:
    """Log a run, and return its path."""
    run_id = f"r{next(_numbers)}"
    log_run(
        server,
        "me",
        PROJECT,
        run_id,
        config=config,
        summary=summary,
        tags=tags,
        state=state,
        exit_code=exit_code,
        name=texts.get("name"),
        notes=texts.get("notes"),
        group=texts.get("group"),
        job_type=texts.get("job_type"),
    )
    return f"me/{PROJECT}/{run_id}"


def state_of(server: LocalServer, path: str) -> dict[str, object]:
    """All that a run can be changed in."""
    with Api(base_url=server.url, api_key="k" * 40) as api:
        run = api.run(path)
        return {
            "name": run.name,
            "notes": run.notes or "",
            "tags": [*run.tags],
            "group": run.group or "",
            "job_type": run.job_type or "",
            "config": dict(run.raw_config),
            "summary": dict(run.summary),
            "state": run.state,
        }


WORDS = st.text(st.characters(codec="utf-8", categories=["L", "N", "P"]), min_size=1, max_size=6)
TEXTS = st.fixed_dictionaries(
    {},
    optional={
        "name": WORDS,
        "notes": st.none() | WORDS,
        "group": st.none() | WORDS,
        "job_type": st.none() | WORDS,
        "tags": st.none() | st.lists(WORDS, unique=True, max_size=3),
        "config": st.dictionaries(WORDS, st.integers(-9, 9) | WORDS, min_size=1, max_size=3),
        "summary": st.dictionaries(
            WORDS, st.floats(allow_nan=False, allow_infinity=False), min_size=1
        ),
    },
)


@settings(max_examples=12)
@given(TEXTS, TEXTS, st.sampled_from(HALVES))
def test_what_is_given_changes_and_nothing_else(
    wandb_server: LocalServer, first: dict[str, Any], second: dict[str, Any], half: Half
) -> None:
    begun = {name: each for name, each in first.items() if each is not None}
    path = make_run(wandb_server, **begun)
    before = state_of(wandb_server, path)
    if not second:
        with pytest.raises(InvalidArgumentError, match="needs what to change"):
            call(half, wandb_server.url, path, "update", **second)
        return
    made = call(half, wandb_server.url, path, "update", **second)
    expected = dict(before)
    for name, value in second.items():
        held = before[name]
        # No key of these documents has an object below it, but one may have a dot.
        expected[name] = (
            {**held, **value}
            if isinstance(held, dict)
            else ([] if name == "tags" else "")
            if value is None
            else value
        )
    assert state_of(wandb_server, path) == expected
    assert made is not None
    assert made.name == expected["name"]
    assert {**made.summary} == expected["summary"]


@pytest.mark.filterwarnings("ignore::wandb_runs.NothingToRemoveWarning")
def test_only_what_is_given_is_sent(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server, notes="first", tags=["a"], config={"lr": 1})
    with Api(base_url=wandb_server.url, api_key="any") as api:
        mine, others = api.run(path), api.run(path)
        others.update(notes="theirs", tags=["b"], config={"lr": 2})
        # What was loaded before is not sent again, as W&B's SDK does (#4377).
        mine.update(name="mine")
        assert [mine.name, mine.notes] == ["mine", "theirs"]
        assert [mine.tags, mine.config] == [["b"], {"lr": 2}]
        wandb_server.clear_operations()
        mine.update(group="g")
        assert wandb_server.operations == ("GetRun", "UpdateRun", "GetRun")
        wandb_server.clear_operations()
        mine.update(config={"lr": 2}, add_tags=["b"], unset_summary=["none"])
        assert [*wandb_server.operations] == ["GetRun"], "it is so already"


@pytest.mark.parametrize("half", HALVES)
def test_what_is_to_be_removed_and_is_not_there_is_told_before_anything_changes(
    wandb_server: LocalServer, half: Half
) -> None:
    path = make_run(
        wandb_server,
        config={"lr": 0.1, "model": {"depth": 3}},
        summary={"a.loss": 1},
        tags=["new"],
    )
    options: dict[str, object] = {
        "notes": "n",
        "remove_tags": ["nwe", "new"],
        "unset_config": ["lrr", "model.deptth", "lr"],
        "unset_summary": ["a.los"],
    }
    with warnings.catch_warnings():
        warnings.simplefilter("error", UnknownKeyWarning)
        with pytest.raises(NothingToRemoveWarning):
            call(half, wandb_server.url, path, "update", **options)
    assert state_of(wandb_server, path)["notes"] == ""
    with pytest.warns(NothingToRemoveWarning) as told:
        call(half, wandb_server.url, path, "update", **options)
    run_id = path.rpartition("/")[2]
    assert [str(each.message) for each in told] == [
        f"remove_tags: run {run_id!r} has no tag 'nwe' (did you mean 'new'?), so that none is "
        "removed",
        f"unset_config: run {run_id!r} has no key 'lrr' (did you mean 'lr'?) or 'model.deptth' "
        "(did you mean 'model.depth'?), so that none is removed",
        f"unset_summary: run {run_id!r} has no key 'a.los' (did you mean 'a.loss'?), so that none "
        "is removed",
    ]
    assert all(each.filename.endswith("halves.py") for each in told), "at the caller's line"
    left = state_of(wandb_server, path)
    assert (left["notes"], left["tags"], left["summary"]) == ("n", [], {"a.loss": 1})
    assert left["config"] == {"model": {"depth": 3}}


@pytest.mark.filterwarnings("ignore::wandb_runs.NothingToRemoveWarning")
@pytest.mark.parametrize("half", HALVES)
def test_tags_are_added_and_removed_one_by_one(wandb_server: LocalServer, half: Half) -> None:
    path = make_run(wandb_server, tags=["a", "b"])
    call(half, wandb_server.url, path, "update", add_tags=["c"], remove_tags=["a", "none"])
    assert state_of(wandb_server, path)["tags"] == ["b", "c"]
    with wandb_server.lack("Mutation.modifyRuns"):
        call(half, wandb_server.url, path, "update", add_tags=["d"], remove_tags=["b"])
        assert state_of(wandb_server, path)["tags"] == ["c", "d"]
    call(half, wandb_server.url, path, "update", tags=None)
    assert state_of(wandb_server, path)["tags"] == []


@pytest.mark.parametrize("half", HALVES)
def test_what_json_has_no_number_for_is_kept(wandb_server: LocalServer, half: Half) -> None:
    path = make_run(wandb_server, config={"a": 1}, summary={"b": 1})
    odd = {"nan": math.nan, "up": math.inf, "deep": {"down": [-math.inf]}}
    call(half, wandb_server.url, path, "update", config=odd, summary=odd)
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(path)
        read = {"nan": "NaN", "up": "Infinity", "deep": {"down": ["-Infinity"]}}
        for document in (run.config, run.summary):
            told = json.loads(json.dumps(document), parse_constant=str)
            assert {key: told[key] for key in odd} == read
        # A second change of something else leaves them as they are.
        run.update(config={"a": 2}, summary={"b": 2})
        told = json.loads(json.dumps({**run.config, **run.summary}), parse_constant=str)
        assert told == {"a": 2, "b": 2, **read}


class Rate(BaseModel):
    """A model."""

    lr: float = 0.1


@dataclasses.dataclass
class Widths:
    """A dataclass."""

    width: int = 3


LOOP: list[Any] = []
LOOP.append(LOOP)

WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, r"run\.update\(\) needs what to change"),
    ({"config": {}}, r"needs what to change"),
    ({"add_tags": []}, r"needs what to change"),
    ({"name": 3}, "name must be a str, or None to clear it, got int 3"),
    ({"notes": b"x"}, "notes must be a str"),
    ({"tags": "best"}, r"tags is a list of tags; write tags=\['best'\]"),
    ({"add_tags": "best"}, r"write add_tags=\['best'\]"),
    ({"tags": {"a"}}, "tags is a list or tuple of tags, got set"),
    ({"tags": ["a", 3]}, r"tags\[1\] is a tag, a str; got int 3"),
    ({"remove_tags": [""]}, "got an empty string"),
    ({"tags": ["a"], "add_tags": ["b"]}, "tags= sets all tags; pass it, or add_tags="),
    ({"tags": None, "remove_tags": ["b"]}, "not both"),
    ({"add_tags": ["a"], "remove_tags": ["a"]}, "add_tags and remove_tags both have 'a'"),
    ({"config": [1]}, "config must be a dict of keys and values, got list"),
    ({"config": None}, r"config must be a dict .* unset_config=\[...\]"),
    ({"config": {1: 2}}, "config has the key int 1; a key is a str"),
    ({"config": {"a": {1: 2}}}, r"config\['a'\] has the key int 1.* write '1'"),
    ({"config": {"a": {1, 2}}}, r"config\['a'\] must be a JSON value, got set.*sorted\(x\)"),
    ({"config": {"a": [object()]}}, r"config\['a'\]\[0\] must be a JSON value, got object"),
    ({"config": {"a": pd.NaT}}, "must be a JSON value, got NaTType"),
    ({"config": {"a": np.ones(2)}}, r"got ndarray .*x\.tolist\(\)"),
    ({"config": {"a": Rate()}}, r"x\.model_dump\(\) gives one"),
    ({"config": Rate()}, r"got a Rate; name what changes, or write config=x\.model_dump"),
    ({"config": Widths()}, r"write config=dataclasses\.asdict\(x\)"),
    ({"summary": {"a": Widths()}}, r"dataclasses\.asdict\(x\) gives one"),
    ({"config": {"a": {}}}, r"config\['a'\] is an empty dict, which W&B does not keep"),
    ({"config": {"a": "\ud83d"}}, "half a surrogate pair"),
    ({"config": {"a": 10**4300}}, "an integer of more than 4,300 digits"),
    ({"config": {"a": LOOP}}, "nested more than 190 deep, or holds itself"),
    ({"config": {"_wandb": 1}}, "config key '_wandb' is W&B's own"),
    ({"unset_config": ["_wandb.t"]}, "config key '_wandb.t' is W&B's own"),
    ({"unset_summary": ["_wandb"]}, "is W&B's own"),
    ({"unset_config": "lr"}, r"write unset_config=\['lr'\]"),
    ({"config": {"a": 1}, "unset_config": ["a"]}, "config and unset_config both have 'a'"),
    ({"config": {"a": 1}, "unset_config": ["a.b"]}, "'a' and 'a.b': one is inside the other"),
    ({"config": {"a.b.c": 1, "a": 2}}, "one is inside the other"),
    ({"notes": "x", "force": "yes"}, "force must be True or False"),
]  # fmt: skip


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(("arguments", "message"), WRONG)
def test_wrong_arguments_are_refused_before_any_request(
    wandb_server: LocalServer, arguments: dict[str, object], message: str, half: Half
) -> None:
    path = f"me/{PROJECT}/refused"
    log_run(wandb_server, "me", PROJECT, "refused")
    wandb_server.clear_operations()
    with pytest.raises(InvalidArgumentError, match=message):
        call(half, wandb_server.url, path, "update", **arguments)
    assert wandb_server.operations == ("GetRun",), "which the test itself sends"


def test_values_of_other_kinds_become_jsons_own(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server)
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(path)
        given: dict[str, Any] = {
            "tuple": (1, (2,)),
            "int": np.int64(3),
            "float": np.float32(0.5),
            "flag": np.bool_(1),
            "text": np.str_("t"),
            "max": pd.Series([1, 4]).max(),
        }
        run.update(config=given)
        run.update(summary={"config": run.config})
        read = {"tuple": [1, [2]], "int": 3, "float": 0.5, "flag": True, "text": "t", "max": 4}
        assert run.config == read
        assert run.summary["config"] == read


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("state", ["running", "preempting"])
def test_a_run_that_is_still_logging_is_refused_unless_forced(
    wandb_server: LocalServer, half: Half, state: str
) -> None:
    path = make_run(wandb_server, state=state, exit_code=None)
    with pytest.raises(InvalidArgumentError, match=f"is {state}: its program .* force=True"):
        call(half, wandb_server.url, path, "update", notes="n")
    assert state_of(wandb_server, path)["notes"] == ""
    call(half, wandb_server.url, path, "update", notes="n", force=True)
    assert state_of(wandb_server, path)["notes"] == "n"


def test_the_state_counts_that_the_run_has_now(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server)
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(path)
        log_run(wandb_server, *path.split("/"), exit_code=None, state="running")
        assert run.state == "finished"
        with pytest.raises(InvalidArgumentError, match="is running"):
            run.update(notes="n")
        log_run(wandb_server, *path.split("/"), state="pending")
        run.update(notes="a pending run has no program yet")


def test_a_run_that_is_gone_is_not_found(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server)
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(path)
        api.client.execute(delete_run(storage_id=run.storage_id))
        with pytest.raises(NotFoundError, match=f"no run '{run.id}'"):
            run.update(notes="n")


class Hyper(BaseModel):
    """A model of configs."""

    lr: float
    depth: int = 1


class Metrics(BaseModel):
    """A model of summaries."""

    loss: float


def test_models_validate_what_would_be_written(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server, config={"lr": 0.1}, summary={"loss": 1.0})
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.runs(
            f"me/{PROJECT}", {"name": path.rpartition("/")[2]}, config=Hyper, summary=Metrics
        )
        typed = next(one for one in run if one.path == path.split("/"))
        typed.update(config={"lr": math.inf, "depth": 2}, summary={"loss": math.nan})
        assert typed.config == Hyper(lr=math.inf, depth=2)
        assert math.isnan(typed.summary.loss)
        wandb_server.clear_operations()
        cases: list[tuple[dict[str, Any], str]] = [
            ({"config": {"depth": "deep"}}, "config"),
            ({"unset_config": ["lr"]}, "config"),
            ({"summary": {"loss": "low"}, "add_tags": ["t"], "notes": "n"}, "summary"),
        ]
        for wrong, part in cases:
            with pytest.raises(RunValidationError, match="Nothing was changed") as raised:
                typed.update(**wrong)
            assert (raised.value.part, raised.value.path) == (part, path)
        assert set(wandb_server.operations) == {"GetRun"}
        # A document that does not change is none of it.
        typed.update(notes="n")


def test_a_listing_of_some_keys_changes_the_whole_documents(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server, config={"lr": 1, "seed": 2}, summary={"a": 1, "b": 2})
    with Api(base_url=wandb_server.url, api_key="any") as api:
        listed = api.runs(f"me/{PROJECT}", config_keys=["lr"], summary_keys=[])
        run = next(one for one in listed if one.path == path.split("/"))
        run.update(config={"new": 3, "lr": 0}, unset_summary=["a"])
        assert (run.config, run.summary) == ({"lr": 0}, {})
        whole = api.run(path)
        assert (whole.config, whole.summary) == ({"lr": 0, "seed": 2, "new": 3}, {"b": 2})


@pytest.mark.filterwarnings("ignore::wandb_runs.DegradedServerWarning")
@pytest.mark.parametrize("lacking", ["Run.tags", "Run.state"])
@pytest.mark.parametrize("many", [False, True])
def test_tags_and_state_that_cannot_be_read_are_not_taken_for_none(
    lacking: str, many: bool
) -> None:
    with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
        log_run(server, "me", "p", "r1", tags=["kept"])

        def change(*, force: bool = False) -> object:
            if many:
                return api.runs("me/p").update(expect=1, add_tags=["new"], force=force)
            return api.run("me/p/r1").update(add_tags=["new"], force=force)

        with server.lack(lacking):
            server.clear_operations()
            with pytest.raises(UnsupportedByServerError, match=re.escape(lacking)):
                change()
            assert not {"ModifyRuns", "UpdateRun"} & {*server.operations}
            if lacking == "Run.state":
                change(force=True)
        with Api(base_url=server.url, api_key="any") as other:
            new = ["new"] if lacking == "Run.state" else []
            assert other.run("me/p/r1").tags == ["kept", *new]


def test_a_server_that_cannot_give_the_document_is_not_sent_one(
    wandb_server: LocalServer,
) -> None:
    path = make_run(wandb_server, config={"lr": 1})
    with (
        wandb_server.lack("Run.config"),
        Api(base_url=wandb_server.url, api_key="any") as api,
    ):
        with pytest.warns(match="Run.config"):
            run = api.run(path)
        with pytest.raises(UnsupportedByServerError, match=r"no Run\.config"):
            run.update(config={"lr": 2})
        run.update(notes="n")
    assert state_of(wandb_server, path)["config"] == {"lr": 1}


def answer_of(api: Api, path: str) -> dict[str, JSONValue]:
    """A run as an answer to `GetRun` has it."""
    entity, project, run_id = path.split("/")
    return to_node(run_flow(fetch_run(entity, project, run_id), api.client.execute))


def overwriting(api: Api, path: str, times: int, text: str) -> tuple[Any, list[str]]:
    """What answers as `api` does, and overwrites config and notes after each of some mutations."""
    sent: list[str] = []
    storage_id = api.run(path).storage_id

    def execute(operation: Operation[object]) -> object:
        answer = api.client.execute(operation)
        sent.append(operation.name)
        if operation.name == "UpdateRun" and sent.count("UpdateRun") <= times:
            api.client.execute(update_run(storage_id=storage_id, config=text, notes="x"))
        return answer

    return execute, sent


def take_all(_part: Part, _text: str) -> None:
    """Check nothing of a document."""


@pytest.mark.parametrize("times", range(7))
def test_a_change_that_is_overwritten_is_written_again_five_times_in_all(
    wandb_server: LocalServer, times: int
) -> None:
    path = make_run(wandb_server, config={"a": 1})
    with Api(base_url=wandb_server.url, api_key="any") as api:
        execute, sent = overwriting(api, path, times, '{"b": {"value": 2}}')
        where = ("me", PROJECT, path.rpartition("/")[2])
        target = Target(where, api.client.server, take_all)
        flow = fetch_updated(target, plan_update("run.update", config={"mine": 3}, notes="n"))
        if times < 5:
            fields = run_flow(flow, execute)
            kept = {"b": {"value": 2}} if times else {"a": {"value": 1}}
            assert json.loads(fields.config or "") == {
                **kept, "mine": {"value": 3, "desc": None},
            }  # fmt: skip
        else:
            with pytest.raises(
                UpdateConflictError, match=r"config\.mine of run .* 5 times"
            ) as raised:
                run_flow(flow, execute)
            assert (raised.value.path, raised.value.lost) == (path, ["config.mine"])
        # A text is written once: of two editors of one field, the later one wins.
        assert api.run(path).notes == ("x" if times else "n")
        writes = min(times + 1, 5)
        assert sent == ["GetRun", *["UpdateRun", "GetRun"] * writes]


@pytest.mark.parametrize("times", range(4))
def test_tags_that_another_program_removes_are_added_again_beside_those_of_a_third(
    wandb_server: LocalServer, times: int
) -> None:
    path = make_run(wandb_server, tags=["a"])
    with Api(base_url=wandb_server.url, api_key="any") as api:
        where = ("me", PROJECT, path.rpartition("/")[2])
        change = partial(modify_runs, entity="me", project=PROJECT, ids=[where[2]])
        sent: list[str] = []

        def execute(operation: Operation[object]) -> object:
            if operation.name != "GetRun" and sent:  # between its reading and its writing
                api.client.execute(change(add_tags=[f"third{len(sent)}"]))
            answer = api.client.execute(operation)
            sent.append(operation.name)
            if operation.name == "ModifyRuns" and sent.count("ModifyRuns") <= times:
                api.client.execute(change(remove_tags=["mine"]))
            return answer

        target = Target(where, api.client.server, take_all)
        run_flow(fetch_updated(target, plan_update("run.update", add_tags=["mine"])), execute)
        assert sent == ["GetRun", *["ModifyRuns", "GetRun"] * (times + 1)]
        thirds = {f"third{number}" for number in range(1, len(sent), 2)}
        assert {*api.run(path).tags} == {"a", "mine"} | thirds


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize("fault", [Truncate(at=5), Truncate(at=5, whole_http=True)])
def test_a_lost_answer_is_settled_by_reading_back(
    wandb_server: LocalServer, half: Half, fault: Truncate, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_run(wandb_server)
    wandb_server.clear_operations()
    with (
        caplog.at_level(logging.INFO, "wandb_runs"),
        wandb_server.fail(fault, operation="UpdateRun"),
    ):
        call(half, wandb_server.url, path, "update", notes="n", config={"a": math.nan})
        assert len(wandb_server.failed) >= 1
    assert wandb_server.operations.count("UpdateRun") == 1
    assert state_of(wandb_server, path)["notes"] == "n"
    assert f"changed run '{path}': notes, config.a (the answer was lost; read back)" in caplog.text


@pytest.mark.parametrize("half", HALVES)
def test_a_change_that_did_not_arrive_is_an_error_and_not_sent_again(
    wandb_server: LocalServer, half: Half
) -> None:
    path = make_run(wandb_server)
    wandb_server.clear_operations()
    with (
        wandb_server.fail(Html(502), operation="UpdateRun"),
        pytest.raises(ServerError, match="reading back does not show it"),
    ):
        call(half, wandb_server.url, path, "update", notes="n")
    assert wandb_server.operations.count("UpdateRun") <= 1
    assert state_of(wandb_server, path)["notes"] == ""


@pytest.mark.parametrize("half", HALVES)
@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (Status(403, b"no"), "HTTP 403: no"),
        (
            Status(200, b'{"errors": [{"message": "permission denied"}], "data": null}'),
            "permission denied",
        ),
        (
            Status(403, b'{"errors": [{"message": "you do not have permission"}]}'),
            "HTTP 403: you do not have permission",
        ),
    ],
)
def test_a_key_that_may_only_read_is_told_so(
    wandb_server: LocalServer, half: Half, fault: Status, said: str
) -> None:
    path = make_run(wandb_server)
    with (
        wandb_server.fail(fault, operation="UpdateRun"),
        pytest.raises(PermissionDeniedError) as raised,
    ):
        call(half, wandb_server.url, path, "update", notes="n")
    assert str(raised.value).startswith(
        f"the API key may not change run '{path}': notes ({said}), and nothing of it was; ask the "
        "owner"
    )
    assert "may not read" not in str(raised.value)


def test_a_config_that_cannot_be_read_is_not_overwritten(wandb_server: LocalServer) -> None:
    path = make_run(wandb_server, config={"deep": 1})
    told = {"storageId": "s", "id": "r", "state": "finished", "config": "[1]"}
    with Api(base_url=wandb_server.url, api_key="any") as api:
        run = api.run(path)
        odd = json.dumps({"data": {"project": {"run": {**answer_of(api, path), **told}}}})
        wandb_server.clear_operations()
        with (
            wandb_server.fail(Status(200, odd.encode()), operation="GetRun"),
            pytest.raises(BadResponseError, match="a JSON list, not an object: what stands beside"),
        ):
            run.update(config={"a": 1})
    assert "UpdateRun" not in wandb_server.operations
    assert state_of(wandb_server, path)["config"] == {"deep": 1}


def test_each_change_is_logged_without_values(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    path = make_run(wandb_server)
    with caplog.at_level(logging.INFO, "wandb_runs"):
        call("blocking", wandb_server.url, path, "update", notes="secret", config={"a": "secret"})
    assert f"changed run '{path}': notes, config.a" in caplog.text
    assert "secret" not in caplog.text


READ = """
import json, sys
import wandb

run = wandb.Api().run(sys.argv[1])
print(json.dumps({
    "name": run.name, "notes": run.notes, "tags": run.tags, "group": run.group,
    "job_type": run.job_type, "config": run.config, "raw": run.rawconfig,
    "summary": run.summary._json_dict,
}))
run.summary.update({"theirs": 1})
run.config["theirs"] = 2
run.notes = "theirs"
run.update()
"""


def test_the_sdk_reads_what_was_changed_and_the_other_way_round(
    wandb_server: LocalServer, tmp_path: Path
) -> None:
    own = {"value": {"cli_version": "0.31.0"}, "desc": None}
    path = make_run(wandb_server, config={"lr": 0.1, "gone": 1, "model": {"depth": 3}}, tags=["a"])
    with Api(base_url=wandb_server.url, api_key="k" * 40) as api:
        run = api.run(path)
        stored = json.loads(run.json_config)
        api.client.execute(
            update_run(storage_id=run.storage_id, config=json.dumps({**stored, "_wandb": own}))
        )
        run.update(
            name="ours",
            notes="ours",
            add_tags=["b"],
            group="g",
            job_type="j",
            config={"lr": 0.2, "model.depth": 4, "new": [1, {"x": None}]},
            summary={"loss": 0.5, "inf": math.inf, "nested": {"a": 1}},
            unset_config=["gone"],
        )
        read = json.loads(run_sdk(READ, wandb_server, tmp_path, path).splitlines()[-1])
        config = {"lr": 0.2, "model": {"depth": 4}, "new": [1, {"x": None}]}
        assert read["raw"].pop("_wandb") == own["value"]
        assert read == {
            "name": "ours", "notes": "ours", "tags": ["a", "b"], "group": "g", "job_type": "j",
            "config": config, "raw": config,
            "summary": {"loss": 0.5, "inf": "Infinity", "nested": {"a": 1}},
        }  # fmt: skip
        run.refresh()
        assert (run.notes, run.config) == ("theirs", {**config, "theirs": 2})
        assert run.summary == {"loss": 0.5, "inf": "Infinity", "nested": {"a": 1}, "theirs": 1}
