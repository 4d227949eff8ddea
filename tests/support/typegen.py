"""What the tests of typegen need: modules from text, and documents that are the same."""

from __future__ import annotations

import builtins
import importlib.util
import keyword
import math
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast

from pydantic import BaseModel, TypeAdapter

from wandb_runs.query.keys import is_unicode

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path
    from types import ModuleType

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

SPECIAL = ("NaN", "Infinity", "-Infinity")

NASTY = (
    *dir(BaseModel),
    *dir(builtins),
    *keyword.kwlist,
    *keyword.softkwlist,
    *("", " ", "_", "__", "_step", "__x", "x_", "x__y", "1abc", "²", "٣", "3d/_", "a.b", "a/b"),
    *("a_b", "a_b_2", "A_B", "a b", 'a"b', "a'b", "a\nb", "a\\", "\\", '"""', "'''", "#", "$ref"),
    *("{{x}}", "{% raw %}", "\x00", "\u2028", "\x85", "🙂", "é", "e\u0301", "ﬁ", "fi", "µ", "μ"),
    *(
        "损失",
        "ª",
        "ⅷ",
        "ß",
        "ŉ",
        "\U0001d431",
        "x",
        "\u0301",
        "model_dump_x",
        "model_validate",
        "model_x",
    ),
    *("BaseModel", "ConfigDict", "Field", "Any", "Literal", "Never", "TypeAlias", "annotations"),
    *("Config", "Summary", "Metric", "ConfigA", "Model", "self", "cls", "type", "class_", "json_"),
    *("Config.a", "Summary.a.b", "root", "x" * 300, "field", "field_", "field_2", "default"),
)
"""Keys that no field can be called, or that some would not expect."""


@contextmanager
def loaded(text: str, folder: Path) -> Generator[ModuleType]:
    """Import a module from its text; what it warns of is an error, as everywhere in the tests."""
    path = folder / "generated_models.py"
    path.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        del sys.modules[path.stem]


def assert_round_trips(model: type[BaseModel], document: JSONObject) -> None:
    """A model takes a document, and gives it back but for what no text of UTF-8 can name."""
    read = TypeAdapter(model).validate_python(dict(document))
    back = read.model_dump(by_alias=True, exclude_unset=True)
    expected = {key: value for key, value in document.items() if is_unicode(key)}
    assert is_same(back, expected), (back, expected)


def is_same(one: object, other: JSONValue) -> bool:
    """Whether values are the same, but that 1 may be 1.0 and "NaN" the number."""
    if isinstance(other, dict):
        held = cast("dict[str, object]", one) if isinstance(one, dict) else {"": ...}
        return held.keys() == other.keys() and all(is_same(held[key], other[key]) for key in other)
    if isinstance(other, list):
        items = cast("list[object]", one) if isinstance(one, list) else [...]
        return len(items) == len(other) and all(map(is_same, items, other))
    if isinstance(one, float) and (isinstance(other, float) or other in SPECIAL):
        return one == float(other) or (math.isnan(one) and math.isnan(float(other)))
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    return one == other and (type(one) is type(other) or isinstance(one, float))
