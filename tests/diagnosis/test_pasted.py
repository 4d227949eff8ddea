"""A report may be pasted: nothing that is secret or private is in it, whatever happens."""

from __future__ import annotations

import base64
import json
import os
import pickle
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Final, NamedTuple
from unittest.mock import patch

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from support.secrets import assert_hidden, assert_unseen

from wandb_runs import Api, doctor
from wandb_runs.cli.commands import cli
from wandb_runs.testing import (
    BareErrors,
    FakeClock,
    Html,
    LocalServer,
    PartialData,
    Status,
    Truncate,
    log_run,
)

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from wandb_runs import DoctorReport
    from wandb_runs.testing import Fault

words: Final = st.text("abcdefghijklmnopqrstuvwxyz", min_size=12, max_size=30)


class Planted(NamedTuple):
    """What is planted, in the places where a person has it."""

    key: str
    header: str
    entity: str = "canary-entity"
    project: str = "canary-project"
    run: str = "canary-run"
    name: str = "canary-name"
    config_key: str = "canary-key"
    config_value: str = "canary-value"
    metric: str = "canary-metric"
    tag: str = "canary-tag"
    number: float = 0.1234567

    @property
    def secrets(self) -> tuple[str, ...]:
        """What no report has, names of entity and project apart."""
        token = base64.b64encode(f"api:{self.key}".encode()).decode()
        named = (each for each in self if isinstance(each, str))
        private = [each for each in named if each not in (self.entity, self.project)]
        return (*private, self.key[:6], self.key[-6:], token[6:], repr(self.number))

    @property
    def all(self) -> str:
        """All of it in one text, as a server may quote it."""
        return " ".join([*map(str, self), f"'{self.entity}/{self.project}/{self.run}'"])


planted_values: Final = st.tuples(words, words).map(
    lambda pair: Planted(f"key-{pair[0]}", f"header-{pair[1]}")
)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        plant(server, Planted("", ""))
        yield server


def plant(server: LocalServer, planted: Planted) -> None:
    for number in range(3):
        log_run(
            server,
            planted.entity,
            planted.project,
            f"{planted.run}{number}",
            name=f"{planted.name}{number}",
            config={planted.config_key: planted.config_value, "n": number},
            history=[{planted.metric: planted.number}, {"other": number}],
            summary={planted.metric: planted.number + number} if number else {},
            tags=[planted.tag],
            notes=planted.config_value,
        )


def faults_of(planted: Planted) -> list[Fault | None]:
    """Servers that quote all that there is to quote."""
    quoted = planted.all
    headers = {"x-request-id": quoted}
    return [
        None,
        BareErrors(quoted),
        BareErrors(quoted, form="error", status=400),
        PartialData(quoted),
        Status(400, quoted.encode(), headers),
        Status(401, quoted.encode(), headers),
        Status(403, quoted.encode(), headers),
        Status(404, quoted.encode(), headers),
        Status(500, quoted.encode(), headers),
        Status(200, quoted.encode(), headers),
        Html(502),
        Truncate(at=60, whole_http=True),
    ]


PHASES: Final = (Phase.explicit, Phase.generate)
"""An example takes a second: none is made smaller."""

SUPPRESSED: Final = (HealthCheck.function_scoped_fixture,)
OPERATIONS: Final = (None, "GetViewer", "ListRuns", "GetRun", "ListRunIds", "GetSampledHistory")


@contextmanager
def faulty(server: LocalServer, fault: Fault | None, operation: str | None) -> Generator[None]:
    with server.fail_always(*([] if fault is None else [fault]), operation=operation):
        yield


def assert_report_hides(report: DoctorReport, *secrets: str) -> None:
    assert_hidden(report, *secrets)
    assert_unseen(json.dumps(asdict(report)), *secrets)
    for check in report.checks:
        assert_hidden(check, *secrets)
    assert pickle.loads(pickle.dumps(report)) == report


@settings(max_examples=15, phases=PHASES, suppress_health_check=SUPPRESSED)
@given(planted=planted_values, choice=st.integers(0, 11), operation=st.sampled_from(OPERATIONS))
def test_a_report_has_nothing_that_was_planted(
    server: LocalServer, planted: Planted, choice: int, operation: str | None
) -> None:
    given: dict[str, str] = {"X-Team": planted.header}
    with (
        faulty(server, faults_of(planted)[choice], operation),
        Api(
            base_url=server.url, api_key=planted.key, headers=given, clock=FakeClock(chance=0)
        ) as api,
    ):
        path = f"{planted.entity}/{planted.project}"
        hidden = doctor(api, path)
        named = doctor(api, path, show_names=True)
    assert_report_hides(hidden, *planted.secrets, planted.entity, planted.project)
    assert_report_hides(named, *planted.secrets)
    if any(check.name == "project" and check.status == "ok" for check in named.checks):
        assert path in str(named)


