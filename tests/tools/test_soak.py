"""The soak test finds lost and repeated runs, and finds none in this package."""

from __future__ import annotations

import random
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from soaking.churn import Churn
from soaking.findings import Findings
from soaking.ledger import Condition, Ledger, Record
from soaking.readers import FILTERS, KINDS, ORDERS, Kind, Listing, Reader
from soaking.table import Usage, is_success
from wandb_runs import Api, DriftWarning, RunIterator, Runs
from wandb_runs.testing import LocalServer, NullEdges, Redirect

if TYPE_CHECKING:
    from collections.abc import Iterator

SOAK = [sys.executable, str(Path(__file__).parents[2] / "tools" / "soak.py")]
RUNS = 12
FINISHED = Condition("finished", 3, 0.25)
FAILED = Condition("failed", 3, 0.75)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer() as server:
        yield server


@pytest.fixture(scope="module")
def api(server: LocalServer) -> Iterator[Api]:
    with Api(base_url=server.url, api_key="any") as api:
        yield api


@pytest.fixture(scope="module")
def filled(server: LocalServer) -> Ledger:
    ledger = Ledger()
    stopped = threading.Event()
    Churn(server.url, ledger, Findings(), stopped, runs=RUNS, seed=1).fill()
    return ledger


@pytest.fixture
def ledger(filled: Ledger) -> Ledger:
    """A ledger of the server's runs, which a test may change to be wrong."""
    ledger = Ledger()
    for run_id, record in filled.records():
        phases = [(0, record.phases[-1][1])]
        ledger.add(run_id, Record(record.number, [*record.losses], phases))
    return ledger


def read(api: Api, ledger: Ledger, kind: Kind, order: str = "+created_at") -> Findings:
    findings = Findings()
    filters, fits = FILTERS[0]
    reader = Reader(api, ledger, findings, threading.Event(), seed=2)
    reader.read(Listing(kind, filters, fits, order, per_page=5))
    return findings


def figures(markdown: str) -> dict[str, str]:
    return dict(re.findall(r"^\| (.*?) \| (.*) \|$", markdown, flags=re.MULTILINE))


def number(figure: str) -> int:
    return int(figure.split(maxsplit=1)[0].replace(",", ""))


