"""Paths of projects, runs and sweeps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import Api, InvalidArgumentError
from wandb_runs.query.location import PathParts, parse_path

names = st.text(min_size=1, max_size=8).filter(
    lambda name: name.strip() == name and "/" not in name and "://" not in name
)


@given(names, names)
def test_a_project_path_is_split(entity: str, project: str) -> None:
    assert parse_path(f"{entity}/{project}") == PathParts(entity, project)
    assert parse_path(project) == PathParts(None, project)


@given(names, names, names)
def test_a_run_path_can_omit_parts_with_a_default(entity: str, project: str, run: str) -> None:
    assert parse_path(f"{entity}/{project}/{run}", kind="run") == PathParts(entity, project, run)
    assert parse_path(f"{project}/{run}", kind="run") == PathParts(None, project, run)
    assert parse_path(run, kind="run") == PathParts(None, None, run)


def test_the_path_of_a_url_is_accepted() -> None:
    assert parse_path("team/mnist/runs/1abc", kind="run") == PathParts("team", "mnist", "1abc")
    assert parse_path("team/mnist/sweeps/9", kind="sweep") == PathParts("team", "mnist", "9")


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("https://wandb.ai/team/mnist", "'team/mnist'"),
        ("team/mnist/1abc", "api.run"),
        ("team//mnist", "empty part"),
        ("/team/mnist", "empty part"),
        ("team/mnist/", "empty part"),
        ("", "empty part"),
        (" team/mnist", "white space"),
        (3, "str"),
    ],
)
def test_a_wrong_path_is_refused_with_the_right_form(path: object, hint: str) -> None:
    with pytest.raises(InvalidArgumentError, match=hint):
        parse_path(path)


def test_path_and_arguments_must_not_contradict_each_other() -> None:
    api = Api(base_url="http://127.0.0.1:9", api_key="k")
    assert repr(api.runs("team/mnist", entity="team", project="mnist")) == "<Runs team/mnist>"
    assert repr(api.runs("mnist", entity="team")) == "<Runs team/mnist>"
    assert repr(api.runs(project="mnist")) == "<Runs (default entity)/mnist>"
    with pytest.raises(InvalidArgumentError, match="entity 'team' and entity= says 'other'"):
        api.runs("team/mnist", entity="other")
    with pytest.raises(InvalidArgumentError, match="project"):
        api.runs("team/mnist", project="other")


def test_runs_without_a_project_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_PROJECT", raising=False)
    with pytest.raises(InvalidArgumentError, match="WANDB_PROJECT"):
        Api(base_url="http://127.0.0.1:9").runs()
