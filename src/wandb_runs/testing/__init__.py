"""For tests of code that reads runs: a local server, a way to log to it, and a fake clock.

The pytest plugin brings the fixture `wandb_server`; it needs `pip install 'wandb-runs[testing]'`.

>>> from wandb_runs.testing import LocalServer, log_run
>>> with LocalServer() as server:
...     log_run(server, "me", "digits", "r1", history=[{"loss": 0.5}], config={"lr": 0.1})
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from wandb_runs.local import LocalServer
    from wandb_runs.testing.clock import FakeClock
    from wandb_runs.testing.faults import (
        Answer,
        BadGzip,
        BareErrors,
        Churn,
        Drip,
        Empty,
        Fault,
        GraphQLRequest,
        Html,
        IgnoreRange,
        NullData,
        NullFields,
        PartialData,
        RateLimited,
        Redirect,
        Reset,
        Slow,
        Status,
        Truncate,
        WithHeaders,
    )
    from wandb_runs.testing.logging import delete_run, log_run
    from wandb_runs.testing.paging import (
        CycleCursors,
        EmptyPages,
        NoCursor,
        NullEdges,
        OpaqueCursors,
        PageFault,
        RepeatCursor,
        ShortPages,
    )

_MODULES: Final = ("local", "testing.logging", "testing.faults", "testing.paging", "testing.clock")

__all__ = [
    "Answer",
    "BadGzip",
    "BareErrors",
    "Churn",
    "CycleCursors",
    "Drip",
    "Empty",
    "EmptyPages",
    "FakeClock",
    "Fault",
    "GraphQLRequest",
    "Html",
    "IgnoreRange",
    "LocalServer",
    "NoCursor",
    "NullData",
    "NullEdges",
    "NullFields",
    "OpaqueCursors",
    "PageFault",
    "PartialData",
    "RateLimited",
    "Redirect",
    "RepeatCursor",
    "Reset",
    "ShortPages",
    "Slow",
    "Status",
    "Truncate",
    "WithHeaders",
    "delete_run",
    "log_run",
]


def __getattr__(name: str) -> object:
    # Every pytest run imports this package, by its plugin: what is unused must not be imported.
    if name in __all__:
        for name_of_module in _MODULES:
            module = import_module(f"wandb_runs.{name_of_module}")
            if name in module.__all__:
                value: object = getattr(module, name)
                return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
