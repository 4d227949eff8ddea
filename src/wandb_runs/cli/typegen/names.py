"""Names for keys, which may be any text: of fields and of classes."""

from __future__ import annotations

import keyword
import re
import unicodedata
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["FIXED", "class_name", "field_names", "unused"]

FIXED: Final = frozenset(
    # What the module imports, and the types that its annotations name: a field of that name would
    # hide them from the fields behind it.
    {"Any", "BaseModel", "ConfigDict", "Field", "Literal", "Never", "TypeAlias"}
    | {"ConfigField", "SummaryField", "ConfigFields", "SummaryFields"}
    | {"bool", "dict", "float", "int", "list", "object", "str"}
)
"""Names that are taken in every module."""

_TAKEN: Final = FIXED | frozenset(dir(BaseModel)) | frozenset(keyword.kwlist)

_PROTECTED: Final = ("model_dump", "model_validate")
"""How pydantic wants no field to begin."""


def field_names(keys: Iterable[str], taken: Collection[str]) -> dict[str, str]:
    """Choose a name for each key of a model: the key itself where Python and pydantic allow it.

    A key that is a name keeps it, whatever other keys are there; where several others would have
    the same, they are numbered in the order of keys.

    Args:
        keys: The keys, each once.
        taken: The names of the module's classes, which no field may hide.

    Returns:
        The name of each key, in the order of keys.

    >>> field_names(["lr", "eval/loss", "eval_loss", "_step", "json", "class", "3d", "损失"], ())
    ... # doctest: +NORMALIZE_WHITESPACE
    {'3d': 'field_3d', '_step': 'step', 'class': 'class_', 'eval/loss': 'eval_loss_2',
     'eval_loss': 'eval_loss', 'json': 'json_', 'lr': 'lr', '损失': '损失'}
    """
    ordered = sorted(keys)
    wanted = {key: _field_name(key, taken) for key in ordered}
    names = {key: name for key, name in wanted.items() if name == key}
    used = {*names, *taken, *_TAKEN}
    for key, name in wanted.items():
        if key not in names:
            names[key] = unused(name, used, "_")
            used.add(names[key])
    return {key: names[key] for key in ordered}


def class_name(parent: str, key: str, used: set[str]) -> str:
    """Choose a name for the class of what is under a key, and note it as used.

    Args:
        parent: The class that has the key.
        key: The key.
        used: The names of classes so far.

    >>> used = {"Config"}
    >>> class_name("Config", "lr-scheduler", used), class_name("Config", "lr_scheduler", used)
    ('ConfigLrScheduler', 'ConfigLrScheduler2')
    """
    # The generator writes classes with these letters alone as they are called.
    parts = re.findall("[A-Za-z0-9]+", key)
    name = "".join(part[0].upper() + part[1:] for part in parts)
    chosen = unused(parent + (name or "Item"), used, "")
    used.add(chosen)
    return chosen


def _field_name(key: str, taken: Collection[str]) -> str:
    name = _cleaned(key)
    if not name.isidentifier() or name.startswith(_PROTECTED):
        name = f"field_{name}" if name else "field"
    return f"{name}_" if name in _TAKEN or name in taken else name


def _cleaned(key: str) -> str:
    """What is left of a key when all is gone that a name cannot have."""
    if key.isidentifier() and key.isascii() and not key.startswith("_"):
        return key
    kept = "".join(each if _is_kept(each) else "_" for each in _normal(key))
    return _normal(re.sub("__+", "_", kept).strip("_"))


def _is_kept(character: str) -> bool:
    if character.isascii():
        return character.isalnum()
    # By an old Unicode, so that all versions of Python, and all checkers, know the letter.
    is_letter = unicodedata.ucd_3_2_0.category(character).startswith("L")
    return is_letter and f"a{character}".isidentifier()


def _normal(text: str) -> str:
    """The form in which Python compares names."""
    return unicodedata.normalize("NFKC", text)


def unused(name: str, used: Collection[str], between: str) -> str:
    """A name that is not used yet: the name itself, or with a number behind it."""
    if name not in used:
        return name
    number = 2
    while f"{name}{between}{number}" in used:
        number += 1
    return f"{name}{between}{number}"
