"""The arguments of `update`, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, cast

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean, show
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.documents import INTERNAL_KEYS
from wandb_runs.query.keys import check_unicode
from wandb_runs.runs.changes.documents import DocumentChange
from wandb_runs.runs.changes.values import json_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.runs.changes.documents import Part

__all__ = [
    "UNCHANGED",
    "Unchanged",
    "Update",
    "check_flag",
    "check_tags",
    "check_word",
    "plan_update",
]


class _Unchanged(Enum):
    """The default of what `update` can change, told apart from None."""

    UNCHANGED = "unchanged"

    @override
    def __repr__(self) -> str:
        return "UNCHANGED"


Unchanged: TypeAlias = Literal[_Unchanged.UNCHANGED]
"""The type of `UNCHANGED`."""

UNCHANGED: Final = _Unchanged.UNCHANGED
"""Leaves a field as it is on the server, whatever it is there."""


@dataclass(frozen=True, slots=True, repr=False)
class Update(FieldsRepr):
    """What is to change, of one run or of many.

    Attributes:
        name: The human name; empty clears it, None leaves it. So with other texts.
        notes: Free text.
        group: The group.
        job_type: The job type.
        tags: All tags; None leaves them.
        add_tags: Tags to add.
        remove_tags: Tags to remove.
        config: Changes of the config; None leaves it.
        summary: Changes of the summary, likewise.
    """

    name: str | None = None
    notes: str | None = None
    group: str | None = None
    job_type: str | None = None
    tags: tuple[str, ...] | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()
    config: DocumentChange | None = None
    summary: DocumentChange | None = None

    @property
    def documents(self) -> tuple[DocumentChange, ...]:
        """The changes of config and summary."""
        return tuple(each for each in (self.config, self.summary) if each is not None)

    @property
    def texts(self) -> dict[str, str]:
        """The texts that change, by their arguments."""
        texts = {
            "name": self.name,
            "notes": self.notes,
            "group": self.group,
            "job_type": self.job_type,
        }
        return {name: text for name, text in texts.items() if text is not None}

    @property
    def names(self) -> list[str]:
        """What changes, without values: `notes`, `tags`, `config.lr`."""
        tags = ["tags"] if self.tags is not None or self.add_tags or self.remove_tags else []
        return [*self.texts, *tags, *(name for each in self.documents for name in each.names)]

    def tags_of(self, present: Sequence[str]) -> list[str]:
        """The tags of a run that had others, once those are added and removed that are to be."""
        kept = [tag for tag in present if tag not in self.remove_tags]
        return [*kept, *(tag for tag in self.add_tags if tag not in kept)]


def plan_update(
    call: str,
    *,
    name: object = UNCHANGED,
    notes: object = UNCHANGED,
    tags: object = UNCHANGED,
    add_tags: object = (),
    remove_tags: object = (),
    group: object = UNCHANGED,
    job_type: object = UNCHANGED,
    config: object = UNCHANGED,
    summary: object = UNCHANGED,
    unset_config: object = (),
    unset_summary: object = (),
) -> Update:
    """Check the arguments of `update`.

    Raises:
        InvalidArgumentError: One cannot be right, two contradict each other, or none is given.

    >>> plan_update("run.update", tags=["best"], add_tags=["new"])
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: tags= sets all tags; pass it, or add_tags= and \
remove_tags=, not both
    >>> plan_update("run.update", notes=None, config={"lr": 0.1}).names
    ['notes', 'config.lr']
    """
    add, remove = check_tags("add_tags", add_tags), check_tags("remove_tags", remove_tags)
    if tags is not UNCHANGED and (add or remove):
        raise InvalidArgumentError(
            "tags= sets all tags; pass it, or add_tags= and remove_tags=, not both"
        )
    both = [tag for tag in add if tag in remove]
    if both:
        raise InvalidArgumentError(f"add_tags and remove_tags both have {show(both[0])}")
    update = Update(
        name=_text_of("name", name),
        notes=_text_of("notes", notes),
        group=_text_of("group", group),
        job_type=_text_of("job_type", job_type),
        tags=None if tags is UNCHANGED else check_tags("tags", tags),
        add_tags=add,
        remove_tags=remove,
        config=_document("config", config, unset_config),
        summary=_document("summary", summary, unset_summary),
    )
    if not update.names:
        raise InvalidArgumentError(
            f"{call}() needs what to change, such as {call}(add_tags=['best'], "
            "config={'lr': 0.1}); nothing is collected from assignments, as W&B's SDK does"
        )
    return update


def check_tags(argument: str, tags: object) -> tuple[str, ...]:
    """Check a list of tags; None is an empty one.

    Raises:
        InvalidArgumentError: Not a list or tuple, or a tag is empty or not a string.

    >>> check_tags("add_tags", "best")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: add_tags is a list of tags; write add_tags=['best']
    """
    if tags is None:
        return ()
    return _names(argument, tags, "tag")


def _names(argument: str, names: object, what: str) -> tuple[str, ...]:
    if isinstance(names, str):
        raise InvalidArgumentError(
            f"{argument} is a list of {what}s; write {argument}=[{show(names)}]"
        )
    if not isinstance(names, list | tuple):
        raise InvalidArgumentError(
            f"{argument} is a list or tuple of {what}s, got {describe(names)}"
        )
    for index, name in enumerate(cast("Sequence[object]", names)):
        where = f"{argument}[{index}]"
        if not isinstance(name, str):
            raise InvalidArgumentError(f"{where} is a {what}, a str; got {describe(name)}")
        if not name:
            raise InvalidArgumentError(f"{where} is a {what}; got an empty string")
        check_unicode(f"{where}:", name)
    return tuple(dict.fromkeys(cast("Sequence[str]", names)))


def check_flag(argument: str, value: object) -> bool:
    """Check a choice between two.

    Raises:
        InvalidArgumentError: Neither True nor False.
    """
    if not isinstance(value, bool):
        raise InvalidArgumentError(f"{argument} must be True or False, got {describe(value)}")
    return value


def check_word(argument: str, value: object, words: Iterable[str]) -> None:
    """Check that a value is one of some words.

    Raises:
        InvalidArgumentError: It is none.
    """
    valid = list(words)
    if value not in valid:
        hint = did_you_mean(value if isinstance(value, str) else "", valid)
        raise InvalidArgumentError(f"unknown {argument} {show(value)}{hint}")


def _text_of(argument: str, value: object) -> str | None:
    """A text to send, empty where the field is to be cleared; None where it is not to change."""
    if value is UNCHANGED:
        return None
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InvalidArgumentError(
            f"{argument} must be a str, or None to clear it, got {describe(value)}"
        )
    check_unicode(f"{argument}:", value)
    return value


def _document(part: Part, given: object, unset: object) -> DocumentChange | None:
    """The change of a document; None where nothing of it is to change."""
    removed = () if unset is None else _names(f"unset_{part}", unset, "key")
    values = {} if given is UNCHANGED else _values(part, given)
    for key in (*values, *removed):
        _check_own(part, key)
    _check_apart(part, values, removed)
    return DocumentChange(part, values, removed) if values or removed else None


def _values(part: Part, given: object) -> dict[str, JSONValue]:
    if not isinstance(given, Mapping):
        raise InvalidArgumentError(
            f"{part} must be a dict of keys and values{_instead(part, given)}"
        )
    values: dict[str, JSONValue] = {}
    for key, value in cast("Mapping[object, object]", given).items():
        if not isinstance(key, str) or not key:
            raise InvalidArgumentError(f"{part} has the key {describe(key)}; a key is a str")
        check_unicode(f"{part} has the key", key)
        where = f"{part}[{show(key)}]"
        values[key] = json_of(where, value)
        if part == "config" and values[key] == {}:
            raise InvalidArgumentError(
                f"{where} is an empty dict, which W&B does not keep in a config; "
                f"unset_config=[{show(key)}] removes the key"
            )
    return values


def _instead(part: Part, given: object) -> str:
    if given is None:
        return f"; to remove some, name them: unset_{part}=[...]"
    if hasattr(given, "model_dump"):
        # Not taken: a model has all fields, those among them that are not meant to change.
        return (
            f", got a {type(given).__name__}; name what changes, or write "
            f"{part}=x.model_dump(exclude_unset=True)"
        )
    if hasattr(given, "__dataclass_fields__"):
        return (
            f", got a {type(given).__name__}; name what changes, or write "
            f"{part}=dataclasses.asdict(x)"
        )
    return f", got {describe(given)}"


def _check_own(part: Part, key: str) -> None:
    own = INTERNAL_KEYS if part == "config" else {"_wandb"}
    if key.partition(".")[0] in own:
        raise InvalidArgumentError(
            f"{part} key {show(key)} is W&B's own, which its pages are made from; it is kept as it "
            "is"
        )


def _check_apart(part: Part, values: Iterable[str], removed: Iterable[str]) -> None:
    """Check that no key is given twice, nor together with one inside of it."""
    keys = [*values, *removed]
    if len(set(keys)) < len(keys):
        twice = next(key for key in removed if key in {*values})
        raise InvalidArgumentError(f"{part} and unset_{part} both have {show(twice)}")
    known = {*keys}
    for key in keys:
        end = key.rfind(".")
        while end > 0:
            if key[:end] in known:
                raise InvalidArgumentError(
                    f"{part} keys {show(key[:end])} and {show(key)}: one is inside the other; "
                    "change them by one value, or in two calls"
                )
            end = key.rfind(".", 0, end)
