"""What `doctor` has found out about a server and a project, from one check to the next."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from typing_extensions import TypedDict

from wandb_runs.diagnosis.meter import Meter
from wandb_runs.errors.text import FieldsRepr

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wandb_runs.diagnosis.report import CheckStatus
    from wandb_runs.graphql.flow import Flow

__all__ = [
    "WHOLE",
    "Findings",
    "ListedRun",
    "MetricPair",
    "Needs",
    "Outcome",
    "Step",
    "found",
    "unknown",
]

WHOLE: Final = 500
"""Rows that a spec may give: those of a run with fewer come whole."""

Needs: TypeAlias = Literal["nothing", "named", "project", "run"]
"""What a check cannot do without; `named` is a project that may be missing on the server."""


class Outcome(NamedTuple):
    """What came of a check.

    Attributes:
        status: As in `Check`.
        detail: As in `Check`.
    """

    status: CheckStatus
    detail: str


def found(detail: str) -> Outcome:
    """The outcome of what works, or of a fact that is settled."""
    return Outcome("ok", detail)


def unknown(detail: str) -> Outcome:
    """The outcome of what the project, or the server, cannot tell."""
    return Outcome("unknown", detail)


class Step(NamedTuple):
    """A check.

    Attributes:
        name: The name of the check.
        check: Makes it; it sends one request at most.
        needs: What it cannot do without.
        is_vital: Whether calls of this package fail where its request does.
    """

    name: str
    check: Callable[[Findings], Flow[Outcome]]
    needs: Needs = "project"
    is_vital: bool = True


class Location(TypedDict):
    """The variables that name a project."""

    entity: str
    project: str


class ListedRun(NamedTuple):
    """What listings say of a run; None for what they do not say.

    Attributes:
        id: Its id.
        lines: How many rows its history has.
        created_key: When it was created, as a text that sorts.
        values: What it holds, by the paths of orders: a number, or None for another value.
        sweep: The id of its sweep.
    """

    id: str
    lines: int | None = None
    created_key: str | None = None
    values: Mapping[str, float | None] | None = None
    sweep: str | None = None


class MetricPair(NamedTuple):
    """How many rows of a run hold two metrics.

    Attributes:
        most: How many rows hold the metric that has more of them.
        rows: For each row of the spec of both, whether it holds both.
        is_whole: Whether no row was left out by sampling.
    """

    most: int
    rows: Sequence[bool]
    is_whole: bool


@dataclass(slots=True, repr=False)
class Findings(FieldsRepr):
    """What is known by now.

    Attributes:
        entity: The entity; None until the viewer's is known.
        project: The project; None without one.
        names: Whether names of entity and project may be reported.
        key_source: Where the key comes from; None without one.
        key_problem: Why none could be looked up.
        why_unsent: What may keep a key from being sent to this server.
        is_unsent: Whether it did.
        meter: Sends the request of the present check.
        answered: What sent that for the viewer; None without an answer.
        has_viewer: Whether the server knows a user for the key; None if it has not said so.
        is_refused: Whether it has refused the key.
        blocked: Why no later request can do better; None as long as one may.
        is_listed: Whether the first listing was answered.
        is_missing: Whether there is no such project.
        cursors: The cursors of its first runs.
        goes_on: Whether a page after the first cursor begins with the second run.
        runs: Runs that were listed.
        metrics: Metrics of the run that histories are read of, with the number of their rows.
        config_key: A key of some config.
        summary_key: A key of some summary.
        pair: What two metrics in one spec give.
        single_rows: How many rows a spec of one run has given.
        nested_rows: How many rows it gives below a page of runs, none where the server refuses
            that; None if it is not known.
        has_files: Whether the field for Parquet files has an answer; None if it is not known.
        files: How many of them there are.
    """

    entity: str | None
    project: str | None
    names: bool
    key_source: str | None = None
    key_problem: str | None = None
    why_unsent: str | None = None
    is_unsent: bool = False
    meter: Meter = field(default_factory=Meter)
    answered: Meter | None = None
    has_viewer: bool | None = None
    is_refused: bool = False
    blocked: str | None = None
    is_listed: bool = False
    is_missing: bool = False
    cursors: list[str | None] = field(default_factory=list[str | None])
    goes_on: bool | None = None
    runs: list[ListedRun] = field(default_factory=list[ListedRun])
    metrics: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    config_key: str = "lr"
    summary_key: str = "loss"
    pair: MetricPair | None = None
    single_rows: int | None = None
    nested_rows: int | None = None
    has_files: bool | None = None
    files: int = 0

    @property
    def place(self) -> Location:
        """The variables that name the project."""
        return {"entity": self.entity or "", "project": self.project or ""}

    def begin(self) -> None:
        """Begin to measure the next check."""
        self.meter = Meter()

    def missing(self, needs: Needs) -> str | None:
        """Why a check is skipped; None if it can be made."""
        if needs == "nothing":
            return None
        reasons = {
            "no project: name one, as in `wandb-runs doctor entity/project`": self.project is None,
            self.blocked: self.blocked is not None,
            "no entity: name one, as in `wandb-runs doctor entity/project`": self.entity is None,
            "the project is missing, or the key may not see it": self.is_missing
            and needs != "named",
            "no run could be listed": needs == "run" and not self.runs,
        }
        return next((reason for reason, holds in reasons.items() if holds), None)

    @property
    def run(self) -> ListedRun:
        """The run that histories are read of: the longest of those that come whole."""
        with_rows = [run for run in self.runs if run.lines]
        short = [run for run in with_rows if (run.lines or 0) < WHOLE]
        if short:
            return max(short, key=lambda run: run.lines or 0)
        return min(with_rows or self.runs[:1], key=lambda run: run.lines or 0)

    def note(self, run: ListedRun) -> None:
        """Add what a listing says of a run to what others have said."""
        for place, old in enumerate(self.runs):
            if old.id == run.id:
                self.runs[place] = ListedRun(
                    run.id,
                    old.lines if run.lines is None else run.lines,
                    old.created_key if run.created_key is None else run.created_key,
                    old.values if run.values is None else run.values,
                    old.sweep if run.sweep is None else run.sweep,
                )
                return
        self.runs.append(run)
