"""The sample project has the runs, values and sweep of its trials, as read over GraphQL."""

from __future__ import annotations

import json
import lzma
import math
import re
import time
from collections import Counter
from datetime import datetime  # noqa: TC003 - pydantic resolves it when the module runs
from importlib import resources
from itertools import product
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from sample_project.trials import ENTITY, PROJECT, SWEEP, TRIALS
from wandb_runs.graphql.scalars import JSONObject, JSONValue, decode
from wandb_runs.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

SILENCE: Final = 600
"""Seconds without a heartbeat, enough for a run to count as crashed."""

QUERY: Final = """
query ReadSample(
  $entity: String!, $project: String!, $filters: JSONString, $specs: [JSONString!]!
) {
  project(entityName: $entity, name: $project) {
    runCount(filters: $filters)
    runs(filters: $filters, first: 1000, order: "+created_at") {
      edges {
        node {
          name displayName state createdAt host commit tags group jobType notes sweepName
          user { username }
          config summaryMetrics historyLineCount
          history(samples: 1000, minStep: 0, maxStep: 100000)
          events(samples: 1000)
          sampledHistory(specs: $specs)
          files { edges { node { name } } }
        }
      }
    }
  }
}
"""

READ_SWEEP: Final = """
query ReadSweep($entity: String!, $project: String!, $sweep: String!) {
  project(entityName: $entity, name: $project) {
    sweep(sweepName: $sweep) { name state method runCount runCountExpected bestLoss }
  }
}
"""


