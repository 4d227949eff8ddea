"""Keys: the metrics, config values and summary values that a call requests.

A key is a name as given to `run.config` or `run.log`, or a path with dots to a value inside what
was given; a name with these dots comes first.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe

__all__ = [
    "EVERYTHING",
    "KeySelection",
    "check_keys",
    "check_metric",
    "check_unicode",
    "is_unicode",
    "select_keys",
]

K = TypeVar("K", bound=str)

_AROUND: Final = 60
"""Characters that a message shows on each side of one that cannot be sent."""


class KeySelection(NamedTuple):
    """The keys that a listing requests; None for all of them.

    Attributes:
        config: Keys of the config.
        summary: Keys of the summary.
    """

    config: tuple[str, ...] | None
    summary: tuple[str, ...] | None

    def covers(self, keys: KeySelection) -> bool:
        """Whether what is requested includes what other keys request.

        >>> EVERYTHING.covers(KeySelection(("lr",), None))
        True
        >>> KeySelection(("lr",), ()).covers(KeySelection(("lr", "seed"), ()))
        False
        """
        return all(
            own is None or (other is not None and set(other) <= set(own))
            for own, other in zip(self, keys, strict=True)
        )


EVERYTHING: Final = KeySelection(None, None)


def select_keys(
    config_keys: list[K] | tuple[K, ...] | None, summary_keys: list[K] | tuple[K, ...] | None
) -> KeySelection:
    """Check the keys of a listing; an empty list requests none.

    Raises:
        InvalidArgumentError: Not a list or tuple, or a name is empty or not a string.

    >>> select_keys(["lr", "lr"], [])
    KeySelection(config=('lr',), summary=())
    """
    return KeySelection(
        _check_some("config_keys", config_keys), _check_some("summary_keys", summary_keys)
    )


def check_keys(keys: list[K] | tuple[K, ...] | None) -> tuple[str, ...] | None:
    """Check the keys of a call.

    Args:
        keys: Names of metrics; None for all.

    Returns:
        The names without duplicates, in order, or None.

    Raises:
        InvalidArgumentError: Not a list or tuple, empty, or a name is empty or not a string.

    >>> check_keys(["loss", "accuracy", "loss"])
    ('loss', 'accuracy')
    """
    if keys is None:
        return None
    names = _check_sequence(keys)
    if not names:
        raise InvalidArgumentError(
            "keys is empty; name at least one metric, or leave keys out to get all"
        )
    return tuple(
        dict.fromkeys(check_metric(f"keys[{index}]", name) for index, name in enumerate(names))
    )


def check_metric(argument: str, name: object) -> str:
    """Check the name of one metric.

    Raises:
        InvalidArgumentError: Not a str, empty, or with lone surrogates.
    """
    if not isinstance(name, str):
        raise InvalidArgumentError(
            f"{argument} is the name of a metric, a str; got {describe(name)}"
        )
    if not name:
        raise InvalidArgumentError(f"{argument} is the name of a metric; got an empty string")
    check_unicode(f"{argument} is the name of a metric;", name)
    return name


def check_unicode(where: str, text: str) -> None:
    """Check that UTF-8 can encode a text that is to be sent; no server takes another.

    Args:
        where: How the message begins.
        text: The text.

    Raises:
        InvalidArgumentError: It holds half a surrogate pair.

    >>> check_unicode("the key", "naïve")
    """
    if not is_unicode(text):
        half = next(at for at, each in enumerate(text) if "\ud800" <= each <= "\udfff")
        shown = text[max(0, half - _AROUND) : half + _AROUND]
        raise InvalidArgumentError(
            f"{where} {shown!a} holds half a surrogate pair, which UTF-8 cannot encode"
        )


def is_unicode(text: str) -> bool:
    r"""Whether UTF-8 can encode a text; it cannot encode lone surrogates, which JSON can escape.

    >>> is_unicode("naïve"), is_unicode("\ud83d")
    (True, False)
    """
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_some(argument: str, keys: list[K] | tuple[K, ...] | None) -> tuple[str, ...] | None:
    if isinstance(keys, list | tuple) and not keys:
        return ()
    try:
        return check_keys(keys)
    except InvalidArgumentError as error:
        raise InvalidArgumentError(f"{argument}: {error.message}") from None


def _check_sequence(keys: object) -> list[object] | tuple[object, ...]:
    if isinstance(keys, str):
        raise InvalidArgumentError(f"keys is a list of metric names; write keys=[{keys!r}]")
    if not isinstance(keys, list | tuple):
        raise InvalidArgumentError(
            f"keys is a list or tuple of metric names, or None for all; got {describe(keys)}"
        )
    return cast("list[object] | tuple[object, ...]", keys)
