"""A search for planted secrets in all that is shown of values and errors."""

from __future__ import annotations

import pickle
import traceback
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pydantic_core

__all__ = ["assert_hidden", "assert_hidden_error", "assert_unseen"]


def assert_unseen(text: str, *secrets: str) -> None:
    """None of the secrets is in a text, as it is or quoted for a URL."""
    for secret in secrets:
        assert secret not in text, f"{secret} in {text}"
        assert quote(secret, safe="") not in text


def assert_hidden(thing: object, *secrets: str) -> None:
    """Nothing that is shown of a value holds a secret."""
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
    """Nothing that is shown of an error, its causes or its traceback holds a secret.

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
            # The library's frames hold the headers; which of them show them depends on its version.
            assert not {"httpcore", "httpx"} & {*Path(frame.filename).parts}
            if frame.filename != here:
                assert_unseen(f"{frame.name} {frame.filename}: {frame.locals}", *secrets)
        each = each.__cause__ or each.__context__