class Wire(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class Viewer(Wire):
    username: str | None


class Files(Wire):
    edges: list[dict[str, object]]


class Run(Wire):
    name: str
    display_name: str
    state: str
    created_at: datetime
    host: str | None
    commit: str | None
    tags: list[str]
    group: str | None
    job_type: str | None
    notes: str | None
    sweep_name: str | None
    user: Viewer
    config_text: str = Field(alias="config")
    summary_text: str = Field(alias="summaryMetrics")
    history_line_count: int
    history_texts: list[str] = Field(alias="history")
    event_texts: list[str] = Field(alias="events")
    sampled_history: list[list[dict[str, object]]]
    files: Files

    @property
    def config(self) -> dict[str, JSONValue]:
        return {
            key: entry["value"]
            for key, entry in read(self.config_text).items()
            if isinstance(entry, dict)
        }

    @property
    def summary(self) -> dict[str, JSONValue]:
        return read(self.summary_text)

    @property
    def history(self) -> list[dict[str, JSONValue]]:
        return [read(text) for text in self.history_texts]

    @property
    def events(self) -> list[dict[str, JSONValue]]:
        return [read(text) for text in self.event_texts]

    def column(self, key: str) -> list[JSONValue]:
        return [row[key] for row in self.history if key in row]


class Edge(Wire):
    node: Run


class Edges(Wire):
    edges: list[Edge]


class Project(Wire):
    run_count: int
    runs: Edges


class Sweep(Wire):
    name: str
    state: str
    method: str
    run_count: int
    run_count_expected: int
    best_loss: float


def read(text: str) -> dict[str, JSONValue]:
    value = decode(text)
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(sample=True, clock=lambda: time.time() + SILENCE) as server:
        yield server


def ask(server: LocalServer, query: str, **variables: JSONValue) -> JSONValue:
    answer = httpx.post(
        f"{server.url}/graphql",
        json={"query": query, "variables": {"entity": ENTITY, "project": PROJECT, **variables}},
        auth=("api", "k" * 40),
    )
    body = read(answer.text)
    assert "errors" not in body, body["errors"]
    data = body["data"]
    assert isinstance(data, dict)
    return data["project"]


def ask_runs(server: LocalServer, filters: JSONObject, *specs: JSONObject) -> list[Run]:
    project = Project.model_validate(
        ask(
            server,
            QUERY,
            filters=json.dumps(filters),
            specs=[json.dumps(spec) for spec in specs],
        )
    )
    runs = [edge.node for edge in project.runs.edges]
    assert len(runs) == project.run_count
    return runs


@pytest.fixture(scope="module")
def runs(server: LocalServer) -> list[Run]:
    return ask_runs(server, {})


@pytest.fixture(scope="module")
def named(runs: list[Run]) -> dict[str, Run]:
    return {run.display_name: run for run in runs}


def test_every_trial_is_a_run_in_the_order_of_the_trials(runs: list[Run]) -> None:
    assert len(TRIALS) >= 24
    assert [(run.name, run.display_name) for run in runs] == [
        (trial.run_id, trial.name) for trial in TRIALS
    ]
    assert len({run.name for run in runs}) == len(runs)
    assert all(re.fullmatch("[a-z0-9]{8}", run.name) for run in runs)
    assert runs == sorted(runs, key=lambda run: run.created_at)


def test_runs_have_the_settings_of_their_trials(runs: list[Run]) -> None:
    for run, trial in zip(runs, TRIALS, strict=True):
        described = (run.group, run.job_type, tuple(run.tags), run.notes)
        assert described == (trial.group, trial.job_type, trial.tags, trial.notes)
        for key in ("optimizer", "learning_rate", "batch_size", "width", "epochs", "schedule"):
            assert run.config[key] == getattr(trial, key), (run.display_name, key)
        finite = [loss for loss in run.column("loss") if isinstance(loss, int | float)]
        assert len(finite) == (trial.killed_after or trial.epochs)


def test_the_grid_has_every_combination(runs: list[Run]) -> None:
    axes = ("optimizer", "learning_rate", "batch_size", "width")
    grid = [run for run in runs if (run.group or "").startswith("grid-")]
    points = {tuple(run.config[axis] for axis in axes) for run in grid}
    assert points == {
        *product(["sgd"], [0.01, 0.1], [32, 128], [16, 64]),
        *product(["adam"], [0.001, 0.01], [32, 128], [16, 64]),
    }


def test_finished_models_are_accurate(runs: list[Run]) -> None:
    for run in runs:
        best = run.summary.get("best")
        if run.state != "finished" or not isinstance(best, dict):
            continue
        assert isinstance(best["val"], dict)
        assert isinstance(best["val"]["accuracy"], float)
        assert best["val"]["accuracy"] > 0.8, run.display_name


def test_one_run_crashes_and_one_fails_and_the_others_finish(runs: list[Run]) -> None:
    others = {"killed-midway": "crashed", "below-target": "failed"}
    assert {run.display_name: run.state for run in runs} == {
        trial.name: others.get(trial.name, "finished") for trial in TRIALS
    }


def test_the_filter_of_the_demo_selects_short_and_long_histories(server: LocalServer) -> None:
    found = ask_runs(
        server,
        {"state": "finished", "config.optimizer": "adam"},
        {"keys": ["_step", "loss", "accuracy"], "samples": 100},
    )
    assert len(found) >= 10
    logged = {run.display_name: len(run.column("loss")) for run in found}
    assert min(logged.values()) == 30
    assert max(logged.values()) > 100
    for run in found:
        (rows,) = run.sampled_history
        assert len(rows) == min(100, logged[run.display_name])


def test_one_run_diverges_to_nan(named: dict[str, Run]) -> None:
    losses = named["diverged"].column("loss")
    is_nan = [isinstance(loss, float) and math.isnan(loss) for loss in losses]
    assert 5 < is_nan.index(True) < len(losses) - 5
    assert all(is_nan[is_nan.index(True) :])
    assert named["diverged"].summary["loss"] == "NaN"


def test_one_run_is_killed_midway(named: dict[str, Run]) -> None:
    run = named["killed-midway"]
    epochs = run.config["epochs"]
    assert isinstance(epochs, int)
    assert 0 < len(run.column("loss")) < epochs
    assert "best" not in run.summary


def test_one_run_has_no_history(runs: list[Run]) -> None:
    assert [run.display_name for run in runs if not run.history] == ["dry-run"]
    assert [run.display_name for run in runs if not run.history_line_count] == ["dry-run"]


def test_loss_and_accuracy_share_rows_and_the_others_have_their_own(runs: list[Run]) -> None:
    for run in runs:
        for row in run.history:
            assert ("loss" in row) == ("accuracy" in row)
            assert ("loss" in row) + ("val/loss" in row) + ("message" in row) == 1
        assert [row["_step"] for row in run.history] == list(range(run.history_line_count))
        assert len(run.column("val/loss")) == len(run.column("loss")) // 5


def test_one_column_has_integers_first_and_floats_late(named: dict[str, Run]) -> None:
    factors = named["long-haul"].column("learning_rate_factor")
    kinds = [type(factor) for factor in factors]
    assert kinds == [int] * 120 + [float] * 40
    assert set(factors) == {1, 0.5}


def test_every_run_has_system_metrics(runs: list[Run]) -> None:
    for run in runs:
        assert len(run.events) >= 2
        assert any("system.cpu" in event for event in run.events)
        assert all(
            isinstance(event["system.proc.memory.rssMB"], int | float) for event in run.events
        )


def test_tags_groups_and_notes_vary(runs: list[Run]) -> None:
    tags = Counter(tag for run in runs for tag in run.tags)
    assert {"baseline", "wide", "sweep"} <= set(tags)
    assert any(not run.tags for run in runs)
    assert len({run.group for run in runs}) >= 5
    assert len({run.job_type for run in runs}) >= 3
    assert {run.notes is None for run in runs} == {True, False}


def test_the_sweep_has_its_runs_and_its_best_loss(server: LocalServer, runs: list[Run]) -> None:
    (name,) = {run.sweep_name for run in runs} - {None}
    project = ask(server, READ_SWEEP, sweep=name)
    assert isinstance(project, dict)
    sweep = Sweep.model_validate(project["sweep"])
    swept = [run for run in runs if run.sweep_name == name]
    assert (sweep.name, sweep.state, sweep.method) == (name, "FINISHED", SWEEP["method"])
    assert sweep.run_count == sweep.run_count_expected == len(swept) == 6
    assert {(run.config["learning_rate"], run.config["width"]) for run in swept} == set(
        product((0.003, 0.01, 0.03), (24, 48))
    )
    assert sweep.best_loss == max(
        value for run in swept if isinstance(value := run.summary["val/accuracy"], float)
    )


def test_values_have_many_types(runs: list[Run], named: dict[str, Run]) -> None:
    config = named["long-haul"].config
    assert config["model"] == {
        "kind": "mlp",
        "layers": [64, 48, 24, 10],
        "activation": {"name": "leaky_relu", "slope": 0.01},
    }
    assert config["data/name"] == "digits"
    assert config["early_stopping"] is False
    assert config["momentum"] is None
    assert isinstance(named["diverged"].config["momentum"], float)
    summary = named["long-haul"].summary
    assert isinstance(summary["val/loss"], dict)
    assert set(summary["val/loss"]) == {"min"}
    assert isinstance(summary["best"], dict)
    assert isinstance(summary["best"]["val"], dict)
    for run in runs:
        assert all(isinstance(norms, dict) for norms in run.column("gradient_norm"))
        assert {type(value) for value in run.column("val/improved")} <= {bool}
        assert {type(value) for value in run.column("message")} <= {str}
    weights = named["long-haul"].column("weights")
    assert len(weights) == 32
    assert all(isinstance(w, dict) and w["_type"] == "histogram" for w in weights)


def test_the_sample_is_small_and_contains_no_facts_about_a_machine(runs: list[Run]) -> None:
    packaged = resources.files("wandb_runs.local").joinpath("sample/sample.db.xz").read_bytes()
    assert len(packaged) < 1_000_000
    texts = re.findall(rb"[ -~]{8,}", lzma.decompress(packaged))
    places = re.compile(
        rb"/(?:home|root|Users|tmp|var|usr|opt)/|[A-Z]:\\|site-packages|://|\.local\b"
    )
    assert [text for text in texts if places.search(text)] == []
    for run in runs:
        assert (run.host, run.commit, run.files.edges) == (None, None, [])
        assert run.user.username == ENTITY
        about_the_sdk = run.config["_wandb"]
        assert isinstance(about_the_sdk, dict)
        assert set(about_the_sdk) <= {"cli_version", "python_version", "m", "t"}
