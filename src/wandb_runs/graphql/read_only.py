"""Dicts and lists that refuse changes: what a run holds, and what is nested in it.

They are subclasses of `dict` and `list`, so that `isinstance`, `==`, `json`, and libraries that
read containers in C take them for what they are. Such libraries read the storage and call no
method. So everything that is nested is made read-only before anything is handed out, and reading
is left to `dict` and `list`: whichever way a copy is made, what is nested in it is read-only.

C code that is given one in order to write into it (`heapq`, `exec`) or that names the base
(`dict.update(x, ...)`) is not stopped.
"""

from __future__ import annotations

import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Final, Generic, Literal, NoReturn, TypeAlias, TypeVar, cast, final

from typing_extensions import override

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

    Container: TypeAlias = dict[object, object] | list[object]
    Kinds: TypeAlias = Mapping[type, Callable[..., Container]]
    Part: TypeAlias = Literal["config", "summary"]

__all__ = ["read_only", "read_only_graph", "read_only_object"]

K = TypeVar("K")
V = TypeVar("V")


def _refuse(self: object, *_args: object, **_options: object) -> NoReturn:
    kind = "dict" if isinstance(self, dict) else "list"
    raise TypeError(
        f"runs and sweeps are read-only, and this {kind} belongs to one: run.update(config=..., "
        "summary=..., tags=...) changes what the server holds of a run, and copy.deepcopy(x) gives "
        f"a {kind} of your own, which can be changed throughout"
    )


def _refusals(part: Part) -> Mapping[str, Callable[..., NoReturn]]:
    """The methods of a run's config or summary that would change it, by their names."""

    def refuse(instead: str) -> NoReturn:
        raise TypeError(
            f"run.{part} is read-only: run.update({instead}) changes what the server holds, and "
            "copy.deepcopy(x) gives a dict of your own, which can be changed throughout"
        )

    def refuse_new(_self: object, key: object = ..., *_: object) -> NoReturn:
        refuse(f"{part}={{{key!r:.80}: ...}}" if isinstance(key, str) else f"{part}={{...}}")

    def refuse_any(_self: object, *_: object, **_options: object) -> NoReturn:
        refuse(f"{part}={{...}}")

    def refuse_less(_self: object, key: object = ..., *_: object) -> NoReturn:
        refuse(f"unset_{part}=[{f'{key!r:.80}' if isinstance(key, str) else '...'}]")

    return {
        **dict.fromkeys(("__setitem__", "setdefault"), refuse_new),
        **dict.fromkeys(("__ior__", "update"), refuse_any),
        **dict.fromkeys(("__delitem__", "clear", "pop", "popitem"), refuse_less),
    }


class ReadOnlyDict(dict[K, V], Generic[K, V]):
    __slots__ = ()

    if not TYPE_CHECKING:  # checkers see a `Mapping`, which has no mutators
        __setitem__ = __delitem__ = __ior__ = _refuse
        clear = pop = popitem = setdefault = update = _refuse

    @property
    def _json_dict(self) -> dict[K, V]:
        """A `dict` of its own, throughout: W&B's guide has `run.summary._json_dict`."""
        return deepcopy(self)

    def __copy__(self) -> dict[K, V]:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, object]) -> dict[K, V]:
        return cast("dict[K, V]", _rebuild(cast("Container", self), _OWN, memo))

    @override
    def __reduce__(self) -> tuple[Callable[[], object], tuple[()], None, None, Iterator[object]]:
        # Loaded where this package is not installed, too.
        return dict, (), None, None, iter(self.items())


@final
class ReadOnlyConfig(ReadOnlyDict[K, V], Generic[K, V]):
    """A run's config; what is nested in it is as of any other dict."""

    __slots__ = ()

    if not TYPE_CHECKING:
        vars().update(_refusals("config"))


@final
class ReadOnlySummary(ReadOnlyDict[K, V], Generic[K, V]):
    """A run's summary, likewise."""

    __slots__ = ()

    if not TYPE_CHECKING:
        vars().update(_refusals("summary"))


@final
class ReadOnlyList(list[V], Generic[V]):
    __slots__ = ()

    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse
        append = clear = extend = insert = pop = remove = reverse = sort = _refuse

    def __copy__(self) -> list[V]:
        return self.copy()

    def __deepcopy__(self, memo: dict[int, object]) -> list[V]:
        return cast("list[V]", _rebuild(cast("Container", self), _OWN, memo))

    @override
    def __reduce__(self) -> tuple[Callable[[], object], tuple[()], None, Iterator[object]]:
        return list, (), None, iter(self)


_READ_ONLY: Final = cast("Kinds", {dict: ReadOnlyDict, list: ReadOnlyList})
_DICT_OF: Final = _READ_ONLY[dict]
_LIST_OF: Final = _READ_ONLY[list]
_PUT_AT_KEY: Final[Callable[..., None]] = dict[object, object].__setitem__
_PUT_AT_INDEX: Final[Callable[..., None]] = list[object].__setitem__
_OWN: Final[Kinds] = {
    **dict.fromkeys((ReadOnlyDict, ReadOnlyConfig, ReadOnlySummary), dict),
    ReadOnlyList: list,
}
_CONTAINERS: Final = frozenset({*_READ_ONLY, *_OWN})


