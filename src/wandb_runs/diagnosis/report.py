"""What `doctor` reports: checks, each with what came of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Literal, TypeAlias

from typing_extensions import override

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr

__all__ = ["Check", "CheckStatus", "DoctorReport"]

CheckStatus: TypeAlias = Literal["ok", "failed", "unknown", "skipped"]
"""What came of a check."""


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Check(FieldsRepr):
    """One check of `doctor`.

    Immutable, and therefore safe to share.

    Attributes:
        name: What was checked: a setting, `query <name>` for a query of this package, or a fact
            about the server.
        status: `ok` where it works or a fact is settled, in either way; `failed` where calls of
            this package will fail, too; `unknown` where the project, or the server, cannot tell;
            `skipped` where something that it needs is missing.
        detail: What was found, in words; for a fact it begins with `yes` or `no` where it has one
            of these answers.
        seconds: How long its request took, retries included, to the millisecond; 0 for a check
            that sends none.
        bytes: Length of the answer's body, decompressed; 0 where no answer could be used.
    """

    name: str
    status: CheckStatus
    detail: str
    seconds: float = 0.0
    bytes: int = 0


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class DoctorReport(FieldsRepr):
    """What `doctor` found; its text has a line for each check.

    Immutable, and therefore safe to share. It holds no part of a key or of a header's value, no
    name of a run and nothing that a run holds; names of entity and project only where they were
    asked for.

    Attributes:
        checks: The checks, in the order in which they were made.

    >>> print(DoctorReport((Check("proxy", "ok", "none"), Check("a", "skipped", "no project"))))
    ok       proxy                       none
    skipped  a                           no project
    """

    checks: tuple[Check, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed; what is unknown or was skipped has not failed."""
        return all(check.status != "failed" for check in self.checks)

    @property
    def rows(self) -> tuple[Check, ...]:
        """The checks as they are shown: those skipped in a row for one reason are one."""
        grouped = groupby(self.checks, lambda check: (check.status, check.detail))
        return tuple(row for (status, _), group in grouped for row in _merged(status, [*group]))

    @override
    def __str__(self) -> str:
        return "\n".join(map(_line, self.rows))


def _merged(status: CheckStatus, checks: list[Check]) -> list[Check]:
    if status != "skipped" or len(checks) == 1:
        return checks
    return [replace(checks[0], name=f"{len(checks)} checks")]


def _line(check: Check) -> str:
    cost = f" ({check.seconds:.2f} s, {check.bytes:,} bytes)" if check.seconds else ""
    return f"{check.status:8} {check.name:27} {check.detail}{cost}"
