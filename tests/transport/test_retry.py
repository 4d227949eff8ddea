"""Retry decisions, delays and pacing, as values: without I/O and without time."""

from __future__ import annotations

from dataclasses import replace
from email.utils import formatdate
from typing import Literal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wandb_runs import (
    AuthenticationError,
    BadResponseError,
    CertificateError,
    ConnectionFailedError,
    GraphQLError,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    Response,
    ResponseTooLargeError,
    ServerError,
    TruncatedResponseError,
    WandbRunsError,
)
from wandb_runs.transport.fork import ForkSafeLock
from wandb_runs.transport.rate_limit import LOW, Pacer, Window, follow
from wandb_runs.transport.responses import delay_of, error_of, limit_delay_of, rate_limit_in
from wandb_runs.transport.retry import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    GiveUp,
    Plan,
    Retry,
    RetryBudget,
    decide_retry,
)

NOW = 1_000_000_000.0

PASSING: list[WandbRunsError] = [
    *(ServerError("no", status=status) for status in (408, 500, 502, 503, 504)),
    ServerError("no", status=503, retry_after=7),
    RateLimitError("no"),
    RateLimitError("no", status=200, retry_after=3),
    TruncatedResponseError("no", status=200),
    ConnectionFailedError("no"),
    ConnectionFailedError("no", may_have_arrived=False),
]
LASTING: list[WandbRunsError] = [
    ServerError("no", status=501),
    ServerError("no", status=599),
    AuthenticationError("no", status=401),
    PermissionDeniedError("no", status=403),
    NotFoundError("no", status=404),
    BadResponseError("no", status=200),
    GraphQLError("no", status=400, errors=["no"]),
    GraphQLError("no", status=200, errors=["too complex"]),
    ResponseTooLargeError("no", status=200),
    RequestTimeoutError("no"),
    CertificateError("no"),
    InvalidArgumentError("no"),
    WandbRunsError("no"),
]

errors = st.sampled_from(PASSING + LASTING)
chances = st.floats(0, 1, exclude_max=True)
kinds = st.sampled_from(["query", "mutation"])


@given(
    errors,
    kinds,
    st.integers(1, 50),
    st.integers(0, 50),
    st.floats(-10, 1e6),
    st.booleans(),
    chances,
    st.booleans(),
    st.booleans(),
)
def test_a_retry_keeps_to_every_bound(
    error: WandbRunsError,
    kind: Literal["query", "mutation"],
    attempts: int,
    max_retries: int,
    left: float,
    has_budget: bool,
    chance: float,
    is_divisible: bool,
    is_optional: bool,
) -> None:
    decision = decide_retry(
        error,
        Plan(kind, is_divisible, is_optional),
        attempts=attempts,
        max_retries=max_retries,
        left=left,
        has_budget=has_budget,
        chance=chance,
    )
    assert decision.why
    if isinstance(decision, GiveUp):
        return
    assert error in PASSING
    assert attempts <= max_retries
    assert has_budget
    assert 0 <= decision.after < left
    assert not is_optional
    if kind == "mutation":
        assert isinstance(error, ConnectionFailedError)
        assert not error.may_have_arrived
    asked = getattr(error, "retry_after", None)
    if asked is None:
        assert decision.after <= LONGEST_PAUSE
    else:
        assert decision.after >= asked


def decided(
    error: WandbRunsError,
    *,
    kind: Literal["query", "mutation"] = "query",
    attempts: int = 1,
    left: float = 60.0,
    has_budget: bool = True,
    chance: float = 0.5,
    is_divisible: bool = False,
    is_optional: bool = False,
) -> Retry | GiveUp:
    return decide_retry(
        error,
        Plan(kind, is_divisible, is_optional),
        attempts=attempts,
        max_retries=5,
        left=left,
        has_budget=has_budget,
        chance=chance,
    )


@pytest.mark.parametrize("error", PASSING, ids=repr)
def test_transient_errors_are_retried(error: WandbRunsError) -> None:
    assert isinstance(decided(error), Retry)
    assert isinstance(decided(error, is_optional=True), GiveUp)
    assert isinstance(decided(error, attempts=6), GiveUp)
    assert isinstance(decided(error, has_budget=False), GiveUp)
    assert isinstance(decided(error, left=0), GiveUp)


@pytest.mark.parametrize("error", LASTING, ids=repr)
def test_lasting_errors_are_not_retried(error: WandbRunsError) -> None:
    assert decided(error) == GiveUp("the same request would fail in the same way")


@pytest.mark.parametrize("status", [502, 504])
def test_divisible_work_is_not_retried_when_it_is_too_much(status: int) -> None:
    assert isinstance(decided(ServerError("no", status=status), is_divisible=True), GiveUp)
    assert isinstance(decided(ServerError("no", status=503), is_divisible=True), Retry)