def test_a_short_soak_reads_runs_and_survives_faults(tmp_path: Path) -> None:
    file = tmp_path / "soak.md"
    soak = subprocess.run(
        [*SOAK, "--minutes", "0.05", "--markdown", str(file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert soak.returncode == 0, soak.stdout + soak.stderr
    table = figures(file.read_text())
    assert [*table][1:] == [
        what for what in table if what != "what" and f"│ {what.split()[0]}" in soak.stdout
    ]
    for what in ("passes", "runs read", "rows read", "requests", "changes of runs meanwhile"):
        assert number(table[what]) > 0
    assert number(table["faults applied"]) > number(table["retries"]) > 0
    assert (table["lost"], table["repeated"], table["other problems"]) == ("0", "0", "0")
    assert "MB" in table["memory at the start, after a tenth, at the end"]


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches the test itself there")
def test_ctrl_c_prints_the_results_so_far() -> None:
    with subprocess.Popen(SOAK, stdout=subprocess.PIPE, text=True) as soak:
        assert soak.stdout is not None
        assert soak.stdout.readline().startswith("reading from http://127.0.0.1:")
        soak.send_signal(signal.SIGINT)
        printed = soak.stdout.read()
    assert soak.returncode == 0
    assert "requests" in printed


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_unchanged_project_is_read_without_problems(
    api: Api, ledger: Ledger, kind: Kind, order: str
) -> None:
    findings = read(api, ledger, kind, order)
    assert not findings.problems, findings.details
    assert findings.passes == {kind: 1}
    assert findings.counts["runs"] >= RUNS - 2  # some may have no rows


def test_a_run_omitted_by_the_server_is_reported_as_lost(
    server: LocalServer, api: Api, ledger: Ledger
) -> None:
    with server.fail(NullEdges(count=2)), pytest.warns(DriftWarning):
        assert read(api, ledger, "pages").problems == {"lost": 2}


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_run_is_reported_as_lost(api: Api, ledger: Ledger, kind: Kind) -> None:
    ledger.add("never", Record(RUNS, [0.5], [(ledger.tick(), frozenset({FINISHED}))]))
    assert read(api, ledger, kind).problems == {"lost": 1}


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_does_not_exist_is_reported(api: Api, ledger: Ledger, kind: Kind) -> None:
    run_id, record = ledger.records()[0]
    assert record.losses  # so that histories include it
    with ledger.changing(run_id, None):
        pass
    assert read(api, ledger, kind).problems == {"nonexistent": 1}


def test_a_repeated_run_is_reported(
    api: Api, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Runs.__iter__

    def repeat_first(runs: Runs) -> RunIterator:
        doubled = [*runs[:], runs[0]]
        start = original(runs).checkpoint()
        return RunIterator(doubled, lambda _: start, lambda _: None)

    monkeypatch.setattr(Runs, "__iter__", repeat_first)
    assert read(api, ledger, "share").problems["repeated"] == 1


def test_a_repeated_row_is_reported(
    api: Api, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Runs.iter_histories
    rows = [row for batch in original(api.runs("team/churned")) for row in batch]

    def repeat_row(runs: Runs, **_: object) -> Iterator[object]:
        yield [rows[0], *rows]

    monkeypatch.setattr(Runs, "iter_histories", repeat_row)
    assert read(api, ledger, "batches").problems["repeated"] == 1


def test_wrong_values_are_reported(api: Api, ledger: Ledger) -> None:
    _, record = ledger.records()[0]
    record.number += 1
    assert read(api, ledger, "configs").problems == {"wrong config": 1}
    record.number -= 1
    record.losses[0] += 1
    assert read(api, ledger, "batches").problems == {"wrong rows": 1}
    rows = len(record.losses)
    for state, kind in (
        (Condition("finished", rows, 2.0), "wrong summary"),
        (Condition("finished", rows + 1, 2.0), "lost"),
        (Condition("finished", rows - 1, 2.0), "nonexistent"),
    ):
        record.phases = [(ledger.tick(), frozenset({state}))]
        assert read(api, ledger, "summaries").problems == {"wrong summary": 1}
        assert kind == "wrong summary" or read(api, ledger, "histories").problems[kind] == 1


def test_runs_out_of_order_are_reported(api: Api, ledger: Ledger) -> None:
    first, second, *_ = (record for _, record in ledger.records())
    first.number, second.number = second.number, first.number
    for order in ("+created_at", "-created_at"):
        assert read(api, ledger, "pages", order).problems["out of order"] == 1
    assert not read(api, ledger, "pages", "-heartbeat_at").problems["out of order"]


def test_an_unexpected_error_is_reported(server: LocalServer, ledger: Ledger) -> None:
    with Api(base_url=server.url, api_key="any") as api:
        api.close()
        findings = read(api, ledger, "pages")
    assert findings.problems == {"unexpected WandbRunsError": 1}
    assert "this client is closed" in findings.details[0]


def test_a_reader_without_progress_is_reported(
    server: LocalServer, api: Api, ledger: Ledger
) -> None:
    with server.fail_always(Redirect("http://127.0.0.1:1/")):
        findings = read(api, ledger, "pages")
    assert findings.problems == {"unexpected AssertionError": 1}
    assert findings.errors == {"BadResponseError": 51}


def test_the_ledger_tells_which_runs_are_present_throughout_a_window() -> None:
    ledger = Ledger()
    fits = FILTERS[1][1]
    for run_id in ("stays", "goes", "comes", "changes", "hangs"):
        ledger.add(run_id, Record(0))
        if run_id != "comes":
            with ledger.changing(run_id, FINISHED):
                pass

    def present(*, filtered: bool = True) -> set[str]:
        window.close()
        return {*window.present_throughout(fits if filtered else FILTERS[0][1])}

    with ledger.open_window() as window:
        assert present() == {"stays", "goes", "changes", "hangs"}
        with ledger.changing("goes", None):
            assert present() == {"stays", "changes", "hangs"}
        with ledger.changing("comes", FINISHED), ledger.changing("changes", FAILED):
            assert present() == {"stays", "hangs"}
        assert present(filtered=False) == {"stays", "changes", "hangs"}
        with pytest.raises(TimeoutError), ledger.changing("hangs", None):
            raise TimeoutError
        ledger.forget()
        # The record is kept while a window is open that includes the run.
        assert window.conditions("goes") == [FINISHED]
        assert present() == {"stays"}
    ledger.forget()
    assert ledger.find("goes") is None
    with ledger.open_window() as window:
        # The outcome of a failed request stays unknown.
        assert present() == {"stays", "comes"}
        assert {*window.conditions("hangs")} == {FINISHED}
        assert window.conditions("goes") == []


def test_windows_agree_with_a_simple_model() -> None:
    chance = random.Random(3)  # noqa: S311 - reproducible by its seed
    for _ in range(200):
        ledger = Ledger()
        ledger.add("run", Record(0))
        before = [None, *(chance.choice([FINISHED, FAILED, None]) for _ in range(4))]
        begin = chance.randint(0, 4)
        for step, condition in enumerate(before[1:]):
            if step == begin:
                break
            with ledger.changing("run", condition):
                pass
        with ledger.open_window() as window:
            seen = {before[begin]}
            for condition in before[begin + 1 :]:
                with ledger.changing("run", condition):
                    pass
                seen.add(condition)
            window.close()
            # Afterwards.
            with ledger.changing("run", FAILED):
                pass
            wanted = {condition for condition in seen if condition is not None}
            assert {*window.conditions("run")} == wanted
            assert bool(window.present_throughout(lambda _: True)) is (None not in seen)


@pytest.mark.parametrize(
    ("sockets", "leaks"),
    [
        ((0, 8, 0), False),
        ((0, 9, 0), True),
        ((1, 9, 1), False),
        ((0, 8, 1), True),
        ((None, None, None), False),
    ],
)
def test_sockets_that_stay_open_are_reported(
    sockets: tuple[int | None, int | None, int | None], *, leaks: bool
) -> None:
    usage = Usage(1.0, (None, None, None), sockets, None, sockets_wanted=8)
    assert is_success(Findings(), usage) is not leaks
    findings = Findings()
    findings.lost(["r1"], "somewhere")
    assert not is_success(findings, usage)
