"""For tests of code that reads runs: a server of one's own, and a way to log to it.

The pytest plugin brings the fixture `wandb_server`; it needs `pip install 'wandb-runs[testing]'`.

>>> from wandb_runs.testing import LocalServer, log_run
>>> with LocalServer() as server:
...     log_run(server, "me", "digits", "r1", history=[{"loss": 0.5}], config={"lr": 0.1})
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from wandb_runs.local import LocalServer
    from wandb_runs.testing.logging import log_run

__all__ = ["LocalServer", "log_run"]


def __getattr__(name: str) -> object:
    # Every pytest run imports this package, by its plugin: what is not used must cost nothing.
    match name:
        case "LocalServer":
            from wandb_runs import local  # noqa: PLC0415 - as said above

            return local.LocalServer
        case "log_run":
            from wandb_runs.testing.logging import log_run  # noqa: PLC0415 - as said above

            return log_run
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
