"""Mentions: the paths, keys and states that a filter, an order or a list of keys names.

The server takes a path that no run has for one without values: it finds nothing, or sorts by
nothing. A mention says what to look for in the documents of runs, and what is spelt like it there.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from wandb_runs.errors.suggest import nearest
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.query.operators import is_list, is_mapping

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = [
    "NO_MENTIONS",
    "STATES",
    "Argument",
    "KeyMention",
    "Mentions",
    "Name",
    "StateMention",
    "key_mentions",
    "mentions_of",
    "name_at",
    "names_in",
]

Section: TypeAlias = Literal["config", "summary"]

Argument: TypeAlias = Literal[
    "filters", "order", "config_keys", "summary_keys", "keys", "config", "summary", "values"
]
"""The argument that holds a name."""

STATES: Final = (
    "running",
    "finished",
    "crashed",
    "failed",
    "killed",
    "pending",
    "preempting",
    "preempted",
)
"""The states of a run that W&B is known to have; it may add others."""

_ROOTS: Final[Mapping[str, Section]] = {"config": "config", "summary_metrics": "summary"}

_ENVELOPE: Final = "value"

_INTERNAL: Final = frozenset({"_wandb", "wandb_version"})

_DEEPEST: Final = 5
"""How deeply nested the names are that are suggested."""


class Name(NamedTuple):
    """A name in the documents of runs.

    Attributes:
        section: The document.
        text: The key, and those of nested values, joined by dots.
        label: The path, as filters and orders spell it.
        is_in_list: Whether it stands in a list, where filters look, and no key reaches.
    """

    section: Section
    text: str
    label: str
    is_in_list: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class KeyMention(FieldsRepr):
    """A path or a key that an argument names.

    Attributes:
        argument: The argument.
        section: The document that would have it.
        parts: The keys on the way to the value: what stands between the dots, which may be parts
            of a key as well. Those of a path lead through the envelope, as the document is stored.
        label: How messages spell it.
        text: It without section and envelope, for comparing it with names.
        is_proven: Whether a run that fits the filter has the value: a comparison that no run
            without it fulfils.
    """

    argument: Argument
    section: Section
    parts: tuple[str, ...]
    label: str
    text: str
    is_proven: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of the document of which one would hold the value."""
        parts = self.parts
        is_path = self.argument in ("filters", "order")
        has_envelope = is_path and self.section == "config" and _ENVELOPE in parts[1:]
        return tuple(
            ".".join(parts[:end])
            for end in range(1, len(parts) + 1)
            if not has_envelope or parts[end : end + 1] == (_ENVELOPE,)
        )

    def is_in(self, document: Mapping[str, object]) -> bool:
        """Whether a document, as it is stored, has the value; null is one."""
        if self.argument not in ("filters", "order"):
            opened = _opened(document) if self.section == "config" else document
            return _holds(opened, self.parts, in_lists=False)
        if _holds(document, self.parts):
            return True
        # The envelope of a value of the config may be missing.
        parts = _bare(self.parts) if self.section == "config" else self.parts
        return len(parts) < len(self.parts) and _holds(document, parts)

    def is_among(self, names: Iterable[Name]) -> bool:
        """Whether one of the names is that of the value, or of one inside it."""
        own = [name for name in names if name.section == self.section]
        if self.argument not in ("filters", "order"):
            texts = (name.text for name in own if not name.is_in_list)
            return any(text == self.text or text.startswith(f"{self.text}.") for text in texts)
        # A key with dots and a nested one are two paths, whose texts are alike.
        below = ".".join((self.section, *self.parts, ""))
        return any(name.label == self.label or name.label.startswith(below) for name in own)

    def suggest(self, names: Sequence[Name]) -> str | None:
        """The name that it is most likely a misspelling of, if any.

        >>> from wandb_runs.query.order import parse_order
        >>> names = [*names_in("config", {"lr": {"value": 1}}), *names_in("summary", {"loss": 1})]
        >>> for order in ("-config.lrr", "+config.loss", "+summary.x"):
        ...     print(mentions_of(None, parse_order(order)).keys[0].suggest(names))
        config.lr
        summary.loss
        None
        """
        if self.argument not in ("filters", "order"):
            own = [name for name in names if name.section == self.section]
            return nearest(self.text, (name.text for name in own if not name.is_in_list))
        near = {name.text: name.label for name in names if name.section == self.section}
        far = {name.text: name.label for name in names if name.section != self.section}
        # The same name elsewhere: in the other document, or as a nested key in place of a dot.
        for labels in (near, far):
            if self.text in labels:
                return labels[self.text]
        found = nearest(self.text, near)
        return None if found is None else near[found]


