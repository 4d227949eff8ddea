"""Paths of projects, runs and sweeps."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, cast
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wandb_runs import Api, InvalidArgumentError
from wandb_runs.query.location import PathParts, kind_of_path, page_url, parse_path

if TYPE_CHECKING:
    from wandb_runs.query.location import Kind

names = st.text(min_size=1, max_size=8).filter(
    lambda name: (
        name.strip() == name
        and "/" not in name
        and "://" not in name
        and name not in ("runs", "sweeps")
    )
)
ids = names.filter(lambda name: ":" not in name)
"""W&B takes no colon in a project or a run's id, which `project:id` relies on."""

APPS = (
    "https://forge.coreweave.com/wandb",
    "https://app.team.example",
    "https://wandb.team.example/below/a/path",
    "http://127.0.0.1:8080",
)
KINDS: tuple[Literal["run", "sweep"], ...] = ("run", "sweep")

around = st.sampled_from(["", "/", " ", "/ ", "\t/"])
queries = st.sampled_from(["", "?nw=nwuserme", "?a=b/c#d", "/overview", "/logs?x=1", "/"])


@given(names, names)
def test_a_project_path_is_split(entity: str, project: str) -> None:
    assert parse_path(f"{entity}/{project}") == PathParts(entity, project)
    assert parse_path(project) == PathParts(None, project)


@given(ids, ids, ids)
def test_a_run_path_can_omit_parts_with_a_default(entity: str, project: str, run: str) -> None:
    assert parse_path(f"{entity}/{project}/{run}", kind="run") == PathParts(entity, project, run)
    for kind in KINDS:
        for path in (f"{project}/{run}", f"{project}:{run}", f"/{project}/{kind}s/{run}"):
            assert parse_path(path, kind=kind) == PathParts(None, project, run)
        for path in (run, f"{kind}s/{run}", f"/{kind}s/{run}"):
            assert parse_path(path, kind=kind) == PathParts(None, None, run)


def spellings(entity: str, project: str, kind: str, run: str, app_url: str) -> list[str]:
    return [
        f"{entity}/{project}/{run}",
        f"{entity}/{project}:{run}",
        f"{entity}/{project}/{kind}s/{run}",
        page_url(app_url, entity, project, f"{kind}s", run),
        page_url("https://wandb.ai", entity, project, f"{kind}s", run),
        page_url("wandb.ai", entity, project, f"{kind}s", run),
    ]


@given(ids, ids, ids, st.sampled_from(KINDS), st.sampled_from(APPS), around, around)
def test_every_spelling_of_a_run_or_sweep_names_it(
    entity: str,
    project: str,
    run: str,
    kind: Literal["run", "sweep"],
    app_url: str,
    before: str,
    after: str,
) -> None:
    for path in spellings(entity, project, kind, run, app_url):
        spelled = f"{before}{path}{after}"
        found = parse_path(spelled, kind=kind, app_url=app_url)
        assert found == PathParts(entity, project, run), spelled
        if f"{kind}s/" in path or kind == "run":
            assert kind_of_path(spelled, app_url=app_url) == kind, spelled


@given(names, names, names, st.sampled_from(KINDS), st.sampled_from(APPS), queries)
def test_the_url_of_a_page_names_what_it_shows(
    entity: str,
    project: str,
    run: str,
    kind: Literal["run", "sweep"],
    app_url: str,
    query: str,
) -> None:
    url = page_url(app_url, entity, project, f"{kind}s", run) + query
    assert parse_path(url, kind=kind, app_url=app_url) == PathParts(entity, project, run)
    assert kind_of_path(url, app_url=app_url) == kind
    for page in ("", "/workspace", "/table", "/runs", "/sweeps", "/overview"):
        url = page_url(app_url, entity, project) + page + "?nw=mine"
        assert parse_path(url, app_url=app_url) == PathParts(entity, project)
        assert kind_of_path(url, app_url=app_url) == "project"


