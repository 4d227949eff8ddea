"""What several tests use: servers, a project of many runs, and clients."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from support.needs import is_slow

from wandb_runs import Api
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# A shell that starts something in the background has it ignore Ctrl-C, and all that it starts;
# `nohup` does the same with the end of a terminal.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

ROOTS = (str(Path(__file__).parent), str(Path(__file__).parents[1] / "tools"))

# No test is timed: a machine under load takes longer for an example than any deadline allows.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
# `make check` tries few examples; `make test` the usual number.
settings.register_profile("quick", max_examples=10, deadline=None)

MANY = 47
"""How many runs `many` has: a prime, so that no page size divides it."""


def pytest_collection_modifyitems(items: Sequence[pytest.Item]) -> None:
    """Mark tests that start a server or a process, so that `make check` can leave them out."""
    for item in items:
        if isinstance(item, pytest.Function):
            places = (vars(item.module), globals())
            used = [place.get(name) for name in item.fixturenames for place in places]
            if hasattr(item, "callspec"):
                used += item.callspec.params.values()
            if is_slow(item.obj, used, ROOTS):
                item.add_marker("server")


@pytest.fixture(scope="session")
def wandb_server() -> Iterator[LocalServer]:
    """A server whose clock is an hour late, so that nothing in it has happened just now.

    A listing in an order that may change sends more where runs have just logged.
    """
    with LocalServer(clock=lambda: time.time() - 3600) as server:
        yield server


@pytest.fixture(scope="session")
def sample_server() -> Iterator[LocalServer]:
    """The local server with the sample project."""
    with LocalServer(sample=True) as server:
        yield server


@pytest.fixture(scope="session")
def sample_api(sample_server: LocalServer) -> Iterator[Api]:
    """An `Api` of the sample server."""
    with Api(base_url=sample_server.url, api_key="k" * 40) as api:
        yield api


@pytest.fixture(scope="session")
def api(wandb_server: LocalServer) -> Iterator[Api]:
    """An `Api` of a server that holds what tests log."""
    with Api(base_url=wandb_server.url, api_key="k" * 40) as api:
        yield api


@pytest.fixture(scope="session")
def many(wandb_server: LocalServer) -> str:
    """The path of a project with runs that differ in whatever a filter or an order may name."""
    for number in range(MANY):
        log_run(
            wandb_server,
            "team",
            "many",
            f"run{number:02}",
            name=f"fox-{number % 7}",
            config={
                "lr": 10.0 ** -(number % 4),
                "optimizer": ("adam", "sgd")[number % 2],
                "model": {"depth": number % 3},
                "eval/metric": number % 5,
            },
            summary={"loss": (number * 37 % MANY) / 10, "eval/loss": number % 6}
            if number % 9
            else {},
            history=[{"loss": 1 / (step + 1), "n": number} for step in range(number % 4)],
            tags=[tag for tag, every in (("best", 5), ("seed", 2)) if number % every == 0],
            group=f"group-{number % 3}",
            exit_code=0 if number % 8 else 1,
        )
    return "team/many"
