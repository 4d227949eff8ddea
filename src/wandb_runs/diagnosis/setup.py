"""Checks of this machine's side: versions, settings, proxy, key and clock."""

from __future__ import annotations

import platform
from email.utils import parsedate_to_datetime
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from wandb_runs._version import __version__
from wandb_runs.diagnosis.findings import Outcome, Step, found, unknown
from wandb_runs.diagnosis.report import Check
from wandb_runs.diagnosis.wording import counted, local_path
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.transport.proxies import proxy_for
from wandb_runs.transport.urls import is_loopback

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs.diagnosis.findings import Findings
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.transport.client_base import Client
    from wandb_runs.transport.session import SessionBase
    from wandb_runs.transport.settings import Name, Settings

__all__ = ["IDENTITY", "check_setup"]

_LIBRARIES: Final = ("httpx", "pydantic", "anyio")

_NEGLIGIBLE: Final = 2.0
"""Seconds by which clocks may seem to differ: the header has whole ones."""


def check_setup(client: Client[SessionBase], findings: Findings) -> list[Check]:
    """Check what takes no request."""
    return [
        Check("versions", "ok", _versions()),
        Check("server", *_tried(findings, partial(_server, client.settings))),
        Check("settings", *_tried(findings, partial(_settings, client.settings, findings))),
        Check("proxy", *_tried(findings, partial(_proxy, client))),
    ]


def _tried(findings: Findings, check: Callable[[], Outcome]) -> Outcome:
    try:
        return check()
    except InvalidArgumentError:
        findings.blocked = "the settings cannot be used"
        return Outcome(
            "failed",
            "a settings file cannot be read, or holds what cannot be right; `wandb-runs list` says "
            "which",
        )


def _versions() -> str:
    named = [f"wandb-runs {__version__}", f"Python {platform.python_version()}"]
    for name in _LIBRARIES:
        try:
            named.append(f"{name} {version(name)}")
        except PackageNotFoundError:  # an application that is frozen into one file
            continue
    return ", ".join([*named, platform.system()])


def _server(settings: Settings) -> Outcome:
    return found(f"{settings.base_url}, from {_source_of('base_url', settings)}")


def _settings(settings: Settings, findings: Findings) -> Outcome:
    told = [_told(name, settings, findings) for name in ("entity", "project")]
    if (pages := settings.find("app_url")).source != "base_url":
        told.append(f"pages from {pages.source}")
    told.append(counted(len(settings.headers), "extra header"))
    return found(", ".join(told))


def _told(name: Literal["entity", "project"], settings: Settings, findings: Findings) -> str:
    value = settings.find(name).value
    if value is None:
        return f"no {name}"
    named = f"{name} {value!r}" if findings.names else name
    return f"{named} from {_source_of(name, settings)}"


def _source_of(name: Name, settings: Settings) -> str:
    source = settings.find(name).source or "default"
    return f"{name}=" if source == "argument" else local_path(source)


def _proxy(client: Client[SessionBase]) -> Outcome:
    if not client.has_own_transport:
        return unknown("transport= or http_client= decides")
    parts = urlsplit(client.settings.base_url)
    if is_loopback(parts.hostname or ""):
        return found("none, since the server is this machine")
    proxy = proxy_for(parts)
    if proxy is None:
        return found("none")
    # Its repr leaves out the user and the password, and all but the variable if in doubt.
    shown, variable = repr(proxy), f"of {proxy.variable}"
    return found(shown if shown == variable else f"{shown}, {variable}")


def _key(findings: Findings) -> Flow[Outcome]:  # noqa: PLR0911 - one for each case
    yield from ()
    if findings.key_problem is not None:
        return Outcome("failed", findings.key_problem)
    if findings.is_unsent:
        return Outcome(
            "failed",
            f"nothing is sent: {findings.why_unsent or 'the callable of api_key= gives no key'}",
        )
    if findings.key_source is None:
        if findings.has_viewer:
            return found("none, and the server knows a user all the same")
        return Outcome("failed", "none: pass api_key=, set WANDB_API_KEY, or add a netrc entry")
    source = findings.key_source
    which = f"from {'api_key=' if source == 'argument' else local_path(source)}"
    if findings.is_refused:
        return Outcome("failed", f"{which}, not accepted (HTTP 401)")
    if findings.has_viewer is None:
        return unknown(f"{which}; whether the server accepts it is not known")
    if findings.has_viewer:
        return found(f"{which}, accepted")
    return Outcome("failed", f"{which}, not accepted: the server knows no user for it")


def _clock(findings: Findings) -> Flow[Outcome]:
    yield from ()
    meter = findings.answered
    try:
        told = meter and meter.date and parsedate_to_datetime(meter.date)
    except ValueError:
        told = None
    if not meter or not told:
        return unknown("the server has not told its time")
    # It answered in the middle of the request, and its header has cut off half a second.
    ahead = meter.received - meter.seconds / 2 - told.timestamp() - 0.5
    if abs(ahead) < _NEGLIGIBLE + meter.seconds / 2:
        return found("as the server's, to a second or two")
    which = "ahead of" if ahead > 0 else "behind"
    return found(f"this machine's is {abs(ahead):,.0f} s {which} the server's")


IDENTITY: Final[Sequence[Step]] = (
    Step("key", _key, needs="nothing"),
    Step("clock", _clock, needs="nothing"),
)
"""What the answer to the query of the viewer tells."""