def read_only_object(document: JSONObject, part: Part | None = None) -> JSONObject:
    """A read-only `dict` of the same items, and of nested ones that are read-only as well.

    Args:
        document: A JSON object, in which no container holds itself; it is not changed.
        part: Which document of a run it is, for the message of what would change it.

    >>> from copy import deepcopy
    >>> config = read_only_object({"lr": 0.1, "model": {"widths": [64, 64]}})
    >>> config, isinstance(config["model"], dict)
    ({'lr': 0.1, 'model': {'widths': [64, 64]}}, True)
    >>> dict(config)["model"]["widths"].append(32)
    Traceback (most recent call last):
    TypeError: runs and sweeps are read-only, and this list belongs to one: \
run.update(config=..., summary=..., tags=...) changes what the server holds of a run, and \
copy.deepcopy(x) gives a list of your own, which can be changed throughout
    >>> deepcopy(config)["model"]["widths"].append(32)
    """
    if not _DUMPERS and "yaml" in sys.modules:
        _teach_yaml()
    top = _top_of(document, part)
    pending: list[Container] = []
    # No recursion: values may be nested deeper than the caller's stack has room for. This is part
    # of each reading of a config: `_rebuild`, which does the same for YAML, takes twice the time.
    for key, value in document.items():
        if type(value) is dict:
            holder = _DICT_OF(value)
            values: Iterable[object] = value.values()
        elif type(value) is list:
            holder, values = _LIST_OF(value), value
        else:
            continue
        _PUT_AT_KEY(top, key, holder)
        if not _CONTAINERS.isdisjoint(map(type, values)):
            pending.append(holder)
    for holder in pending:
        put = _PUT_AT_KEY if isinstance(holder, dict) else _PUT_AT_INDEX
        for place, each in _items(holder):
            make = _READ_ONLY.get(type(each))
            if make is None:
                continue
            made = make(each)
            put(holder, place, made)
            if _holds_containers(made):
                pending.append(made)
    return top


def _top_of(document: JSONObject, part: Part | None) -> ReadOnlyDict[str, JSONValue]:
    if part is None:
        return ReadOnlyDict(document)
    return ReadOnlyConfig(document) if part == "config" else ReadOnlySummary(document)


def read_only_graph(document: Mapping[str, object]) -> JSONObject:
    """What `read_only_object` makes, of values that may be shared or hold themselves, as in YAML.

    >>> anchor = [1]
    >>> config = read_only_graph({"a": anchor, "b": anchor})
    >>> config["a"] is config["b"]
    True
    """
    if not _DUMPERS and "yaml" in sys.modules:
        _teach_yaml()
    return cast("JSONObject", _rebuild(cast("Container", document), _READ_ONLY, {}))


def read_only(values: list[V]) -> list[V]:
    """A read-only `list` of values that are immutable.

    >>> read_only(["best"]) == ["best"]
    True
    """
    return ReadOnlyList(values)


def _rebuild(value: Container, kinds: Kinds, made: dict[int, object]) -> Container:
    """Make a container anew, and all that are nested in it, each as another kind.

    Args:
        value: The container; not changed.
        kinds: The kind to make, by the present one. What is of no kind here is kept.
        made: What was made, by the identity of what it was made of. A loop, and not a recursion:
            values may be nested deeper than the caller's stack has room for.
    """
    top = made[id(value)] = kinds[type(value)](value)
    pending = [top]
    while pending:
        holder = pending.pop()
        put = _PUT_AT_KEY if isinstance(holder, dict) else _PUT_AT_INDEX
        for place, each in _items(holder):
            kind = kinds.get(type(each))
            if kind is None:
                continue
            new = made.get(id(each))
            if new is None:
                new = made[id(each)] = made_now = kind(each)
                if _holds_containers(made_now):
                    pending.append(made_now)
            put(holder, place, new)
    return top


def _items(holder: Container) -> Iterable[tuple[object, object]]:
    return holder.items() if isinstance(holder, dict) else enumerate(holder)


def _holds_containers(holder: Container) -> bool:
    values = holder.values() if isinstance(holder, dict) else holder
    return not _CONTAINERS.isdisjoint(map(type, values))


# PyYAML writes what is of a base's kind exactly, unless it is told of the other one.
_DUMPERS: Final[set[object]] = set()


def _teach_yaml() -> None:
    """Let PyYAML, where a program has imported it, write a run's values as what they are."""
    yaml = sys.modules["yaml"]
    for name in ("SafeDumper", "CSafeDumper", "Dumper", "CDumper"):
        dumper = getattr(yaml, name, None)  # those in C are not everywhere
        if dumper is not None:
            for kind in (ReadOnlyDict, ReadOnlyConfig, ReadOnlySummary):
                dumper.add_representer(kind, dumper.represent_dict)
            dumper.add_representer(ReadOnlyList, dumper.represent_list)
            _DUMPERS.add(dumper)