def test_a_mutation_is_retried_only_if_it_was_not_sent() -> None:
    unsent = ConnectionFailedError("no", may_have_arrived=False)
    assert isinstance(decided(unsent, kind="mutation"), Retry)
    for error in PASSING:
        if error is not unsent and error is not PASSING[-1]:
            decision = decided(error, kind="mutation")
            assert isinstance(decision, GiveUp)
            assert decision.is_told
            assert "may have been done" in decision.why


@given(st.integers(1, 100), chances)
def test_back_off_is_exponential_with_full_jitter(attempts: int, chance: float) -> None:
    decision = decide_retry(
        ServerError("no", status=503),
        Plan("query"),
        attempts=attempts,
        max_retries=100,
        left=1e6,
        has_budget=True,
        chance=chance,
    )
    bound = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (attempts - 1))
    assert isinstance(decision, Retry)
    assert decision.after == pytest.approx(chance * bound)


def test_the_reason_to_give_up_is_in_the_message_where_a_retry_might_have_helped() -> None:
    error = RateLimitError("no", retry_after=90)
    too_late = decided(error, left=30)
    assert isinstance(too_late, GiveUp)
    assert too_late.is_told
    assert "30.0 s of the call's timeout=" in too_late.why
    spent = decided(error, left=300, has_budget=False)
    assert isinstance(spent, GiveUp)
    assert "the retries that all its calls share" in spent.why
    assert not isinstance(decided(error, attempts=1, is_optional=True), Retry)


def test_a_delay_up_to_the_deadline_is_obeyed_and_one_past_it_refused() -> None:
    limit = RateLimitError("no", retry_after=10)
    assert decided(limit, left=10.1, chance=0) == Retry(10.0, "the rate limit")
    assert isinstance(decided(limit, left=10, chance=0), GiveUp)


