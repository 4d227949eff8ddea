"""Servers that lack a field, an argument or a type: what is read without it, and what is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.lacking import ESSENTIAL, OPTIONAL, Raised, Reading, concerned, expected, read

from wandb_runs import NotFoundError
from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with LocalServer(sample=True) as server:
        yield server


@pytest.fixture(scope="module")
def whole(server: LocalServer) -> Reading:
    reading = read(server)
    assert reading.missing == reading.warned == ()
    return reading


def check(
    server: LocalServer, whole: Reading, names: frozenset[str], calls: Iterable[str]
) -> Reading:
    """Read from a server that lacks names, and compare all of it to the last value."""
    with server.lack(*names):
        reading = read(server, calls)
    wanted = expected(whole, names)
    for call, value in reading.values.items():
        assert value == wanted[call], call
        if isinstance(value, Raised):  # which are equal whatever they name
            assert value.missing <= names
            assert value.missing or value.kind is NotFoundError
    assert len({*reading.warned}) == len(reading.warned), "warned of twice"
    return reading


@pytest.mark.parametrize("name", sorted({*OPTIONAL, *ESSENTIAL}))
def test_all_but_what_needs_a_missing_name_is_read(
    server: LocalServer, whole: Reading, name: str
) -> None:
    reading = check(server, whole, frozenset({name}), concerned(whole, name))
    assert reading.missing == (name,)
    assert reading.warned == ((name,) if name in OPTIONAL else ())