@dataclass(frozen=True, slots=True, repr=False)
class StateMention(FieldsRepr):
    """A word with which a filter compares the state, and which is no known state.

    Attributes:
        state: The word.
        is_proven: Whether a run that fits the filter has the state.
    """

    state: str
    is_proven: bool


class Mentions(NamedTuple):
    """What the arguments of a listing name.

    Attributes:
        keys: Paths and keys.
        states: Words that are no known states.
    """

    keys: tuple[KeyMention, ...] = ()
    states: tuple[StateMention, ...] = ()

    def __bool__(self) -> bool:
        """Whether there is anything to look up."""
        return bool(self.keys or self.states)


NO_MENTIONS: Final = Mentions()


def mentions_of(
    filters: str | None,
    order: str | None,
    config_keys: Iterable[str] | None = None,
    summary_keys: Iterable[str] | None = None,
) -> Mentions:
    """What a filter, an order and lists of keys name.

    Paths of attributes are left out: each run has them. So are paths of whose absence the filter
    asks: `{"config.x": None}`, `~Config("x").exists()`.

    Args:
        filters: The filter, as it is sent; None for one that is not to be looked at.
        order: The order, likewise.
        config_keys: Keys of the config; None for all.
        summary_keys: Keys of the summary; None for all.

    >>> [each.label for each in mentions_of('{"config.lr.value": 1}', "-summary_metrics.loss").keys]
    ['config.lr', 'summary.loss']
    >>> mentions_of('{"state": {"$in": ["finished", "runing"]}}', None).states
    (StateMention(state='runing', is_proven=False),)
    """
    keys: list[KeyMention] = []
    states: dict[str, StateMention] = {}
    conditions = [] if filters is None else [*_conditions(json.loads(filters))]
    absent = {each.path for each in conditions if each.asks_for_absence}
    for each in conditions:
        if each.path == "state":
            is_one = each.is_proven and len(each.operands) == 1
            for word in each.unknown_states:
                states.setdefault(word, StateMention(word, is_one))
        elif each.path not in absent:
            mention = _path_mention("filters", each.path, is_proven=each.is_proven)
            keys += [] if mention is None else [mention]
    ordered = None if order is None else _path_mention("order", order[1:])
    keys += [] if ordered is None else [ordered]
    keys += key_mentions("config_keys", "config", config_keys or ())
    keys += key_mentions("summary_keys", "summary", summary_keys or ())
    # What W&B keeps for itself is known.
    keys = [each for each in keys if each.parts[0] not in _INTERNAL]
    # Of several conditions on a path, one that proves it is enough.
    chosen: dict[tuple[Argument, str], KeyMention] = {}
    for mention in sorted(keys, key=lambda mention: not mention.is_proven):
        chosen.setdefault((mention.argument, mention.label), mention)
    return Mentions((*chosen.values(),), (*states.values(),))


def key_mentions(argument: Argument, section: Section, keys: Iterable[str]) -> list[KeyMention]:
    """The mentions of keys, with dots or nested."""
    return [
        KeyMention(argument, section, (*key.split("."),), key, key)
        for key in keys
        if key not in _INTERNAL
    ]


def names_in(section: Section, document: Mapping[str, object]) -> Iterator[Name]:
    """The names in a document, as it is stored.

    >>> [each.label for each in names_in("config", {"model": {"value": {"depth": 2}}})]
    ['config.model', 'config.model.value.depth']
    """
    for key, stored in document.items():
        if key in _INTERNAL:
            continue
        value = _bare_value(stored) if section == "config" else stored
        yield Name(section, key, _label(section, key, ()))
        for keys in _nested(value, _DEEPEST):
            yield Name(section, ".".join((key, *keys)), _label(section, key, keys))


def name_at(path: str, *, is_in_list: bool = False) -> Name | None:
    """The name of a path, as the server spells it; None for an attribute.

    Args:
        path: The path.
        is_in_list: Whether it leads into a list.

    >>> name_at("config.model.value.depth")[:3]
    ('config', 'model.depth', 'config.model.value.depth')
    >>> name_at("summary_metrics.loss").label, name_at("tags")
    ('summary.loss', None)
    """
    mention = _path_mention("order", path)
    if mention is None:
        return None
    return Name(mention.section, mention.text, mention.label, is_in_list)


def _nested(value: object, depth: int) -> Iterator[tuple[str, ...]]:
    if depth and is_mapping(value):
        for key, below in value.items():
            yield (str(key),)
            for keys in _nested(below, depth - 1):
                yield (str(key), *keys)


