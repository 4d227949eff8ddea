"""Models in Python, written by datamodel-code-generator."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

from wandb_runs.cli.typegen.fields import add_fields, literal, quoted
from wandb_runs.cli.typegen.schema import Schema
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.extras import needs_extra
from wandb_runs.frames.plan import plan_histories

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wandb_runs.cli.typegen.reading import Documents

__all__ = ["check_generator", "is_generated", "write_models"]

_MARK: Final = "Written by wandb-runs, not by hand. To write it again:"

_HEAD: Final = 2000
"""How far into a file the mark is looked for."""

_DESCRIPTIONS: Final = {
    "Config": "What a run was given: `run.config`.",
    "Summary": "What a run ended with: `run.summary`.",
}

_WIDTH: Final = 100


def check_generator() -> None:
    """Make sure that the generator is there, before any request is spent.

    Raises:
        MissingDependencyError: It is not.
    """
    with needs_extra("typegen", "typegen"):
        import_module("datamodel_code_generator")


def write_models(documents: Documents, path: str, command: str) -> str:
    """Write a module with models of configs and summaries, fields, and the names of metrics.

    The module has `Config` and `Summary`, pydantic models which the documents of every run fit and
    come back from unchanged, `ConfigFields` and `SummaryFields`, which have a field of the right
    type for each key, and `Metric`, a `Literal` which `runs.histories(keys=...)` accepts; a
    `str` where the server does not tell the names of metrics.
    The same documents give the same text, in whatever order they were read.

    Args:
        documents: What is known of the runs.
        path: Which project they are of.
        command: What to run to write it again.

    Returns:
        The text of the module.

    Raises:
        MissingDependencyError: datamodel-code-generator is not installed.

    >>> from wandb_runs.cli.typegen import Documents, shape_of, write_models
    >>> read = Documents(shape_of({"lr": 0.1}), shape_of({"_step": 9}), frozenset({"loss"}))
    >>> module = write_models(read, "me/digits", "wandb-runs typegen me/digits")
    >>> [line.strip() for line in module.splitlines() if "lr" in line or "step" in line]
    ['lr: float', 'step: int = Field(..., alias="_step")', \
'lr = ConfigField("lr", type=float)', 'step = SummaryField("_step", type=int)']
    """
    check_generator()
    from datamodel_code_generator import generate  # noqa: PLC0415 - it is optional
    from datamodel_code_generator.enums import (  # noqa: PLC0415 - it is optional
        DataModelType,
        InputFileType,
    )
    from datamodel_code_generator.format import (  # noqa: PLC0415 - it is optional
        Formatter,
        PythonVersion,
    )

    schema = Schema({"Config": documents.config, "Summary": documents.summary}, _DESCRIPTIONS)
    metrics = documents.metrics
    names = None if metrics is None else sorted(filter(_is_asked_for, metrics))
    used = () if names is None else ("typing.Literal" if names else "typing.Never",)
    written = generate(
        {"$defs": schema.definitions},
        input_file_type=InputFileType.JsonSchema,
        output_model_type=DataModelType.PydanticV2BaseModel,
        target_python_version=PythonVersion.PY_311,
        custom_file_header=_header(path, command),
        additional_imports=["typing.TypeAlias", *used],
        aliases=schema.aliases,
        skip_root_model=True,
        keep_model_order=True,
        strict_nullable=True,
        enable_faux_immutability=True,
        use_double_quotes=True,
        use_schema_description=True,
        use_single_line_docstring=True,
        # The others are set up by the pyproject.toml of wherever one happens to be.
        formatters=[Formatter.BUILTIN],
        builtin_format_line_length=_WIDTH,
    )
    if not isinstance(written, str):
        raise TypeError(f"the generator wrote {type(written).__name__}, not one module")
    return f"{add_fields(written)}\n\n\n{_metric(names)}"


def is_generated(text: str) -> bool:
    """Whether a module was written by `write_models`, by what it says of itself."""
    return _MARK in text[:_HEAD]


def _is_asked_for(name: str) -> bool:
    """Whether `histories(keys=...)` takes a name: some metrics come with all others alone."""
    try:
        plan_histories(1, [name], "_step", "default")
    except InvalidArgumentError:
        return False
    return True


def _header(path: str, command: str) -> str:
    return "\n".join(
        (
            f'"""Models of the runs of {quoted(path)}.',
            "",
            _MARK,
            "",
            f"    {quoted(command)}",
            '"""',
        )
    )


def _metric(names: Iterable[str] | None) -> str:
    lines = [f"    {literal(name)}," for name in names or ()]
    if lines:
        chosen = ["Metric: TypeAlias = Literal[", *lines, "]"]
    else:
        chosen = [f"Metric: TypeAlias = {'str' if names is None else 'Never'}"]
    return "\n".join(
        (*chosen, '"""What runs logged: `runs.histories(keys=...)` takes these."""', "")
    )
