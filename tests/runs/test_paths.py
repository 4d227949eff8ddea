"""Paths and URLs as W&B's App shows them, in calls of both halves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

import anyio
import pytest

from wandb_runs import (
    Api,
    AsyncApi,
    AsyncRun,
    AsyncRuns,
    AsyncSweep,
    InvalidArgumentError,
    NotFoundError,
    Run,
    Runs,
    Sweep,
)
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_runs.testing import LocalServer

Named: TypeAlias = Run | Runs | Sweep | AsyncRun | AsyncRuns | AsyncSweep


class Half(Protocol):
    """Calls by a path."""

    def run(self, path: str) -> Run | AsyncRun: ...

    def sweep(self, path: str) -> Sweep | AsyncSweep: ...

    def runs(self, path: str) -> Runs | AsyncRuns: ...

    def from_path(self, path: str) -> Named: ...


class BlockingHalf:
    """The calls of `Api`."""

    def __init__(self, api: Api) -> None:
        self.api = api

    def run(self, path: str) -> Run:
        return self.api.run(path)

    def sweep(self, path: str) -> Sweep:
        return self.api.sweep(path)

    def runs(self, path: str) -> Runs:
        return self.api.runs(path)

    def from_path(self, path: str) -> Named:
        return self.api.from_path(path)


class AwaitedHalf:
    """The calls of `AsyncApi`, each in an event loop of its own."""

    def __init__(self, api: AsyncApi) -> None:
        self.api = api

    def run(self, path: str) -> AsyncRun:
        async def run() -> AsyncRun:
            return await self.api.run(path)

        return anyio.run(run)

    def sweep(self, path: str) -> AsyncSweep:
        return anyio.run(self.api.sweep, path)

    def runs(self, path: str) -> AsyncRuns:
        return self.api.runs(path)

    def from_path(self, path: str) -> Named:
        return anyio.run(self.api.from_path, path)


@pytest.fixture(params=["sync", "async"])
def half(request: pytest.FixtureRequest, sample_server: LocalServer) -> Iterator[Half]:
    log_run(sample_server, "team", "my project", "r", history=[{"loss": 1}])
    if request.param == "async":
        api = AsyncApi(base_url=sample_server.url, api_key="k" * 40)
        yield AwaitedHalf(api)
        anyio.run(api.aclose)
        return
    with Api(base_url=sample_server.url, api_key="k" * 40, entity="team") as blocking:
        yield BlockingHalf(blocking)


PAGES = ["{}/", "https://forge.coreweave.com/wandb/", "https://wandb.ai/", "wandb.ai/", "/", ""]


@pytest.mark.parametrize("pages", PAGES)
def test_the_path_and_the_url_of_a_page_name_a_run(
    half: Half, sample_server: LocalServer, pages: str
) -> None:
    project = f"{pages.format(sample_server.url)}team/my project"
    run = half.run("team/my project/r")
    assert half.run(run.url) == half.from_path(run.url) == run
    for tail in ("/runs/r", "/runs/r/overview", "/runs/r/", "/runs/r "):
        assert half.run(project + tail) == half.from_path(project + tail) == run
    assert repr(half.runs(project)).endswith("Runs team/my project>")
    assert repr(half.from_path(project)) == repr(half.runs(f"{project}/"))


@pytest.mark.parametrize(
    "path", ["/team/my project/r", "team/my project:r", " team/my project/r/", "team/my project/r"]
)
def test_short_paths_name_a_run(half: Half, path: str) -> None:
    assert half.run(path) == half.from_path(path) == half.run("/team/my project/runs/r")


def test_a_sweep_is_named_by_its_page(half: Half, sample_api: Api) -> None:
    sweep = next(run.sweep for run in sample_api.runs("sample/digits") if run.sweep is not None)
    for path in (sweep.url, f"{sweep.url}/table", f"/sample/digits/sweeps/{sweep.id}"):
        assert half.sweep(path).path == sweep.path
        assert repr(half.from_path(path)) == repr(half.sweep(path))
    with pytest.raises(InvalidArgumentError, match=r"which names a sweep; .*api\.sweep\("):
        half.run(sweep.url)
    with pytest.raises(InvalidArgumentError, match="which has its runs"):
        half.runs(sweep.url)


def test_the_url_of_another_host_is_named_where_nothing_is_found(half: Half) -> None:
    for call in (half.run, half.from_path):
        with pytest.raises(NotFoundError, match="another host") as caught:
            call("https://wandb.team.example/team/my project/runs/x?token=c0ffee")
        assert "c0ffee" not in caught.value.message
    with pytest.raises(NotFoundError, match="another host"):
        half.sweep("https://wandb.team.example/team/my project/sweeps/x")
    with pytest.raises(NotFoundError) as caught:
        half.run("team/my project/x")
    assert "another host" not in caught.value.message


def test_what_is_not_read_has_a_clear_error(half: Half) -> None:
    with pytest.raises(InvalidArgumentError, match="reports are not supported"):
        half.from_path("team/my project/reports/A-report--Vmlldzox")


def test_pages_below_a_path_of_their_host(
    sample_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_run(sample_server, "team", "my project", "r", history=[{"loss": 1}])
    monkeypatch.setenv("WANDB_APP_URL", "https://pages.example/wandb/app/")
    with Api(base_url=sample_server.url, api_key="k" * 40) as api:
        run = api.run("team/my project/r")
        assert run.url == "https://pages.example/wandb/app/team/my%20project/runs/r"
        assert api.run(run.url) == run
        with pytest.raises(InvalidArgumentError, match="no page of a project"):
            api.run("https://pages.example/team/my project/runs/r")
