"""Pickles and copies work where they land, and never hold the key."""

from __future__ import annotations

import copy
import pickle
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING, Final, TypeVar, cast

import anyio
import pytest
from pydantic import BaseModel
from support.recording import Host, length_of, recording

from wandb_runs import Api, AsyncApi, AuthenticationError, Request, Response, Run, Runs
from wandb_runs.testing import log_run
from wandb_runs.transport.http import HttpTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from wandb_runs.testing import LocalServer

T = TypeVar("T")

KEY = "planted-0123456789abcdef0123456789abcdef"
OTHER = "landed-0123456789abcdef0123456789abcdef0"


class Config(BaseModel):
    lr: float


@pytest.fixture
def traveller(wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An `Api` with a key of its own, in an environment that has another."""
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    with Api(base_url=wandb_server.url, api_key=KEY, entity="team", timeout=7) as api:
        yield api


KINDS: dict[str, Callable[[Api, str], object]] = {
    "api": lambda api, _: api,
    "changed api": lambda api, _: api.with_options(timeout=3),
    "client": lambda api, _: api.client,
    "settings": lambda api, _: api.client.settings,
    "runs": lambda api, path: api.runs(path, {"state": "finished"}, "-summary_metrics.loss", 7),
    "viewer's runs": lambda api, path: api.runs(project=path.split("/")[1]),
    "part": lambda api, path: api.runs(path, limit=5, config_keys=["lr"], include_sweeps=False),
    "typed runs": lambda api, path: api.runs(path, config=Config, on_invalid="skip"),
    "read runs": lambda api, path: _read(api.runs(path)),
    "run": lambda api, path: api.runs(path)[0],
    "typed run": lambda api, path: _touched(api.runs(path, config=Config)[0]),
    "list of runs": lambda api, path: list(api.runs(path)),
}


def pickled(thing: T) -> T:
    return cast("T", pickle.loads(pickle.dumps(thing)))


HOW: list[Callable[[object], object]] = [pickled, copy.copy, copy.deepcopy]


def _read(runs: Runs) -> Runs:
    assert len(list(runs)) > 10
    return runs


def _touched(run: Run[Config]) -> Run[Config]:
    assert run.config.lr
    return run


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("kind", KINDS)
def test_no_pickle_holds_the_key(traveller: Api, many: str, kind: str, protocol: int) -> None:
    thing = KINDS[kind](traveller, many)
    assert traveller.viewer.username  # the key has been used
    content = pickle.dumps(thing, protocol)
    assert KEY.encode() not in content
    assert OTHER.encode() not in content
    assert b"authorization" not in content


def test_a_pickled_api_keeps_its_settings_and_finds_the_local_key(traveller: Api) -> None:
    landed = cast("Api", pickle.loads(pickle.dumps(traveller)))
    assert landed.base_url == traveller.base_url
    assert landed.default_entity == "team"
    assert landed.client.options == traveller.client.options
    assert (traveller.api_key_source, landed.api_key_source) == ("argument", "WANDB_API_KEY")
    assert landed.viewer is not None
    assert landed.stats.requests == 1


def test_objects_pickled_together_share_a_client_where_they_land(traveller: Api, many: str) -> None:
    patient = traveller.with_options(timeout=30)
    runs, twin, changed = pickle.loads(
        pickle.dumps((traveller.runs(many), traveller, patient.runs(many)))
    )
    assert len(list(runs)) == len(list(changed))
    assert twin.stats.requests == 4  # each list asks for its length, too
    twin.close()
    with pytest.raises(Exception, match="closed"):
        changed.pages().__next__()


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "runs" in kind or kind == "part"])
@pytest.mark.parametrize("how", HOW)
def test_pickled_runs_keep_their_query(
    traveller: Api, many: str, kind: str, how: Callable[[object], object]
) -> None:
    runs = KINDS[kind](traveller, many)
    landed = cast("Runs", how(runs))
    assert repr(landed) == repr(runs)
    if isinstance(runs, Runs):
        assert landed.explain().variables == runs.explain().variables
    expected, got = list(cast("Runs", runs)), list(landed)
    assert [run.path for run in got] == [run.path for run in expected]
    assert [run.config for run in got] == [run.config for run in expected]
    assert [run.raw_config for run in got] == [run.raw_config for run in expected]
    assert [run.sweep for run in got] == [run.sweep for run in expected]


@pytest.mark.parametrize("how", HOW)
def test_a_pickled_run_keeps_its_data(
    wandb_server: LocalServer, traveller: Api, how: Callable[[object], object]
) -> None:
    log_run(wandb_server, "team", "landing", "r", config={"lr": 0.5}, history=[{"loss": 1}])
    run = traveller.runs("team/landing", config=Config)[0]
    assert run.config == Config(lr=0.5)
    before = traveller.stats.requests
    landed = cast("Run[Config]", how(run))
    assert (landed, landed.config, landed.summary) == (run, run.config, run.summary)
    assert landed.url == run.url
    assert traveller.stats.requests == before
    assert landed.history(pandas=False) == run.history(pandas=False)
    log_run(wandb_server, "team", "landing", "r", config={"lr": 0.25})
    landed.refresh()
    assert (landed.config.lr, run.config.lr) == (0.25, 0.5)


def test_derived_values_of_a_run_are_not_pickled(traveller: Api, many: str) -> None:
    run = traveller.runs(many)[0]
    before = pickle.dumps(run)
    assert run.config is not None
    assert run.summary is not None
    assert pickle.dumps(run) == before


def test_a_copy_within_the_process_shares_the_client(traveller: Api, many: str) -> None:
    for twin in (copy.copy(traveller), copy.deepcopy(traveller)):
        assert twin.client is traveller.client
        assert twin.api_key_source == "argument"
    assert copy.deepcopy(traveller.client.settings) is traveller.client.settings


ELSEWHERE = """
import pickle, sys
runs, run = pickle.load(sys.stdin.buffer)
run.refresh()
print(*(each.id for each in runs), run.user.username)
"""


def test_runs_are_read_in_another_process(traveller: Api, many: str) -> None:
    runs = traveller.runs(many, order="-created_at")
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        input=pickle.dumps((runs, runs[0])),
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
    )
    user = runs[0].user
    assert user is not None
    assert done.stdout.decode().split() == [*(run.id for run in runs), user.username]


LOOPS: Final[list[Callable[[Runs], Iterator[object]]]] = [
    iter,
    Runs.pages,
    lambda runs: runs.iter_histories(),
]


@pytest.mark.parametrize("loop_over", LOOPS)
def test_loops_are_neither_copied_nor_pickled(
    traveller: Api, many: str, loop_over: Callable[[Runs], Iterator[object]]
) -> None:
    # A pickled loop over runs ended behind those that had been read.
    loop = loop_over(traveller.runs(many, per_page=5))
    for duplicate in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match=r"neither copied nor pickled; (take|begin)"):
            duplicate(loop)


def test_async_objects_are_pickled_as_well(
    wandb_server: LocalServer, many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    api = AsyncApi(base_url=wandb_server.url, api_key=KEY)

    async def check() -> None:
        runs = api.runs(many, per_page=9)
        ids = [run.id async for run in runs]
        content = pickle.dumps((api, runs, await runs.get(0)))
        assert KEY.encode() not in content
        landed, listed, run = pickle.loads(content)
        assert [each.id async for each in listed] == ids
        await run.refresh()
        assert landed.api_key_source == "WANDB_API_KEY"
        assert [each.id async for each in copy.deepcopy(runs)] == ids
        await landed.aclose()
        await api.aclose()

    anyio.run(check)


class Counting:
    """A transport of the user's own, which can be pickled."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.sent = 0

    def send(self, request: Request, /) -> Response:
        self.sent += 1
        inner = HttpTransport(self.url)
        try:
            return inner.send(request)
        finally:
            inner.close()


def test_a_users_transport_is_pickled_with_its_api(
    wandb_server: LocalServer, many: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", wandb_server.url)
    api = Api(
        base_url=wandb_server.url,
        api_key=KEY,
        transport=Counting(wandb_server.url),
    )
    runs = pickle.loads(pickle.dumps(api.runs(many)))
    assert len(list(runs)) > 10


def test_an_ssl_context_is_not_pickled() -> None:
    api = Api(api_key=KEY, ssl_context=ssl.create_default_context())
    with pytest.raises(TypeError, match="SSL_CERT_FILE"):
        pickle.dumps(api)
    assert copy.deepcopy(api).client is api.client


# Two hosts with two keys.


@pytest.fixture
def hosts() -> Iterator[tuple[Host, Host]]:
    with recording() as one, recording() as other:
        yield one, other


each_api: Final = pytest.mark.parametrize("make", [Api, AsyncApi])


@each_api
def test_a_pickle_of_another_host_is_not_sent_the_key_of_the_environment(
    hosts: tuple[Host, Host],
    make: type[Api | AsyncApi],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    here, there = hosts
    monkeypatch.setenv("WANDB_BASE_URL", here.url)
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", '{"X-Gate": "gateway-secret"}')
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    assert length_of(make().runs("team/p")) == 7
    sent = pickle.dumps(make(base_url=there.url, api_key=KEY).runs("team/p"))
    assert b"gateway-secret" not in sent

    for content in (sent, pickle.dumps(pickle.loads(sent))):
        with pytest.raises(AuthenticationError, match="the server of this pickle") as caught:
            length_of(pickle.loads(content))
        assert there.url in caught.value.message
    assert (here.keys, here.gates) == ([OTHER], ["gateway-secret"])
    assert there.keys == []

    (tmp_path / "netrc").write_text(f"machine 127.0.0.1 login user password {KEY}\n")
    assert length_of(pickle.loads(sent)) == 7
    assert (there.keys, there.gates) == ([KEY], [None])


FORGE, OLD = "https://api.forge.coreweave.com", "https://api.wandb.ai"


@pytest.mark.parametrize(
    ("base_url", "here"),
    [(OLD, ""), (OLD, FORGE), (FORGE, OLD), (FORGE, "https://forge.coreweave.com/api/wandb")],
)
@each_api
def test_the_hosts_of_one_deployment_share_a_key_where_a_pickle_lands(
    make: type[Api | AsyncApi], base_url: str, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = pickle.dumps(make(base_url=base_url, api_key=KEY))
    monkeypatch.setenv("WANDB_BASE_URL", here)
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    landed = pickle.loads(sent)
    assert (landed.base_url, landed.api_key_source) == (base_url, "WANDB_API_KEY")
    monkeypatch.setenv("WANDB_BASE_URL", "https://api.wandb.ai.example")
    assert pickle.loads(sent).api_key_source is None


def test_a_pickle_says_so_where_there_is_no_key_at_all(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, there = hosts
    sent = pickle.dumps(Api(base_url=there.url, api_key=KEY).runs("team/p"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.delenv("WANDB_BASE_URL", raising=False)
    with pytest.raises(AuthenticationError) as caught:
        len(pickle.loads(sent))
    assert f"no API key for {there.url}" in caught.value.message
    assert "another server" not in caught.value.message
    assert there.keys == []


@each_api
def test_a_pickle_of_the_environments_host_finds_its_key_and_headers(
    hosts: tuple[Host, Host], make: type[Api | AsyncApi], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, _ = hosts
    sent = pickle.dumps(make(base_url=here.url, api_key=KEY, headers={"X-Gate": "x"}).runs("a/b"))
    monkeypatch.setenv("WANDB_BASE_URL", f"{here.url}/")
    monkeypatch.setenv("WANDB_API_KEY", OTHER)
    monkeypatch.setenv("WANDB_X_EXTRA_HTTP_HEADERS", '{"X-Gate": "landed"}')
    assert length_of(pickle.loads(sent)) == 7
    assert (here.keys, here.gates) == ([OTHER], ["landed"])


def test_a_pickle_without_a_key_reads_what_is_public(
    hosts: tuple[Host, Host], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    _, there = hosts
    assert len(pickle.loads(pickle.dumps(Api(base_url=there.url).runs("team/p")))) == 7
    assert there.keys == [""]
