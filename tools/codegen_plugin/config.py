"""The settings, checked: ariadne-codegen ignores keys that it does not know."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from codegen_plugin.problems import CodegenRefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Config"]

_KEYS = frozenset(
    {
        "default_optional_fields_to_none",
        "defer_model_build",
        "include_all_enums",
        "include_all_inputs",
        "include_comments",
        "plugins",
        "queries_path",
        "scalars",
        "schema_path",
        "skip_validation_rules",
        "target_package_name",
        "target_package_path",
        "use_alias_generator",
    }
)
# Upstream's `parse` and `serialize` break arguments: an argument left out, and lists.
_SCALAR_KEYS = frozenset({"type"})


@dataclass(frozen=True)
class Config:
    """The part of the settings that the plugin reads.

    Attributes:
        queries_path: A file or a folder of `.graphql` files.
        package: Where the generated package goes.
        scalars: The Python type of each custom scalar.
    """

    queries_path: Path
    package: Path
    scalars: Mapping[str, str]

    @classmethod
    def read(cls, settings: Mapping[str, object]) -> Config:
        """Check the whole settings file and keep what is needed.

        Raises:
            CodegenRefusedError: A key is unknown, or known to upstream and not supported here.
        """
        tool = _table(settings, "tool")
        section = _table(tool, "ariadne-codegen")
        problems = [
            *_unknown(settings, frozenset({"tool"}), "the settings"),
            *_unknown(tool, frozenset({"ariadne-codegen"}), "[tool]"),
            *_unknown(section, _KEYS, "[tool.ariadne-codegen]"),
        ]
        scalars = _table(section, "scalars")
        for name in scalars:
            where = f"[tool.ariadne-codegen.scalars.{name}]"
            problems += _unknown(_table(scalars, name), _SCALAR_KEYS, where)
        if problems:
            raise CodegenRefusedError(problems)
        return cls(
            queries_path=Path(str(section["queries_path"])),
            package=Path(str(section["target_package_path"])) / str(section["target_package_name"]),
            scalars={name: str(_table(scalars, name)["type"]) for name in scalars},
        )


def _table(parent: Mapping[str, object], key: str) -> Mapping[str, object]:
    value = parent.get(key, {})
    if not isinstance(value, dict):
        raise CodegenRefusedError([f"codegen.toml: {key} must be a table, not {value!r}"])
    return cast("Mapping[str, object]", value)


def _unknown(table: Mapping[str, object], known: frozenset[str], where: str) -> list[str]:
    problems: list[str] = []
    for key in sorted(table.keys() - known):
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"write {near[0]!r}" if near else f"known are {', '.join(sorted(known))}"
        problems.append(f"codegen.toml: {where} has no key {key!r} that works here; {hint}")
    return problems
