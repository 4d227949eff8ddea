"""The figures of a soak test as a table, on a terminal or in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from collections import Counter

    from soaking.findings import Findings
    from soaking.server import Counts

__all__ = ["Usage", "as_markdown", "is_success", "list_figures", "print_figures"]

MEGABYTE: Final = 10**6


class Usage(NamedTuple):
    """Resources that the reading process used; None where the system does not report them.

    Attributes:
        seconds: Duration of the test.
        memory: Bytes of memory at the start, after a tenth of the time, and at the end.
        sockets: Open sockets before the first request, after the last one, and after closing.
        most_sockets: The largest number of open sockets that was seen.
        sockets_wanted: The most that may be open after the last request, in the connection pool.
    """

    seconds: float
    memory: tuple[int | None, int | None, int | None]
    sockets: tuple[int | None, int | None, int | None]
    most_sockets: int | None
    sockets_wanted: int

    @property
    def leaks(self) -> bool:
        """Whether sockets stayed open."""
        before, idle, after = self.sockets
        return (idle or 0) - (before or 0) > self.sockets_wanted or (after or 0) > (before or 0)


def is_success(findings: Findings, usage: Usage) -> bool:
    """Whether no check failed and no socket leaked."""
    return not findings.problems and not usage.leaks


def list_figures(findings: Findings, counts: Counts, usage: Usage) -> list[tuple[str, str]]:
    """The rows of the table: a label and a figure each."""
    found, problems = findings.counts, findings.problems
    start, early, end = (_megabytes(size) for size in usage.memory)
    before, idle, after = ("?" if number is None else number for number in usage.sockets)
    others = {kind: number for kind, number in problems.items() if kind not in {"lost", "repeated"}}
    return [
        ("seconds", f"{usage.seconds:,.0f}"),
        ("passes", _parts(findings.passes)),
        ("runs read", f"{found['runs']:,}"),
        ("rows read", f"{found['rows']:,}"),
        ("changes of runs meanwhile", f"{found['changes']:,}"),
        ("requests", f"{counts['requests']:,}"),
        ("faults applied", _parts(counts["faults"])),
        ("retries", f"{found['retries']:,}"),
        ("errors recovered from", _parts(findings.errors)),
        ("interrupts", _parts(findings.interrupts)),
        ("resumed from a checkpoint", f"{found['resumed']:,}"),
        ("warnings", _parts(findings.warnings)),
        ("lost", str(problems["lost"])),
        ("repeated", str(problems["repeated"])),
        ("other problems", _parts(others)),
        ("memory at the start, after a tenth, at the end", f"{start}, {early}, {end} MB"),
        (
            "open sockets before, at most, idle, closed",
            f"{before}, {'?' if usage.most_sockets is None else usage.most_sockets}, "
            f"{idle}, {after}",
        ),
    ]


def print_figures(figures: list[tuple[str, str]], findings: Findings, usage: Usage) -> None:
    """Print the table, and below it the problems."""
    console = Console(highlight=False)
    table = Table(show_header=False)
    for what, figure in figures:
        table.add_row(what, escape(figure))
    console.print(table)
    for detail in findings.details:
        console.print(escape(detail), style="red", soft_wrap=True)
    if usage.leaks:
        console.print("sockets stayed open", style="red")


def as_markdown(figures: list[tuple[str, str]]) -> str:
    """Format the table in Markdown."""
    lines = [
        "| what | figure |",
        "|---|---|",
        *(f"| {what} | {figure} |" for what, figure in figures),
    ]
    return "\n".join(lines) + "\n"


def _parts(counter: Counter[str] | dict[str, int]) -> str:
    """The sum of several counts and its parts, largest first."""
    if not counter:
        return "0"
    parts = sorted(counter.items(), key=lambda part: (-part[1], part[0]))
    text = ", ".join(f"{name} {number:,}" for name, number in parts)
    return f"{sum(counter.values()):,} ({text})"


def _megabytes(size: int | None) -> str:
    return "?" if size is None else f"{size / MEGABYTE:.0f}"
