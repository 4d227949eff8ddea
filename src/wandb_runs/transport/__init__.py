"""The only folder that does I/O, and the only one that knows the HTTP library."""

from wandb_runs.transport.client import RetryingClient
from wandb_runs.transport.message import Request, Response, Transport

__all__ = ["Request", "Response", "RetryingClient", "Transport"]
