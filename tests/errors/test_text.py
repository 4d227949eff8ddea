"""Messages are one line of bounded length that moves no cursor, whatever they quote."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.printable import ODD, is_plain, server_texts

from wandb_runs import (
    ChangeOutcome,
    ChangesError,
    DriftError,
    DriftWarning,
    EmptyJoinWarning,
    HistoriesError,
    MissingDependencyError,
    NotFoundError,
    RequestTimeoutError,
    ServerError,
    UnknownKeyWarning,
    UnknownMetricWarning,
    UnknownStateWarning,
    WandbRunsError,
)
from wandb_runs.errors.suggest import name_runs
from wandb_runs.errors.text import FieldsRepr, as_message, excerpt, printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 5000
LONG = "\x1b[2J" * 250_000


@given(st.text() | server_texts)
def test_a_printable_text_is_plain_and_ordinary_text_is_unchanged(text: str) -> None:
    shown = printable(text)
    assert is_plain(shown)
    assert printable(shown) == shown
    if is_plain(text):
        assert shown == text


def test_scripts_and_emoji_are_kept() -> None:
    for text in ("naïve", "损失", "\u0645\u06cc\u200c\u062e", "👩\u200d🚀", "e\u0301", "a\u00a0b"):
        assert printable(text) == text


@pytest.mark.parametrize("odd", ODD)
def test_what_moves_a_cursor_or_hides_is_written_as_an_escape(odd: str) -> None:
    shown = printable(f"a{odd}b")
    assert shown == f"a{odd.encode('unicode_escape').decode()}b"
    assert shown.isascii()


@given(st.dictionaries(st.text() | server_texts, st.text() | server_texts))
def test_printable_json_is_plain_and_the_same_json(value: dict[str, str]) -> None:
    shown = printable_json(value)
    assert all(map(is_plain, shown.split("\n")))
    assert json.loads(shown) == value


@dataclass(frozen=True, slots=True, repr=False)
class Made(FieldsRepr):
    first: int
    secret: str = field(repr=False)
    last: str = "b"


def test_a_value_that_is_half_made_has_a_repr() -> None:
    assert repr(Made(1, "a")) == "Made(first=1, last='b')"
    half = Made.__new__(Made)
    assert repr(half) == "Made(first=..., last=...)"


@given(st.text() | server_texts, st.integers(1, 20))
def test_an_excerpt_is_bounded_and_says_how_much_is_left_out(text: str, length: int) -> None:
    shown = excerpt(text, length)
    assert is_plain(shown)
    assert len(shown) <= 10 * length + 40
    assert ("more characters)" in shown) == (len(text) > length)


def test_a_long_message_keeps_both_ends() -> None:
    message = as_message(f"no run {LONG!r}; check the spelling")
    assert message.startswith("no run '")
    assert message.endswith("; check the spelling")
    assert "characters left out" in message
    assert len(message) < LONGEST


MAKERS: list[Callable[[str], Exception]] = [
    WandbRunsError,
    NotFoundError,
    MissingDependencyError,
    RequestTimeoutError,
    lambda text: ServerError(text, status=500),
    lambda text: DriftError([text]),
    lambda text: HistoriesError(text, errors={}, histories=None),
    lambda text: ChangesError(text, outcome=ChangeOutcome(text, text, (text,), {}, (text,))),
    lambda text: DriftWarning([text], 0, [text]),
    lambda text: EmptyJoinWarning([text]),
    lambda text: EmptyJoinWarning(["run"], text),
    lambda text: EmptyJoinWarning([text], call="scan_history"),
    lambda text: UnknownMetricWarning(text, {text: text}),
    lambda text: UnknownKeyWarning("filters", {text: text}, 3),
    lambda text: UnknownStateWarning("filters", {text: None}, [text]),
]


@pytest.mark.parametrize("make", MAKERS)
def test_every_error_and_warning_is_plain_and_bounded(make: Callable[[str], Exception]) -> None:
    for text in (ODD, LONG, "\ud800"):
        problem = make(text)
        for each in (problem, pickle.loads(pickle.dumps(problem))):
            assert is_plain(str(each))
            assert len(str(each)) < LONGEST
            assert str(each) == str(problem)


def test_ids_in_messages_are_bounded() -> None:
    assert is_plain(name_runs([ODD, LONG]))
    assert len(name_runs([LONG] * 1000)) < LONGEST