def answer(**headers: str) -> Response:
    return Response(429, {name.replace("_", "-"): text for name, text in headers.items()}, b"")


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        ("3", 3.0),
        ("2.5", 2.5),
        (" 4 ", 4.0),
        ("0", 0.0),
        (formatdate(NOW + 30, usegmt=True), 30.0),
        (formatdate(NOW + 30, localtime=False).replace("-0000", ""), 30.0),
        ("", None),
        ("-3", None),
        ("nan", None),
        ("inf", None),
        ("1e3", None),
        ("soon", None),
        ("٣", None),
        ("2592000", 2_592_000.0),
        ("9" * 400, 1e9),
        ("9" * 5000, 1e9),
        (formatdate(NOW - 30, usegmt=True), None),
        (formatdate(NOW + 10_000_000, usegmt=True), 10_000_000.0),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 1e9),
        ("Fri, 31 Dec 99999 23:59:59 GMT", None),
        ("1 2", None),
        ("-inf", None),
        ("0x10", None),
        ("Sun, 99 Nov 1994 08:49:37 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_ignored(text: str, delay: float | None) -> None:
    assert delay_of(answer(retry_after=text), NOW) == delay


def test_a_retry_date_is_relative_to_the_date_header() -> None:
    wrong_clock = NOW + 5000
    response = answer(
        retry_after=formatdate(NOW + 30, usegmt=True), date=formatdate(NOW, usegmt=True)
    )
    assert delay_of(response, wrong_clock) == 30


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_retry_header_gives_a_bounded_delay(text: str, date: str) -> None:
    delay = limit_delay_of(answer(retry_after=text, date=date, ratelimit_reset=text), NOW)
    assert delay is None or 0 <= delay < 1_000_000


def test_ratelimit_reset_is_obeyed_for_429_alone() -> None:
    response = answer(ratelimit_reset="12")
    assert limit_delay_of(response, NOW) == 12
    assert limit_delay_of(answer(ratelimit_reset="12", retry_after="3"), NOW) == 3
    assert limit_delay_of(answer(ratelimit_reset="12", retry_after="x"), NOW) == 12
    for status, delay in ((503, None), (502, None)):
        error = error_of(replace(response, status=status), attempts=1, about="x", now=NOW)
        assert isinstance(error, ServerError)
        assert error.retry_after == delay
    busy = Response(503, {"retry-after": "7", "x-request-id": "abc"}, b"")
    error = error_of(busy, attempts=3, about="x", now=NOW)
    assert isinstance(error, ServerError)
    assert (error.retry_after, error.request_id, error.attempts) == (7, "abc", 3)


@pytest.mark.parametrize(
    ("message", "is_limit"),
    [
        ("rate limit exceeded", True),
        ("Rate-limit reached for user", True),
        ("you are rate limited", True),
        ("Request exceeds your rate limit", True),
        ("429: Too Many Requests", True),
        ("unknown field rate_limit", False),
        ("the limit of 1000 is exceeded", False),
        ("project too-many-requests-test is private", False),
    ],
)
def test_error_messages_of_rate_limits_are_recognised(message: str, is_limit: bool) -> None:
    error = GraphQLError("no", status=200, errors=[message], attempts=2, request_id="abc")
    response = Response(200, {"retry-after": "5", "x-request-id": "abc"}, b"")
    found = rate_limit_in(error, response, NOW)
    assert (found is not None) == is_limit
    if found is not None:
        facts = (found.status, found.retry_after, found.attempts, found.request_id)
        assert facts == (200, 5, 2, "abc")
    assert rate_limit_in(error, replace(response, status=400), NOW) is None


@given(st.lists(st.sampled_from("tg"), max_size=100))
def test_a_retry_budget_stays_within_its_bounds(moves: list[str]) -> None:
    budget, left = RetryBudget(ForkSafeLock(), 5), 5
    for move in [*moves, *"tttttt"]:
        if move == "t":
            assert budget.take() == (left > 0)
            left = max(0, left - 1)
        else:
            budget.give_back()
            left = min(5, left + 1)


# Pacing.


def drain(remaining: float, reset: float, cost: float, work: float) -> tuple[int, float]:
    """Send one request after another until the window ends: how many, and the longest pause."""
    pacer, now, sent, longest = Pacer(ForkSafeLock()), 0.0, 0, 0.0
    while now < reset:
        pause = pacer.pause(now, 1e9)
        longest = max(longest, pause)
        now += pause
        if now >= reset - 0.001:  # headers are rounded
            break
        # What is left is the sum of many small numbers.
        assert remaining >= cost - 1e-6 or sent < 2, "ran into the limit"
        remaining = max(0.0, remaining - cost)
        sent += 1
        now += work
        headers = {
            "ratelimit-remaining": f"{remaining:.4f}",
            "ratelimit-reset": f"{reset - now:.6f}",
        }
        if now < reset:
            pacer.note(headers, now)
    return sent, longest


@settings(deadline=None)
@given(st.floats(20, 1000), st.floats(5, 60), st.floats(0.2, 8), st.floats(0.01, 0.2))
@example(20.999999999999993, 5.0, 1.0, 0.125)
def test_requests_are_spread_over_what_is_left_of_the_window(
    remaining: float, reset: float, cost: float, work: float
) -> None:
    sent, longest = drain(remaining, reset, cost, work)
    possible = min(remaining / cost, reset / work)
    # Nearly all that may be sent is sent, and nothing stands still for most of the window.
    assert sent >= min(possible * 0.5, possible - 4)
    assert longest <= reset


def test_no_pause_while_the_rate_limit_is_far() -> None:
    pacer = Pacer(ForkSafeLock())
    assert pacer.pause(0, 60) == 0
    pacer.note({"ratelimit-remaining": "900", "ratelimit-reset": "60"}, 0)
    assert pacer.pause(0, 60) == 0
    pacer.note({"ratelimit-remaining": str(int(LOW)), "ratelimit-reset": "60"}, 0)
    assert pacer.pause(0, 60) == 0


def test_paced_threads_reserve_times_one_after_another() -> None:
    pacer = Pacer(ForkSafeLock())
    pacer.note({"ratelimit-remaining": "10", "ratelimit-reset": "60"}, 0)
    assert [pacer.pause(0, 60) for _ in range(4)] == pytest.approx([0, 6, 12, 18])


def test_an_exhausted_window_is_awaited_unless_it_is_too_long() -> None:
    pacer = Pacer(ForkSafeLock())
    pacer.note({"ratelimit-remaining": "0", "ratelimit-reset": "20"}, 100)
    assert pacer.pause(105, 30) == 15
    assert pacer.pause(105, 10) == 0
    assert pacer.pause(121, 30) == 0


def test_the_cost_of_a_request_is_estimated_from_answers() -> None:
    window = None
    for remaining in (150.0, 140.0, 130.0):
        window = follow(window, remaining, 60, 0)
    assert window is not None
    assert window.cost == 10
    # Thirteen more requests in a minute.
    assert window.taken(0).pause(0) == pytest.approx(60 / 13)
    # A window that ends elsewhere is another one.
    assert follow(window, 900, 60, 30) == Window(90, 900, 900)
    assert follow(window, 900, 60, 60) == Window(120, 900, 900)


@given(
    st.text(max_size=12) | st.floats().map(str) | st.integers(-5, 2000).map(str),
    st.text(max_size=12) | st.floats().map(str) | st.integers(-5, 2000).map(str),
    st.floats(0, 1e6),
)
def test_any_rate_limit_header_gives_a_bounded_pause(
    remaining: str, reset: str, now: float
) -> None:
    pacer = Pacer(ForkSafeLock())
    pacer.note({"ratelimit-remaining": remaining, "ratelimit-reset": reset}, now)
    for _ in range(5):
        assert 0 <= pacer.pause(now, 30) <= 30