def _label(section: Section, key: str, nested: tuple[str, ...]) -> str:
    """The path of a value, in its short spelling where that says the same."""
    if section == "summary":
        return ".".join(("summary", key, *nested))
    if nested:
        return ".".join(("config", key, _ENVELOPE, *nested))
    return f"config.{key}.{_ENVELOPE}" if "." in key else f"config.{key}"


def _path_mention(argument: Argument, wire: str, *, is_proven: bool = False) -> KeyMention | None:
    """The mention of a path, as it is sent; None for an attribute."""
    root, *parts = wire.split(".")
    section = _ROOTS.get(root)
    if section is None or not parts:
        return None
    text = ".".join(_bare(parts) if section == "config" else parts)
    if section == "summary":
        label = f"summary.{text}"
    else:
        label = f"config.{text}" if [*parts] == [text, _ENVELOPE] else wire
    return KeyMention(argument, section, tuple(parts), label, text, is_proven)


def _bare(parts: Iterable[str]) -> tuple[str, ...]:
    """The parts of a path of the config without the envelope, which follows a key."""
    key, *rest = parts
    if _ENVELOPE in rest:
        rest.remove(_ENVELOPE)
    return (key, *rest)


def _bare_value(stored: object) -> object:
    return stored[_ENVELOPE] if is_mapping(stored) and _ENVELOPE in stored else stored


def _opened(config: Mapping[str, object]) -> dict[str, object]:
    """A config, its values out of their envelopes."""
    return {key: _bare_value(stored) for key, stored in config.items()}


def _holds(value: object, parts: tuple[str, ...], *, in_lists: bool = True) -> bool:
    """Whether a value is found by keys, several of which may make one with dots.

    Args:
        value: What is looked into.
        parts: The keys.
        in_lists: What a list counts as: how the server looks into lists is not known; keys are
            picked from what it sent, never from lists.
    """
    if not parts:
        return True
    if is_list(value):
        return in_lists
    if not is_mapping(value):
        return False
    ends = range(1, len(parts) + 1)
    return any(
        key in value and _holds(value[key], parts[end:], in_lists=in_lists)
        for end in ends
        for key in (".".join(parts[:end]),)
    )


class _Condition(NamedTuple):
    """One comparison of a filter.

    Attributes:
        path: The path, as it is sent.
        operator: The operator, with its `$`.
        operand: What it compares with.
        is_negated: Whether runs fulfil the filter that do not fulfil it.
        is_required: Whether all runs that fulfil the filter fulfil it.
    """

    path: str
    operator: str
    operand: object
    is_negated: bool
    is_required: bool

    @property
    def operands(self) -> list[object]:
        """What a value is compared with, one by one."""
        several = self.operator in ("$in", "$nin", "$all") and is_list(self.operand)
        return [*self.operand] if several and is_list(self.operand) else [self.operand]

    @property
    def asks_for_absence(self) -> bool:
        """Whether runs without the value are asked for by name; a comparison with null does."""
        if self.operator == "$exists":
            return bool(self.operand) == self.is_negated
        if self.operator in ("$eq", "$in", "$all", "$ne", "$nin"):
            is_positive = self.operator in ("$eq", "$in", "$all")
            return None in self.operands and is_positive != self.is_negated
        return False

    @property
    def is_proven(self) -> bool:
        """Whether each run that fits the filter has a value."""
        return self.is_required and self.operator in _PROVING and not self.asks_for_absence

    @property
    def unknown_states(self) -> list[str]:
        """What the state is compared with and is no known state."""
        if self.operator not in ("$eq", "$in", "$ne", "$nin"):
            return []
        words = [word for word in self.operands if word is not None]
        return [str(word) for word in words if word not in STATES]


_PROVING: Final = frozenset(
    {
        *("$eq", "$in", "$gt", "$gte", "$lt", "$lte", "$exists"),
        *("$regex", "$contains", "$all", "$size"),
    }
)
"""Operators that no run without the value fulfils."""


def _conditions(
    query: object, *, is_negated: bool = False, is_required: bool = True
) -> Iterator[_Condition]:
    if not is_mapping(query):
        return
    for key, value in query.items():
        path = str(key)
        if path in ("$and", "$or", "$nor"):
            for branch in value if is_list(value) else ():
                yield from _conditions(
                    branch,
                    is_negated=is_negated != (path == "$nor"),
                    is_required=is_required and path == "$and",
                )
        elif is_mapping(value) and value and all(str(each).startswith("$") for each in value):
            for operator, operand in value.items():
                if operator == "$not":
                    yield from _conditions(
                        {path: operand}, is_negated=not is_negated, is_required=False
                    )
                else:
                    yield _Condition(path, str(operator), operand, is_negated, is_required)
        else:
            yield _Condition(path, "$eq", value, is_negated, is_required)
