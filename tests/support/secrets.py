"""Assertions that reprs, pickles, JSON, messages and tracebacks hold no planted secret."""

from __future__ import annotations

import pickle
import traceback
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pydantic_core

__all__ = ["assert_hidden", "assert_hidden_error", "assert_unseen"]


def assert_unseen(text: str, *secrets: str) -> None:
    """Assert that a text holds no secret, plain or percent-encoded."""
    for secret in secrets:
        assert secret not in text, f"{secret} in {text}"
        assert quote(secret, safe="") not in text


def assert_hidden(thing: object, *secrets: str) -> None:
    """Assert that no repr, str, pickle, JSON or `vars` of a value holds a secret."""
    for text in (repr(thing), str(thing), f"{thing}", f"{[thing]!r}"):
        assert_unseen(text, *secrets)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with suppress(AttributeError, TypeError, pickle.PicklingError):
            assert_unseen(pickle.dumps(thing, protocol).decode("latin-1"), *secrets)
    with suppress(pydantic_core.PydanticSerializationError):
        assert_unseen(str(pydantic_core.to_jsonable_python(thing)), *secrets)
    with suppress(AttributeError, TypeError):
        assert_unseen(repr(vars(thing)), *secrets)


def assert_hidden_error(error: BaseException, *secrets: str, here: str) -> None:
    """Assert that an error, its causes and its tracebacks with local variables hold no secret.

    Args:
        error: The error.
        secrets: The secrets.
        here: The file of the test, whose frames hold the secrets.
    """
    each: BaseException | None = error
    while each is not None:
        assert_hidden(each, *secrets)
        assert_unseen(repr(each.args), *secrets)
        stack = traceback.StackSummary.extract(
            traceback.walk_tb(each.__traceback__), capture_locals=True
        )
        for frame in stack:
            # Frames of an HTTP library may hold headers, by its version: none may be here.
            assert not {"httpcore", "httpx"} & {*Path(frame.filename).parts}
            if frame.filename != here:
                assert_unseen(f"{frame.name} {frame.filename}: {frame.locals}", *secrets)
        each = each.__cause__ or each.__context__
