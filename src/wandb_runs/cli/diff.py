"""`wandb-runs diff`: the configs and summaries of two runs, side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final, NamedTuple

import click

from wandb_runs.cli.document import flat, own_keys
from wandb_runs.cli.formats import Records, as_float, exact, json_document, json_line
from wandb_runs.cli.output import choose_output, printing
from wandb_runs.cli.session import connect, reporting
from wandb_runs.cli.shared import Failed, fail_on_empty, tell
from wandb_runs.cli.status import Status

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.cli.output import Output
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.runs.run import Run

__all__ = ["diff"]

_MARK: Final = "*"
"""Stands before a key whose values differ."""


class _Difference(NamedTuple):
    key: str
    values: dict[str, JSONValue]
    """The values of the runs that have the key, by `a` and `b`."""

    @property
    def is_changed(self) -> bool:
        return len(self.values) == 1 or not _equal(*map(as_float, self.values.values()))


@click.command()
@click.argument("a", metavar="RUN")
@click.argument("b", metavar="RUN")
@click.option("--changed", is_flag=True, help="Leave out the keys whose values are equal.")
@printing
@fail_on_empty
@reporting
def diff(
    a: str,
    b: str,
    format: str | None,  # noqa: A002 - the option's name
    output: Path,
    *,
    changed: bool,
    fail_on_empty: bool,
    quiet: bool,
    verbose: bool,
) -> None:
    """Print the configs and summaries of two runs side by side, keys that differ first.

    RUN is entity/project/run_id, or the URL of its page. What is nested has keys with dots. 1 and
    1.0 are equal, true and 1 are not; a key that one run lacks differs. The status is 0 whether
    anything differs or not; with --changed --fail-on-empty it is 6 where nothing does.

    The server and the key come from WANDB_BASE_URL and WANDB_API_KEY, or a netrc file.
    """
    target = choose_output(output, format)
    with connect(verbose=verbose) as session:
        runs = session.api.run(a), session.api.run(b)
        found = _compare(*runs)
        count = sum(each.is_changed for each in found)
        printed = found[:count] if changed else found
        _print(runs, printed, target)
        if not quiet:
            keys = "1 key differs" if count == 1 else f"{count:,} keys differ"
            tell(f"{keys}, {len(found) - count:,} are equal.")
    if fail_on_empty and not printed:
        raise Failed("nothing differs" if found else "neither run has a key", Status.EMPTY)
    session.told.end()


def _compare(a: Run, b: Run) -> list[_Difference]:
    """The keys of two runs, those that differ first; of the config first, W&B's own last."""
    documents: dict[str, dict[str, JSONValue]] = {}
    for side, run in (("a", a), ("b", b)):
        parts = {"config": run.config, "summary": own_keys(run.summary)}
        documents[side] = {
            f"{part}.{key}": value
            for part, document in parts.items()
            for key, value in flat(document).items()
        }
    found = [
        _Difference(key, {side: each[key] for side, each in documents.items() if key in each})
        for key in dict.fromkeys(key for each in documents.values() for key in each)
    ]
    return sorted(found, key=_place)


def _place(each: _Difference) -> tuple[bool, bool, bool]:
    part, _, key = each.key.partition(".")
    return not each.is_changed, part != "config", key.startswith("_")


def _equal(a: JSONValue, b: JSONValue) -> bool:
    """Whether two values are the same to JSON; NaN is itself."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    if isinstance(a, float) and isinstance(b, float) and math.isnan(a) and math.isnan(b):
        return True
    return a == b


def _print(runs: tuple[Run, Run], found: list[_Difference], output: Output) -> None:
    if output.format in {"json", "jsonl"}:
        objects: list[JSONValue] = [
            {"key": each.key, "changed": each.is_changed, **each.values} for each in found
        ]
        if output.format == "json":
            output.write(json_document(objects, output.encoding))
        else:
            output.write("".join(json_line(each, output.encoding) for each in objects))
        return
    if output.format == "csv":
        rows = [(x.key, x.is_changed, x.values.get("a"), x.values.get("b")) for x in found]
        output.write_records(Records(("key", "changed", "a", "b"), rows))
        return
    headers = ["", "Key", *("/".join(_name(run, runs)) for run in runs)]
    lines = [
        (
            _MARK if each.is_changed else "",
            each.key,
            *(exact(each.values[side]) if side in each.values else "" for side in ("a", "b")),
        )
        for each in found
    ]
    if output.format == "markdown":
        output.write_records(Records(headers, lines))
        return
    from wandb_runs.cli.sections import print_folded  # noqa: PLC0415 - rich is optional

    print_folded(headers, lines, output)


def _name(run: Run, runs: tuple[Run, Run]) -> list[str]:
    """The name of a run where that tells the two apart, else their ids, or their paths."""
    names = [each.name for each in runs]
    if None not in names and names[0] != names[1]:
        return [run.name or ""]
    return [run.id] if runs[0].id != runs[1].id else run.path
