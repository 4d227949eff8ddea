"""The checks of `doctor`, in order, as one flow for both of its drivers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.diagnosis.facts import FACTS
from wandb_runs.diagnosis.findings import Findings, Outcome, Step, found
from wandb_runs.diagnosis.managing import MANAGING_QUERIES
from wandb_runs.diagnosis.queries import FIRST_QUERY, PROJECT_QUERIES, VIEWER_QUERY
from wandb_runs.diagnosis.report import Check, DoctorReport
from wandb_runs.diagnosis.setup import IDENTITY, check_setup
from wandb_runs.diagnosis.wording import describe_failure
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.text import as_message
from wandb_runs.query.location import APP_URL, PathParts, parse_path

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase
    from wandb_runs.transport.settings import Settings

__all__ = ["examine", "parse_project"]


def parse_project(client: Client[SessionBase], path: str | None) -> PathParts:
    """The parts of a path; nothing for None.

    Raises:
        InvalidArgumentError: It is none of a project; nothing was sent.
    """
    if path is None:
        return PathParts(None, None)
    # The pages of a path need no settings, which may be what is wrong.
    return parse_path(path, app_url=client.settings.app_url if "://" in str(path) else APP_URL)


def examine(
    client: Client[SessionBase], parts: PathParts, *, show_names: bool
) -> Flow[DoctorReport]:
    """Make all checks, one request at a time.

    Args:
        client: The client, with the deadline of a check.
        parts: The project; what they leave out is that of the settings.
        show_names: Whether names of entity and project may be reported.
    """
    findings = _begin(client, parts, names=show_names)
    checks = check_setup(client, findings)
    for step in _STEPS:
        checks.append((yield from _make(step, findings)))
    checks.append(Check("schema", *_lacking(client, findings)))
    return DoctorReport(tuple(checks))


def _begin(client: Client[SessionBase], parts: PathParts, *, names: bool) -> Findings:
    findings = Findings(parts.entity, parts.project, names)
    settings = client.settings
    try:
        findings.entity = findings.entity or settings.entity
        findings.project = findings.project or settings.project
        findings.why_unsent = _why_unsent(settings)
        why = "the netrc file cannot be read"
    except InvalidArgumentError:  # the checks of the settings say so
        why = "it was not looked up, since the settings cannot be used"
    try:
        findings.key_source = None if client.api_key is None else client.api_key.source
    except InvalidArgumentError:
        findings.key_problem = why
    return findings


def _why_unsent(settings: Settings) -> str | None:
    """What may keep a key from being sent, if the first request is not."""
    if settings.untrusted_file is not None:
        return "a file in the working directory names the server, and no netrc has a key for it"
    if settings.is_keyless:
        return "WANDB_API_KEY is for another server"
    if settings.uses_token_file:
        return "WANDB_IDENTITY_TOKEN_FILE is set, and this package does not exchange tokens"
    return None


def _make(step: Step, findings: Findings) -> Flow[Check]:
    why = findings.missing(step.needs)
    if why is not None:
        return Check(step.name, "skipped", why)
    findings.begin()
    try:
        outcome = yield from step.check(findings)
    except Exception as error:  # noqa: BLE001 - the next check may tell more, whatever it is
        outcome = Outcome("failed" if step.is_vital else "unknown", describe_failure(error))
    meter = findings.meter
    detail = as_message(outcome.detail)
    return Check(step.name, outcome.status, detail, round(meter.seconds, 3), meter.bytes)


def _project(findings: Findings) -> Flow[Outcome]:
    yield from ()
    named = f"{findings.entity}/{findings.project}" if findings.names else "the project"
    if findings.is_missing:
        return Outcome("failed", f"{named} is missing, or the key may not see it")
    if not findings.is_listed:
        return Outcome("unknown", f"{named} could not be asked for")
    return found(f"{named} is there")


def _lacking(client: Client[SessionBase], findings: Findings) -> Outcome:
    """What the server refused to be asked for, in any of the checks or before."""
    missing = client.server.snapshot.missing
    if missing:
        return found(f"lacks {', '.join(missing)}")
    if findings.has_viewer is None:
        return Outcome("unknown", "the server has not answered")
    return found("lacks nothing that was asked for")


_STEPS: Final[Sequence[Step]] = (
    VIEWER_QUERY,
    *IDENTITY,
    FIRST_QUERY,
    Step("project", _project, needs="named"),
    *PROJECT_QUERIES,
    *MANAGING_QUERIES,
    *FACTS,
)
