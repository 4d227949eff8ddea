"""Test code that reads runs, without a network and without an account."""

from wandb_runs import Api
from wandb_runs.testing import LocalServer, log_run


def name_of_best(api: Api, path: str) -> str | None:
    """The code under test."""
    return api.runs(path, order="-summary.accuracy")[0].name


def test_the_run_of_highest_accuracy_is_the_best(
    wandb_server: LocalServer,
) -> None:
    for name, accuracy in (("first", 0.7), ("second", 0.9)):
        summary = {"accuracy": accuracy}
        log_run(wandb_server, "me", "digits", name, name=name, summary=summary)
    with Api(base_url=wandb_server.url, api_key="any") as api:
        assert name_of_best(api, "me/digits") == "second"
