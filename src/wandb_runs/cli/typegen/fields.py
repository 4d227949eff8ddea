"""Fields with a type for each key of generated models: `ConfigFields.lr`."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Final, NamedTuple

from wandb_runs.cli.typegen.names import unused

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["FIELD_NAMES", "add_fields", "literal", "quoted"]

_IMPORT: Final = """\
from wandb_runs import Config as ConfigField
from wandb_runs import Summary as SummaryField"""

_MODELS: Final = {"Config": "run.config", "Summary": "run.summary"}

FIELD_NAMES: Final = frozenset(
    name for model in _MODELS for name in (f"{model}Field", f"{model}Fields")
)
"""Names that the fields take in every module."""


class _Attribute(NamedTuple):
    """An attribute of a model.

    Attributes:
        name: Its name.
        key: The key that it is of.
        kinds: The members of its type, None among them, as Python spells them.
    """

    name: str
    key: str
    kinds: tuple[str, ...]


def add_fields(module: str) -> str:
    """Write fields for the keys of the models of a module, and for what is nested in them.

    `ConfigFields` and `SummaryFields` have those at the top, and a class for each nested model has
    those inside. They are called as the attributes of the models are. Keys in lists, and the empty
    key, have none.

    Args:
        module: The text of the module.

    Returns:
        The text with the import that the fields need, and with their classes at its end.
    """
    tree = ast.parse(module)
    imports = [each for each in tree.body if isinstance(each, ast.ImportFrom)]
    models = {
        each.name: [*_attributes(each)] for each in tree.body if isinstance(each, ast.ClassDef)
    }
    lines = module.splitlines()
    end = imports[-1].end_lineno or 0
    head, rest = "\n".join([*lines[:end], _IMPORT]), "\n".join(lines[end:])
    used = {*models, *FIELD_NAMES}
    written = [
        text for model in _MODELS for text in _classes(model, f"{model}Fields", models, used)
    ]
    return "\n\n\n".join([f"{head}\n{rest}".rstrip(), *written])


def literal(text: str) -> str:
    """A text as the rest of the module quotes it."""
    single = repr(text)
    return single if '"' in text or single[0] == '"' else f'"{single[1:-1]}"'


def quoted(text: str) -> str:
    """A text as it can stand in a docstring."""
    return "".join(
        f"\\{each}"
        if each in '\\"'
        else each
        if each.isprintable()
        else each.encode("unicode_escape").decode()
        for each in text
    )


def _attributes(model: ast.ClassDef) -> Iterator[_Attribute]:
    for each in model.body:
        if not isinstance(each, ast.AnnAssign) or not isinstance(each.target, ast.Name):
            continue
        key = name = each.target.id
        if isinstance(each.value, ast.Call):
            for keyword in each.value.keywords:
                if keyword.arg == "alias" and isinstance(keyword.value, ast.Constant):
                    key = str(keyword.value.value)
        yield _Attribute(name, key, tuple(_members(each.annotation)))


def _members(annotation: ast.expr) -> Iterator[str]:
    if isinstance(annotation, ast.BinOp):
        yield from _members(annotation.left)
        yield from _members(annotation.right)
    else:
        yield ast.unparse(annotation)


def _classes(
    model: str, name: str, models: Mapping[str, list[_Attribute]], used: set[str]
) -> Iterator[str]:
    """The class of the fields of a model, and those of the models that are nested in it."""
    section = f"{model}Field"
    # Not recursive, and in order: what is nested comes behind what it is nested in.
    pending: list[tuple[str, str, tuple[str, ...], bool]] = [(model, name, (), False)]
    while pending:
        of, name, path, is_optional = pending.pop(0)
        inside = "".join(f"[{literal(key)}]" for key in path)
        told = f"Fields of `{_MODELS[model]}{inside}`: `run[{name}.…]`."
        lines = [f"class {name}:", f"    {_docstring(told)}", ""]
        fields = [each for each in models[of] if each.key]
        for each in fields:
            keys = (*path, each.key)
            kinds = each.kinds
            if is_optional and not {"None", "Any"} & set(kinds):
                kinds = (*kinds, "None")
            lines.append(f"    {each.name} = {_field(section, keys, kinds)}")
            inner = [kind for kind in each.kinds if kind in models]
            if inner and set(kinds) <= {*inner, "None"}:
                chosen = unused(f"{inner[0]}Fields", used, "")
                used.add(chosen)
                pending.append((inner[0], chosen, keys, "None" in kinds))
        yield "\n".join(lines[: None if fields else -1])


def _field(section: str, keys: tuple[str, ...], kinds: tuple[str, ...]) -> str:
    named = ", ".join(map(literal, keys))
    if "Any" in kinds:
        return f"{section}({named})"
    if len(kinds) == 1 and kinds != ("None",):
        return f"{section}({named}, type={kinds[0]})"
    return f"{section}[{' | '.join(kinds)}]({named})"


def _docstring(text: str) -> str:
    return f'"""{quoted(text)}"""'
