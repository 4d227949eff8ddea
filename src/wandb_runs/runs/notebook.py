"""What a notebook shows of runs and sweeps at the end of a cell; nothing here sends a request."""

from __future__ import annotations

from functools import partial
from math import isfinite
from typing import TYPE_CHECKING, Final, TypeVar, cast

from wandb_runs.errors import WandbRunsError
from wandb_runs.frames.text import json_text
from wandb_runs.graphql.documents import INTERNAL_KEYS
from wandb_runs.graphql.nested import pick
from wandb_runs.query.location import page_url
from wandb_runs.runs.markup import (
    details,
    html_lines,
    html_link,
    html_state,
    html_table,
    html_text,
    html_unbroken,
    notebook_html,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.runs.run_base import AnyRun
    from wandb_runs.runs.run_query import RunQuery
    from wandb_runs.runs.sweep_base import AnySweep

__all__ = ["run_html", "runs_html", "sweep_html"]

T = TypeVar("T")

_RUNS: Final = 20
"""The most runs in a table."""

_KEYS: Final = 50
"""The most keys of a config or a summary."""

_COLUMNS: Final = 8
"""The most keys of runs in a table."""


def runs_html(
    query: RunQuery, runs: Sequence[AnyRun], total: int | None, app_url: Callable[[], str]
) -> str:
    """A listing: what is asked for, and the runs read so far.

    Args:
        query: What is asked for.
        runs: The runs read so far.
        total: How many runs there are, where that is known.
        app_url: Reads where the pages of the server are.
    """
    entity = query.entity or "(default entity)"
    where = f"{entity}/{query.project}"
    url = None if query.entity is None else _read(app_url)
    heading = (
        html_text(where)
        if url is None or query.entity is None
        else html_link(page_url(url, query.entity, query.project), where)
    )
    asked = [["order", html_text(query.order)]]
    if query.filters != "{}":
        asked.insert(0, ["filters", html_text(query.filters)])
    if query.limit is not None:
        asked.append(["limit", f"{query.limit:,}"])
    parts = [f"<div><b>Runs</b> {heading}</div>", html_table(asked)]
    known = "" if total is None else f" of {total:,}"
    if not runs:
        none = "No run has been read yet" if total is None or total > 0 else "There is no run"
        parts.append(f"<div>{none}{known if total else ''}.</div>")
        return notebook_html(*parts)
    columns = [
        *((part, key) for part in ("config", "summary") for key in getattr(query.keys, part) or ())
    ][:_COLUMNS]
    header = ["name", "id", "state", "created (UTC)", *(f"{part}.{key}" for part, key in columns)]
    rows = [_row(run, columns) for run in runs[:_RUNS]]
    parts.append(html_table(rows, header))
    shown = f"; the first {_RUNS} are shown" if len(runs) > _RUNS else ""
    so_far = "All read" if len(runs) == total else "Read so far"
    parts.append(f"<div>{so_far}: {len(runs):,}{known} runs{shown}.</div>")
    return notebook_html(*parts)


def run_html(
    run: AnyRun, config: Callable[[], JSONObject], summary: Callable[[], JSONObject]
) -> str:
    """A run: its attributes, and its config and summary, which a click unfolds.

    Args:
        run: The run.
        config: Reads its config.
        summary: Reads its summary.
    """
    rows = [
        ["path", html_text("/".join(run.path))],
        ["state", _state(run)],
        ["created (UTC)", _moment(lambda: run.created_at)],
    ]
    user = _read(lambda: run.user)
    others = {
        "user": None if user is None else user.username,
        "group": _read(lambda: run.group),
        "job type": _read(lambda: run.job_type),
        "sweep": _read(lambda: run.sweep_name),
        "tags": ", ".join(_read(lambda: run.tags) or ()),
        "notes": _read(lambda: run.notes),
    }
    rows += [[name, html_text(value)] for name, value in others.items() if value]
    return notebook_html(
        f"<div><b>Run</b> {_link(run)}</div>",
        html_table(rows),
        _document("config", config),
        _document("summary", summary),
    )


def sweep_html(sweep: AnySweep, name: str | None) -> str:
    """A sweep: what it is, how far it is, and its definition, which a click unfolds.

    Args:
        sweep: The sweep.
        name: The name that was given to it, where there is one.
    """
    url, title = _read(lambda: sweep.url), name or sweep.id
    of = "" if sweep.expected_run_count is None else f" of {sweep.expected_run_count:,}"
    rows = [
        ["path", html_text("/".join(sweep.path))],
        ["state", html_state(sweep.state or "")],
        ["method", html_text(sweep.method or "")],
        ["runs", f"{sweep.run_count or 0:,}{of}"],
        ["created (UTC)", _moment(lambda: sweep.created_at)],
    ]
    if sweep.best_loss is not None:
        rows.insert(4, ["best loss", f"{sweep.best_loss:.6g}"])
    return notebook_html(
        f"<div><b>Sweep</b> {html_text(title) if url is None else html_link(url, title)}</div>",
        html_table(rows),
        details("definition", html_lines(sweep.config_yaml)) if sweep.config_yaml else "",
    )


def _row(run: AnyRun, columns: Sequence[tuple[str, str]]) -> list[str]:
    values = [_read(partial(_pick, run, part, key)) for part, key in columns]
    state, created = _state(run), _moment(lambda: run.created_at)
    return [_link(run), html_text(run.id), state, created, *map(_value, values)]


def _document(name: str, read: Callable[[], JSONObject]) -> str:
    document = _read(read)
    if document is None:
        return f"<div>{name}: not readable</div>"
    own = {key: value for key, value in document.items() if key not in INTERNAL_KEYS}
    rows = [[html_text(key), _value(own[key])] for key in [*own][:_KEYS]]
    if len(own) > _KEYS:
        rows.append(["…", f"and {len(own) - _KEYS:,} more"])
    keys = "1 key" if len(own) == 1 else f"{len(own):,} keys"
    return details(f"{name}: {keys}", html_table(rows))


def _pick(run: AnyRun, part: str, key: str) -> JSONValue:
    document = run.config if part == "config" else run.summary
    # A model shows what it holds under names of its own.
    return pick(cast("JSONObject", document), key) if isinstance(document, dict) else None


def _link(run: AnyRun) -> str:
    url, name = _read(lambda: run.url), _read(lambda: run.name) or run.id
    return html_text(name) if url is None else html_link(url, name)


def _state(run: AnyRun) -> str:
    return html_state(_read(lambda: run.state) or "")


def _moment(read: Callable[[], datetime | None]) -> str:
    moment = _read(read)
    return "" if moment is None else html_unbroken(f"{moment:%Y-%m-%d %H:%M}")


def _value(value: JSONValue) -> str:
    if value is None:
        return ""
    if isinstance(value, float) and isfinite(value):
        return f"{value:.6g}"
    return html_text(value if isinstance(value, str) else json_text(value))


def _read(read: Callable[[], T]) -> T | None:
    """A value, None where it cannot be read: what is shown at the end of a cell never fails."""
    try:
        return read()
    except WandbRunsError:
        return None