@given(names, names, ids, st.sampled_from(APPS))
def test_a_path_of_something_else_is_refused_with_the_call_that_takes_it(
    entity: str, project: str, run: str, app_url: str
) -> None:
    project_page = page_url(app_url, entity, project)
    run_page, sweep_page = (f"{project_page}/{kind}s/{quote(run, safe='')}" for kind in KINDS)
    for path, kind, call in [
        (run_page, "project", "api.run("),
        (f"{entity}/{project}/runs/{run}", "project", "api.run("),
        (f"{entity}/{project}/sweeps/{run}", "project", "api.sweep("),
        (f"{entity}/{project}/sweeps/{run}", "run", "api.sweep("),
        (sweep_page, "run", "api.sweep("),
        (run_page, "sweep", "api.run("),
        (project_page, "run", "api.runs("),
    ]:
        with pytest.raises(InvalidArgumentError) as caught:
            parse_path(path, kind=cast("Kind", kind), app_url=app_url)
        assert call in caught.value.message


@given(st.text(max_size=30), st.sampled_from(["project", "run", "sweep"]))
def test_whatever_is_accepted_is_whole_and_whatever_is_not_is_an_invalid_argument(
    path: str, kind: Kind
) -> None:
    with suppress(InvalidArgumentError):
        found = parse_path(path, kind=kind)
        given_parts = [found.entity, found.project, found.id]
        assert given_parts[1 if kind == "project" else 2]
        assert all(part is None or (part and part.strip() == part) for part in given_parts)


def test_the_path_of_a_url_is_accepted() -> None:
    assert parse_path("team/mnist/runs/1abc", kind="run") == PathParts("team", "mnist", "1abc")
    assert parse_path("team/mnist/sweeps/9", kind="sweep") == PathParts("team", "mnist", "9")
    assert parse_path("/team/runs/runs/1abc", kind="run") == PathParts("team", "runs", "1abc")
    assert parse_path("/team/mnist/runs/1abc/logs", kind="run").id == "1abc"
    assert parse_path("/team/mnist/workspace") == PathParts("team", "mnist")


@pytest.mark.parametrize(
    ("path", "kind", "hint"),
    [
        ("team/mnist/1abc", "project", r"api.run\('team/mnist/runs/1abc'\)"),
        ("team//mnist", "project", "empty part or white space around one; write 'team/mnist'"),
        ("", "project", "empty part"),
        ("///", "run", "empty part"),
        ("team / mnist", "project", "write 'team/mnist'"),
        ("team/mnist:", "run", "must look like"),
        ("team/:1abc", "run", "must look like"),
        ("team/mnist/groups/g", "project", "write 'team/mnist' for the project"),
        ("https://wandb.ai/team/mnist/groups/g", "project", "write 'team/mnist' for the project"),
        ("https://wandb.ai/team/mnist/1abc", "run", "write 'team/mnist' for the project"),
        ("https://wandb.ai/team/mnist/reports/A--Vm", "project", "reports are not supported"),
        ("https://wandb.ai/team", "project", "must look like 'entity/project'"),
        ("https://wandb.ai", "project", "no page of a project"),
        ("https://forge.coreweave.com/team/mnist", "project", "no page of a project"),
        ("https://wandb.ai/team/%ff/runs/1", "run", "cannot be read"),
        ("https://[wandb.ai/team/mnist", "project", "cannot be read"),
        ("https://wandb.ai/te%2Fam/mnist", "project", "no page of a project"),
        ("wandb.team.example/team/mnist/runs/1abc", "run", "begins with https://"),
        (3, "run", "str"),
    ],
)
def test_a_wrong_path_is_refused_with_the_right_form(path: object, kind: Kind, hint: str) -> None:
    with pytest.raises(InvalidArgumentError, match=hint):
        parse_path(path, kind=kind)


@pytest.mark.parametrize("path", ["team/mnist/reports/A--Vm", "a/b/c/d/e", "https://wandb.ai/team"])
def test_what_names_nothing_has_no_kind(path: str) -> None:
    with pytest.raises(InvalidArgumentError, match="path must look like"):
        kind_of_path(path)


def test_a_message_shows_no_token_and_no_credentials_of_a_url() -> None:
    url = "https://me:c0ffee@wandb.ai/team/mnist/reports/x?accessToken=c0ffee"
    with pytest.raises(InvalidArgumentError, match=r"https://wandb\.ai/team") as caught:
        parse_path(url)
    assert "c0ffee" not in caught.value.message


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
