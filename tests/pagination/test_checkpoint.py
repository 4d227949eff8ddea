"""Checkpoints come back as they were written, and an altered one is refused."""

from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wandb_runs import InvalidArgumentError
from wandb_runs.pagination.checkpoint import (
    ListingState,
    make_checkpoint,
    read_checkpoint,
)
from wandb_runs.pagination.page import Overlap, Selection
from wandb_runs.pagination.paginator import Position
from wandb_runs.pagination.seen import Watermark

CREATED = Selection(entity="e", project="p", filters="{}", order="+created_at", first=50)
BY_LOSS = Selection(entity="e", project="p", filters="{}", order="-loss", first=50)
CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

texts = st.text(max_size=8)
positions = st.builds(
    Position,
    st.none() | texts,
    st.none() | st.builds(Overlap, st.none() | texts),
    st.none() | texts,
    st.booleans(),
)
moments = st.none() | st.datetimes(
    datetime(2, 1, 1),  # noqa: DTZ001 - the strategy adds the zone
    datetime(9998, 12, 31),  # noqa: DTZ001 - the strategy adds the zone
    timezones=st.just(UTC),
)
keys = moments.map(lambda moment: moment and moment.isoformat(timespec="microseconds"))
states_by_id = st.builds(
    ListingState,
    positions,
    watermark=st.just(Watermark()),
    ids=st.lists(texts, max_size=5).map(tuple),
    read=st.integers(0, 10**9),
    began=moments,
)
states_in_order = st.builds(
    ListingState,
    positions,
    st.builds(
        Watermark,
        keys,
        st.frozensets(texts),
        st.frozensets(texts),
        recent=st.just(frozenset[str]()),
    ),
    ids=st.just(()),
    read=st.integers(0, 10**9),
    began=moments,
)
TOKEN = make_checkpoint(
    CREATED,
    "e",
    ListingState(
        Position("YXJy", Overlap("YXJ"), "r9"),
        Watermark("2026-01-02T03:04:05.000000+00:00", frozenset({"r9"})),
        read=9,
        began=datetime(2026, 1, 2, tzinfo=UTC),
    ),
)


@given(states_by_id)
def test_a_state_with_ids_comes_back(state: ListingState) -> None:
    token = make_checkpoint(BY_LOSS, "e", state)
    assert read_checkpoint(token, BY_LOSS, "e") == state
    assert read_checkpoint(token, BY_LOSS, None) == state


@given(states_in_order)
def test_a_state_with_a_watermark_comes_back(state: ListingState) -> None:
    assert read_checkpoint(make_checkpoint(CREATED, None, state), CREATED, "any") == state


@given(st.sampled_from(range(len(TOKEN))), st.sampled_from(CHARACTERS))
@example(0, "-")
def test_any_changed_lost_or_added_character_is_refused(index: int, character: str) -> None:
    for altered in (
        TOKEN[:index] + character + TOKEN[index + 1 :],
        TOKEN[:index] + character + TOKEN[index:],
        TOKEN[:index] + TOKEN[index + 1 :],
        TOKEN[:index],
    ):
        if altered != TOKEN:
            with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
                read_checkpoint(altered, CREATED, "e")


@pytest.mark.parametrize("character", CHARACTERS)
def test_no_other_last_character_is_the_same_token(character: str) -> None:
    altered = TOKEN[:-1] + character
    if altered != TOKEN:
        with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
            read_checkpoint(altered, CREATED, "e")


@given(st.text() | st.text(CHARACTERS) | st.sampled_from([TOKEN + "=", f" {TOKEN}", TOKEN * 2]))
def test_any_other_text_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
        read_checkpoint(text, CREATED, "e")


def signed(content: object) -> str:
    """A token of any content, whose digest is right."""
    compact = (",", ":")
    text = content if isinstance(content, str) else json.dumps(content, separators=compact)
    written = text.encode()
    digest = hashlib.sha256(written).digest()[:9]
    return base64.urlsafe_b64encode(digest + written).decode().rstrip("=")


def content_of(token: str) -> dict[str, object]:
    decoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    read: dict[str, object] = json.loads(decoded[9:])
    return read


@pytest.mark.parametrize(
    "changed",
    [
        {"version": 2},
        {"version": "3"},
        {"by_key": None},
        {"by_key": 1},
        {"read": "9"},
        {"ids": [1]},
        {"ids": None},
        {"overlap": "x"},
        {"began": "yesterday"},
        {"began": "2026-01-02T03:04:05"},
        {"began": ""},
        {"began": "0001-01-01T00:00:00+00:00"},
        {"began": "9999-12-31T23:59:59+00:00"},
        {"read": -1},
        {"read": 2**53 + 1},
        {"read": 10**30},
        {"read": True},
        {"read": 9.0},
        {"overlap": [None, None]},
        {"key": ""},
        {"key": "garbage"},
        {"key": "2026-01-02"},
        {"key": "2026-01-02T03:04:05.000000+01:00"},
        {"extra": 1},
    ],
    ids=str,
)
def test_content_of_another_shape_is_refused_though_its_digest_is_right(
    changed: dict[str, object],
) -> None:
    content = content_of(TOKEN)
    assert signed(content) == TOKEN
    with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
        read_checkpoint(signed({**content, **changed}), CREATED, "e")


def test_fields_in_another_order_or_spaced_are_refused_though_the_digest_is_right() -> None:
    content = content_of(TOKEN)
    for other in (signed(dict(reversed(content.items()))), signed(json.dumps(content))):
        with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
            read_checkpoint(other, CREATED, "e")


FIELDS = sorted({*content_of(TOKEN), "extra"} - {"entity", "project", "order", "filters"})
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts | keys,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=4,
)


@given(st.sampled_from(FIELDS), values)
@example("read", -5)
@example("overlap", [None, None])
def test_any_value_of_a_field_is_read_as_a_state_or_refused(field: str, value: object) -> None:
    token = signed({**content_of(TOKEN), field: value})
    try:
        state = read_checkpoint(token, CREATED, "e")
    except InvalidArgumentError as error:
        assert "checkpoint is altered" in error.message  # noqa: PT017 - some values are fine
        return
    assert field != "extra"
    assert 0 <= state.read <= 2**53
    again = content_of(make_checkpoint(CREATED, "e", state))
    if field in ("read", "began", "key", "after", "overlap", "last", "by_key"):
        assert again[field] == value


@pytest.mark.parametrize("opening", ["[", '{"ids":', '{"version":3,"ids":['])
def test_deep_nesting_is_refused(opening: str) -> None:
    with pytest.raises(InvalidArgumentError, match="checkpoint is altered"):
        read_checkpoint(signed(opening * 100_000), CREATED, "e")


def test_a_huge_token_is_refused_before_it_is_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> bytes:
        pytest.fail("decoded")

    monkeypatch.setattr(base64, "b64decode", fail)
    with pytest.raises(InvalidArgumentError, match="67,108,865 characters"):
        read_checkpoint("A" * (64 * 2**20 + 1), CREATED, "e")
