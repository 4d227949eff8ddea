"""The awaiting half, `AsyncApi` and what it makes; imported on first use."""

from wandb_runs.aio.api import AsyncApi
from wandb_runs.aio.iterators import AsyncRunIterator, AsyncRunPages
from wandb_runs.aio.nodes import AsyncNodeIterator, AsyncNodes
from wandb_runs.aio.project import AsyncProject, AsyncProjects, AsyncProjectSweeps
from wandb_runs.aio.run import AsyncRun
from wandb_runs.aio.run_file import AsyncRunFile, AsyncRunFiles
from wandb_runs.aio.runs import AsyncRuns
from wandb_runs.aio.sweep import AsyncSweep
from wandb_runs.transport.aio_http import AsyncHttpTransport

__all__ = [
    "AsyncApi",
    "AsyncHttpTransport",
    "AsyncNodeIterator",
    "AsyncNodes",
    "AsyncProject",
    "AsyncProjectSweeps",
    "AsyncProjects",
    "AsyncRun",
    "AsyncRunFile",
    "AsyncRunFiles",
    "AsyncRunIterator",
    "AsyncRunPages",
    "AsyncRuns",
    "AsyncSweep",
]
