"""Projects that pages are tested with."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from wandb_runs.local.ingest import upsert_run
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.testing import LocalServer

__all__ = ["HOSTILE", "MANY", "log_hostile", "write_many"]

MANY = 2_000

HOSTILE = [
    "<script>window.ran = 1; alert(1)</script>",
    '"><img src=x onerror="window.ran = 1; alert(1)">',
    "'><svg onload=window.ran=1>",
    "javascript:window.ran=1",
    "&lt;b&gt;&amp;&quot;&#x3C;script&#x3E;",
    "__proto__",
    "constructor",
    "${window.ran = 1}{{window.ran = 1}}",
    "\u202egnp.exe\u202c\u2066x\u2069",
    "a\x1b[31m\x07\x08\r\nb\u2028c",
    "https://elsewhere.example/x.png",
    "x" * 20_000,
]
"""Texts that try to be markup, scripts, links, properties of all objects, or other texts."""


def write_many(server: LocalServer, project: str = "many") -> None:
    """Write runs as the mutations of the server do, without a request for each."""
    with server.store.write() as writer:
        for number in range(MANY):
            config: dict[str, JSONValue] = {"lr": number / MANY, "seed": number % 7}
            upsert_run(
                writer,
                "me",
                project,
                f"r{number:04}",
                {"username": "me", "state": "finished", "display_name": f"fox-{number:04}"},
                tags=["even" if number % 2 == 0 else "odd"],
                config=json.dumps({key: {"value": value} for key, value in config.items()}),
                summary_metrics=json.dumps({"loss": (number * 37 % MANY) / 10}),
            )


def log_hostile(server: LocalServer) -> None:
    """Log runs that have hostile texts wherever a program may put one."""
    for number, text in enumerate(HOSTILE):
        # Names of projects and ids of runs are parts of paths: they have no slash.
        name = text.replace("/", "|").replace("\r\n", " ")[:100]
        config: dict[str, JSONValue] = {text: text, "nested": {text: [text]}}
        log_run(
            server,
            "me",
            "<img src=x onerror=alert(1)>",
            f"{number}{name}",
            name=text,
            notes=f"{text} [link]({text}) {text}",
            group=text[:200],
            job_type=text[:200],
            host=text[:200],
            tags=[text[:60]],
            config=config,
            history=[{text: step, "loss": text if step == 1 else step} for step in range(3)],
            summary={text: text, "html": {"_type": "html-file", "path": text}},
        )
