"""An `Api(read_only=True)`: what would change anything is refused before any request."""

from __future__ import annotations

import pickle
import re
from typing import TYPE_CHECKING

import anyio
import pytest
from support.sweeps import make_sweep

from wandb_runs import Api, AsyncApi, InvalidArgumentError, ReadOnlyError
from wandb_runs.graphql._generated import delete_run, stop_run, update_run
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from wandb_runs.graphql.operation import Operation

PATH = "me/read-only-api"

MUTATIONS: list[Operation[object]] = [
    delete_run(storage_id="s"),
    stop_run(storage_id="s"),
    update_run(storage_id="s", notes="changed"),
]


@pytest.fixture
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        log_run(server, "me", "read-only-api", "r1")
        server.clear_operations()
        yield server


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_is_refused_before_any_request(
    server: LocalServer, mutation: Operation[object]
) -> None:
    with Api(base_url=server.url, api_key="any", read_only=True) as api:
        for one in (api, api.with_options(timeout=9), pickle.loads(pickle.dumps(api))):
            assert one.read_only
            with pytest.raises(ReadOnlyError, match=rf"{mutation.name} .* Nothing was sent"):
                one.client.execute(mutation)
        assert server.operations == ()
        assert [run.id for run in api.runs("me/read-only-api")] == ["r1"]

    async def refused() -> None:
        async with AsyncApi(base_url=server.url, api_key="any", read_only=True) as api:
            assert api.read_only
            with pytest.raises(ReadOnlyError):
                await api.client.execute(mutation)

    server.clear_operations()
    anyio.run(refused)
    assert server.operations == ()


CALLS: list[tuple[str, dict[str, object]]] = [
    ("update", {"notes": "changed"}),
    ("update", {}),
    ("stop", {}),
    ("update_state", {"state": "failed"}),
    ("delete", {}),
    ("upload_file", {"path": "missing"}),
    ("delete_files", {"files": ["model.pt"]}),
]


@pytest.mark.parametrize("call", CALLS)
def test_a_run_is_not_changed_and_not_read(
    server: LocalServer, call: tuple[str, dict[str, object]]
) -> None:
    name, arguments = call
    with Api(base_url=server.url, api_key="any", read_only=True) as api:
        run = api.run("me/read-only-api/r1")
        server.clear_operations()
        with pytest.raises(ReadOnlyError, match=rf"run\.{name} would change"):
            getattr(run, name)(**arguments)

    async def refused() -> None:
        async with AsyncApi(base_url=server.url, api_key="any", read_only=True) as api:
            run = await api.run("me/read-only-api/r1")
            server.clear_operations()
            with pytest.raises(ReadOnlyError, match=rf"run\.{name} would change"):
                await getattr(run, name)(**arguments)

    anyio.run(refused)
    assert server.operations == ()


BULK_CALLS: dict[str, tuple[Callable[[Api], object], Callable[[AsyncApi], Awaitable[object]]]] = {
    "runs.delete": (
        lambda api: api.runs(PATH).delete(expect=1),
        lambda api: api.runs(PATH).delete(expect=1),
    ),
    "runs.update": (
        lambda api: api.runs(PATH).update(expect=1, add_tags=["x"]),
        lambda api: api.runs(PATH).update(expect=1, add_tags=["x"]),
    ),
    "runs.move": (
        lambda api: api.runs(PATH).move("me/other", expect=1),
        lambda api: api.runs(PATH).move("me/other", expect=1),
    ),
    "api.create_project": (
        lambda api: api.create_project("p", "me"),
        lambda api: api.create_project("p", "me"),
    ),
    "api.create_run": (
        lambda api: api.create_run(project="p", entity="me"),
        lambda api: api.create_run(project="p", entity="me"),
    ),
    "api.undelete_runs": (
        lambda api: api.undelete_runs(PATH, ["r1"], expect=1),
        lambda api: api.undelete_runs(PATH, ["r1"], expect=1),
    ),
}
"""Each call that changes something, of both halves."""


@pytest.mark.parametrize("name", BULK_CALLS)
def test_a_call_is_refused_before_any_request(server: LocalServer, name: str) -> None:
    blocking, awaiting = BULK_CALLS[name]
    with (
        Api(base_url=server.url, api_key="any", read_only=True) as api,
        pytest.raises(ReadOnlyError, match=rf"{re.escape(name)} .* Nothing was sent"),
    ):
        blocking(api)

    async def refused() -> None:
        async with AsyncApi(base_url=server.url, api_key="any", read_only=True) as api:
            with pytest.raises(ReadOnlyError, match=re.escape(name)):
                await awaiting(api)

    anyio.run(refused)
    assert server.operations == ()


@pytest.mark.parametrize("call", ["pause", "resume", "stop", "cancel"])
def test_a_sweep_is_not_changed_and_not_read(server: LocalServer, call: str) -> None:
    path = f"{PATH}/{make_sweep(server, PATH, state='RUNNING')}"
    with Api(base_url=server.url, api_key="any", read_only=True) as api:
        sweep = api.sweep(path)
        server.clear_operations()
        with pytest.raises(ReadOnlyError, match=rf"sweep\.{call} would change .* Nothing was sent"):
            getattr(sweep, call)()

    async def refused() -> None:
        async with AsyncApi(base_url=server.url, api_key="any", read_only=True) as api:
            sweep = await api.sweep(path)
            server.clear_operations()
            with pytest.raises(ReadOnlyError, match=rf"sweep\.{call} would change"):
                await getattr(sweep, call)()

    assert server.operations == ()
    anyio.run(refused)
    assert server.operations == ()


def test_an_api_may_change_things_by_default(server: LocalServer) -> None:
    with Api(base_url=server.url, api_key="any") as api:
        assert not api.read_only
        run = api.run("me/read-only-api/r1")
        api.client.execute(update_run(storage_id=run.storage_id, notes="changed"))
        run.refresh()
        assert run.notes == "changed"


@pytest.mark.parametrize("value", [None, 1, "yes"])
def test_read_only_is_a_bool(value: object) -> None:
    with pytest.raises(InvalidArgumentError, match="read_only must be True or False, got"):
        Api(read_only=value)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType] - wrong on purpose
