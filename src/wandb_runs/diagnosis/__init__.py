"""`doctor`: checks of a server, of the settings and of each query, for a report to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.diagnosis.examination import examine, parse_project
from wandb_runs.diagnosis.report import Check, DoctorReport

if TYPE_CHECKING:
    from wandb_runs.runs.api_base import ApiBase
    from wandb_runs.transport import AsyncRetryingClient, RetryingClient

__all__ = ["Check", "DoctorReport", "doctor", "doctor_async"]

_SECONDS: Final = 15.0

_MAX_RETRIES: Final = 1


def doctor(
    api: ApiBase[RetryingClient],
    path: str | None = None,
    *,
    show_names: bool = False,
    timeout: float = _SECONDS,
) -> DoctorReport:
    """Check the server, the settings and each query of this package, on one project.

    About thirty requests, one after another, each for a few runs or rows; the largest, which
    finds out how many runs a page may have, is for the ids of 1001. Nothing is changed. What
    fails is reported and not raised, and the checks go on. The report may be pasted anywhere: it
    has no secret, and nothing of what runs hold.

    Args:
        api: The `Api` to check.
        path: `"entity/project"`; by default that of the settings. Without one, the checks of a
            project are skipped.
        show_names: Whether the report may name the entity and the project.
        timeout: The deadline of each check in seconds, a retry included.

    Raises:
        InvalidArgumentError: `path` names no project, or `timeout` cannot be right; nothing was
            sent.

    >>> from wandb_runs import doctor
    >>> report = doctor(api, "sample/digits")
    >>> report.ok
    True
    >>> {check.name: check.detail for check in report.checks}["filters by createdAt"]
    'yes'
    """
    bounded = api.with_options(timeout=timeout, max_retries=_MAX_RETRIES).client
    parts = parse_project(bounded, path)
    return bounded.run(examine(bounded, parts, show_names=show_names))


async def doctor_async(
    api: ApiBase[AsyncRetryingClient],
    path: str | None = None,
    *,
    show_names: bool = False,
    timeout: float = _SECONDS,  # noqa: ASYNC109 - the deadline of each check, not of all
) -> DoctorReport:
    """Check the server, the settings and each query of this package, as `doctor` does.

    Args:
        api: The `AsyncApi` to check.
        path: `"entity/project"`; by default that of the settings. Without one, the checks of a
            project are skipped.
        show_names: Whether the report may name the entity and the project.
        timeout: The deadline of each check in seconds, a retry included.

    Raises:
        InvalidArgumentError: `path` names no project, or `timeout` cannot be right; nothing was
            sent.
    """
    bounded = api.with_options(timeout=timeout, max_retries=_MAX_RETRIES).client
    parts = parse_project(bounded, path)
    return await bounded.run(examine(bounded, parts, show_names=show_names))
