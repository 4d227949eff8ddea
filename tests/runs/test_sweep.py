"""Sweeps are fetched when touched, each once, and know their runs."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from wandb_runs import Api, MissingDependencyError, NotFoundError, Sweep

if TYPE_CHECKING:
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


def test_a_sweep_that_is_not_there_is_named(sample_api: Api) -> None:
    with pytest.raises(NotFoundError, match="no sweep 'absent' in project 'sample/digits'"):
        sample_api.sweep("sample/digits/absent")


def test_without_pyyaml_the_text_is_there_and_the_command_is_named(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    assert sweep.config_yaml
    with pytest.raises(MissingDependencyError, match=r"pip install 'wandb-runs\[yaml\]'"):
        sweep.config  # noqa: B018 - touched on purpose