@settings(max_examples=4, phases=PHASES, suppress_health_check=SUPPRESSED)
@given(planted=planted_values, choice=st.integers(0, 11), home=words, source=st.booleans())
def test_the_command_prints_nothing_that_was_planted(
    server: LocalServer,
    tmp_path: Path,
    planted: Planted,
    choice: int,
    home: str,
    source: bool,
) -> None:
    place = tmp_path / f"canary{home}"
    place.mkdir(exist_ok=True)
    host = server.url.removeprefix("http://")
    (place / ".netrc").write_text(f"machine {host} login user password {planted.key}\n")
    environment = {
        "HOME": str(place),
        "NETRC": "",
        "WANDB_BASE_URL": server.url,
        "WANDB_API_KEY": planted.key if source else "",
        "WANDB_ENTITY": planted.entity,
        "WANDB_PROJECT": planted.project,
        "WANDB_X_EXTRA_HTTP_HEADERS": json.dumps({"X-Team": planted.header}),
    }
    hidden = (*planted.secrets, str(place), home)
    with (
        faulty(server, faults_of(planted)[choice], "GetRun"),
        patch.dict("os.environ", environment),
    ):
        for options in ([], ["--json"]):
            done = CliRunner().invoke(cli, ["doctor", *options])
            assert done.exit_code == (0 if choice == 0 else 1)
            assert_unseen(done.output, *hidden, planted.entity, planted.project)
            assert ("WANDB_API_KEY" if source else "~/.netrc") in done.output
            shown = CliRunner().invoke(cli, ["doctor", "--show-names", *options]).output
            assert_unseen(shown, *hidden)
            assert f"{planted.entity}/{planted.project}" in shown


@pytest.mark.parametrize(
    "spelled",
    [
        "{home}/.netrc",
        "/usr/..{home}/.netrc",
        "/{home}/.netrc",
        "{home}/a/../.netrc",
        "{up}/.netrc",
    ],
)
@pytest.mark.parametrize("where", ["/", "{home}/a", "{home}/..", "{home}", "/usr"])
def test_a_path_in_the_home_folder_is_told_without_it(
    server: LocalServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    spelled: str,
    where: str,
) -> None:
    home = tmp_path / "canary"
    (home / "a").mkdir(parents=True)
    host = server.url.removeprefix("http://")
    (home / ".netrc").write_text(f"machine {host} login user password {'k' * 40}\n")
    monkeypatch.chdir(where.format(home=home))
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("NETRC", spelled.format(home=home, up=os.path.relpath(home)))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    with Api(base_url=server.url) as api:
        report = doctor(api)
    key = next(check for check in report.checks if check.name == "key")
    assert key.detail in {"from ~/.netrc, accepted", "from .netrc, accepted"}


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/canary", "http://127.0.0.1:9?canary"])
def test_a_proxy_in_doubt_is_its_variable(address: str) -> None:
    with (
        patch.dict("os.environ", {"https_proxy": address, "no_proxy": "", "NO_PROXY": ""}),
        Api(base_url="https://runs.example", api_key="k" * 40) as api,
    ):
        report = doctor(api, timeout=5)
    proxy = next(check for check in report.checks if check.name == "proxy")
    assert proxy.detail == "of HTTPS_PROXY"


@given(
    user=words,
    password=st.text("abcdefghij/?#@:%0123456789", min_size=12).filter(
        lambda text: "canary" not in text
    ),
    query=words,
)
@settings(max_examples=15, phases=PHASES)
def test_a_proxy_is_told_without_its_user(user: str, password: str, query: str) -> None:
    address = f"http://canary{user}:canary{password}@127.0.0.1:9/?token=canary{query}"
    environment = {"http_proxy": address, "HTTP_PROXY": address, "no_proxy": "", "NO_PROXY": ""}
    with (
        patch.dict("os.environ", environment),
        Api(base_url="http://runs.example", allow_http=True, api_key="k" * 40) as api,
    ):
        report = doctor(api, "team/mnist", timeout=5)
    proxy = next(check for check in report.checks if check.name == "proxy")
    assert "HTTP_PROXY" in proxy.detail
    assert not report.ok
    assert_report_hides(report, "canary", user, password, query)


def test_a_usual_proxy_is_told_by_its_address() -> None:
    address = "http://someone:secret@127.0.0.1:9"
    with (
        patch.dict("os.environ", {"http_proxy": address, "no_proxy": "", "NO_PROXY": ""}),
        Api(base_url="http://runs.example", allow_http=True, api_key="k" * 40) as api,
    ):
        report = doctor(api, "team/mnist", timeout=5)
    details = {check.name: check.detail for check in report.checks}
    assert details["proxy"] == "http://127.0.0.1:9, of HTTP_PROXY"
    assert_report_hides(report, "someone", "secret")


def test_a_netrc_that_cannot_be_read_is_told_without_its_place(
    server: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine x login canary-user pass canary-password")
    environment = {"HOME": str(tmp_path), "NETRC": "", "WANDB_API_KEY": ""}
    with patch.dict("os.environ", environment), Api(base_url=server.url) as api:
        report = doctor(api, "team/mnist")
    assert {check.name for check in report.checks if check.status == "failed"} >= {"key"}
    assert_report_hides(report, "canary", str(tmp_path))
