"""Sweeps are fetched when touched, each once, and know their runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import httpx
import pytest

from wandb_runs import Api, MissingDependencyError, NotFoundError, Sweep, UnknownKeyWarning
from wandb_runs.testing import LocalServer


@pytest.fixture
def sweep(sample_api: Api) -> Sweep:
    return next(run.sweep for run in sample_api.runs("sample/digits") if run.sweep is not None)


def test_listing_sends_no_request_for_sweeps(sample_api: Api, sample_server: LocalServer) -> None:
    sample_server.clear_operations()
    runs = list(sample_api.runs("sample/digits", per_page=100))
    names = [run.sweep_name for run in runs]
    assert sum(name is not None for name in names) > 1
    assert set(sample_server.operations) == {"CountRuns", "ListRuns"}


def test_touching_fetches_each_distinct_sweep_once(
    sample_api: Api, sample_server: LocalServer
) -> None:
    runs = sample_api.runs("sample/digits", per_page=100)
    distinct = {run.sweep_name for run in runs} - {None}
    sample_server.clear_operations()
    for _ in range(2):
        for run in runs:
            assert (run.sweep.id if run.sweep else None) == run.sweep_name
    assert sample_server.operations == ("GetSweep",) * len(distinct)


def test_without_sweeps_touching_sends_nothing(sample_api: Api, sample_server: LocalServer) -> None:
    runs = sample_api.runs("sample/digits", include_sweeps=False, per_page=100)
    assert any(run.sweep_name for run in runs)
    sample_server.clear_operations()
    assert [run.sweep for run in runs] == [None] * len(runs)
    assert "GetSweep" not in sample_server.operations


def test_a_sweep_knows_its_runs(sample_api: Api, sweep: Sweep) -> None:
    listed = {run for run in sample_api.runs("sample/digits") if run.sweep_name == sweep.id}
    assert set(sweep.runs) == listed
    assert len(sweep.runs) == len(listed) == sweep.run_count


def test_a_sweep_has_what_was_defined(sample_api: Api, sweep: Sweep) -> None:
    assert sweep == sample_api.sweep("/".join(sweep.path))
    assert hash(sweep) == hash(sample_api.sweep(f"sample/digits/sweeps/{sweep.id}"))
    assert sweep.url.endswith(f"/sample/digits/sweeps/{sweep.id}")
    assert repr(sweep) == f"<Sweep sample/digits/{sweep.id} ({sweep.state})>"
    assert sweep.name
    assert sweep.storage_id
    assert sweep.method == sweep.config["method"]
    assert "method" in sweep.config_yaml
    assert sweep.created_at is not None
    assert sweep.created_at < datetime.now(UTC)


def test_the_best_run_is_first_in_the_sweeps_own_order(sweep: Sweep) -> None:
    metric = sweep.config["metric"]
    assert isinstance(metric, dict)
    best = sweep.best_run()
    assert best is not None
    name, better = str(metric["name"]), (max if metric.get("goal") == "maximize" else min)
    values = [run.summary[name] for run in sweep.runs if isinstance(run.summary.get(name), float)]
    assert best.summary[name] == better(float(str(value)) for value in values)
    newest = sweep.best_run("-created_at")
    assert newest == sweep.runs[-1]


def test_the_best_run_by_a_misspelt_metric_has_a_warning(sweep: Sweep) -> None:
    with pytest.warns(UnknownKeyWarning, match=r"'summary.acuracy' \(did you mean") as told:
        assert sweep.best_run("-summary.acuracy") is not None
    assert [each.filename for each in told] == [__file__]


def test_a_sweep_that_is_not_there_is_named(sample_api: Api) -> None:
    with pytest.raises(NotFoundError, match="no sweep 'absent' in project 'sample/digits'"):
        sample_api.sweep("sample/digits/absent")


UPSERT = """
mutation U($config: String, $displayName: String) {
  upsertSweep(input: {
    config: $config, displayName: $displayName, entityName: "me", projectName: "named"
  }) { sweep { name displayName } }
}
"""


def define_sweep(server: LocalServer, config: str, display_name: str | None = None) -> str:
    variables = {"config": config, "displayName": display_name}
    answer = httpx.post(
        f"{server.url}/graphql",
        json={"query": UPSERT, "variables": variables},
        auth=("api", "k" * 40),
    ).json()
    sweep: dict[str, str] = answer["data"]["upsertSweep"]["sweep"]
    assert sweep["displayName"] == display_name
    return sweep["name"]


@pytest.mark.parametrize(
    ("config", "name"),
    [
        ("method: grid\nname: scan\nmetric: {name: loss}\n", "scan"),
        ('{"method": "grid", "name": "scan"}', "scan"),
        ("'name': scan\n", "scan"),
        ("name: 7\n", "7"),
        ("--- {name: scan}\n", "scan"),
        ("method: grid\nmetric:\n  name: loss\ncommand:\n- python\n# name: no\n", None),
        ("name: ''\n", None),
        ("name: [not, closed\n", None),
        ("", None),
    ],
)
def test_a_sweep_without_a_given_name_has_that_of_its_definition_else_its_id(
    config: str, name: str | None
) -> None:
    with LocalServer() as server, Api(base_url=server.url, api_key="k") as api:
        sweep_id = define_sweep(server, config)
        assert api.sweep(f"me/named/{sweep_id}").name == (name or sweep_id)
        given = define_sweep(server, config, "given later")
        assert api.sweep(f"me/named/{given}").name == "given later"


def test_without_pyyaml_a_sweep_is_named_if_no_definition_need_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with LocalServer() as server, Api(base_url=server.url, api_key="k") as api:
        plain = define_sweep(server, "method: grid\nmetric:\n  name: loss\n")
        given = define_sweep(server, "name: scan\n", "given later")
        defined = define_sweep(server, "name: scan\n")
        monkeypatch.setitem(sys.modules, "yaml", None)
        assert api.sweep(f"me/named/{plain}").name == plain
        assert api.sweep(f"me/named/{given}").name == "given later"
        with pytest.raises(MissingDependencyError, match=r"pip install 'wandb-runs\[yaml\]'"):
            api.sweep(f"me/named/{defined}").name  # noqa: B018 - touched on purpose


def test_without_pyyaml_the_text_is_there_and_the_command_is_named(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert sweep.config_yaml
    with pytest.raises(MissingDependencyError, match=r"pip install 'wandb-runs\[yaml\]'"):
        sweep.config  # noqa: B018 - touched on purpose
