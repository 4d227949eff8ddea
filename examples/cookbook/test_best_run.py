"""Test code that reads runs, without a network and without an account."""

from wandb_runs import Api
from wandb_runs.testing import LocalServer, log_run


def name_of_best(api: Api, path: str) -> str | None:
    """The code under test."""
    return api.runs(path, order="-summary.accuracy")[0].name


def test_the_run_of_highest_accuracy_is_the_best(wandb_server: LocalServer) -> None:
    log_run(wandb_server, "me", "digits", "r1", name="first", summary={"accuracy": 0.7})
    log_run(wandb_server, "me", "digits", "r2", name="second", summary={"accuracy": 0.9})
    with Api(base_url=wandb_server.url, api_key="any") as api:
        assert name_of_best(api, "me/digits") == "second"
