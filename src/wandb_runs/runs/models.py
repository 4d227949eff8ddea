"""Users' pydantic models, dataclasses and `TypedDict`s for config and summary, and validation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import is_dataclass
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Final,
    Generic,
    Literal,
    NamedTuple,
    TypeAlias,
    TypeVar,
    Union,
    cast,
    get_args,
)

from typing_extensions import is_typeddict

from wandb_runs.errors import InvalidArgumentError, RunValidationError
from wandb_runs.errors.suggest import did_you_mean, show
from wandb_runs.query.validation import MisfitError, build_adapter, validate

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic import TypeAdapter

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["NO_MODELS", "Model", "Models", "OnInvalid", "check_models", "check_on_invalid"]

T = TypeVar("T")

OnInvalid: TypeAlias = Literal["raise", "skip"]
"""What to do with a run whose config or summary is invalid: raise when it is read, or skip it."""

_WAYS: Final[tuple[OnInvalid, ...]] = get_args(OnInvalid)


class Model(Generic[T]):
    """A type that configs or summaries are validated as: any that pydantic can validate.

    Args:
        what: The name of the document in messages.
        kind: A pydantic model, a dataclass or a `TypedDict`.

    Raises:
        InvalidArgumentError: Not such a type.
    """

    __slots__ = ("_adapter", "_kind", "_what")

    def __init__(self, what: Literal["config", "summary"], kind: type[T]) -> None:
        self._what = what
        self._kind = kind
        self._adapter: TypeAdapter[T] = _adapter_of(what, kind)

    def __reduce__(self) -> tuple[type[Model[T]], tuple[str, type[T]]]:
        return type(self), (self._what, self._kind)

    def read(self, document: Callable[[], JSONObject], path: str) -> T:
        """Validate a document of a run.

        Args:
            document: Decodes the document, for each attempt: validators may change their input.
            path: The path of the run, for messages.

        Raises:
            RunValidationError: It does not fit.
        """
        try:
            return validate(self._adapter, lambda: cast("JSONValue", document()), whole="the whole")
        except MisfitError as misfit:
            problems, told = misfit.problems, misfit.shortened
        except Exception as error:  # of a validator, and not a ValueError
            error.add_note(f"while the {self._what} of run {path!r} was validated")
            raise
        raise RunValidationError(
            f"the {self._what} of run {path!r} is no {_name_of(self._kind)}: {told}. Fix the type, "
            'or skip such runs: on_invalid="skip"',
            path=path,
            part=self._what,
            problems=problems,
        )


class Models(NamedTuple):
    """The types that a listing validates configs and summaries as; None for none.

    Attributes:
        config: For configs.
        summary: For summaries.
        skips: Whether the listing skips invalid runs.
    """

    config: Model[object] | None = None
    summary: Model[object] | None = None
    skips: bool = False


NO_MODELS: Final = Models()


def check_models(
    config: type[object] | None, summary: type[object] | None, on_invalid: OnInvalid
) -> Models:
    """Check the types of configs and summaries.

    Raises:
        InvalidArgumentError: Not a type that pydantic can validate, or another way than those
            that there are.

    >>> check_models(None, None, "ignore")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: unknown on_invalid 'ignore'; expected one of 'raise', \
'skip'
    """
    check_on_invalid(on_invalid)
    if config is None and summary is None:
        return NO_MODELS
    return Models(
        None if config is None else Model("config", config),
        None if summary is None else Model("summary", summary),
        on_invalid == "skip",
    )


def check_on_invalid(on_invalid: object) -> None:
    """Check what is to be done with invalid runs.

    Raises:
        InvalidArgumentError: It is neither of the two.
    """
    if on_invalid not in _WAYS:
        raise InvalidArgumentError(
            f"unknown on_invalid {show(on_invalid)}{did_you_mean(str(on_invalid), _WAYS)}"
        )


def _adapter_of(what: str, kind: type[T]) -> TypeAdapter[T]:
    from pydantic import PydanticUserError  # noqa: PLC0415 - its import takes long

    # What is no type, but a value, would be taken for one by pydantic, or refused obscurely.
    if not _holds_objects(kind):
        raise InvalidArgumentError(
            f"{what} must be a pydantic model, a dataclass or a TypedDict, not {show(kind)}"
            f"{_hint(kind)}"
        )
    try:
        return build_adapter(kind)
    except (PydanticUserError, NameError, TypeError) as error:
        problem = str(error).partition("\n")[0]
        where = "; what it names must stand where it is defined, and not within a function"
        raise InvalidArgumentError(
            f"{what} cannot be made into {show(kind)}: {problem}"
            f"{where if isinstance(error, NameError) else ''}"
        ) from None


def _hint(kind: object) -> str:
    if isinstance(kind, UnionType) or getattr(kind, "__origin__", None) is Union:
        return "; of a union, pydantic.RootModel[...] is one"
    is_value = _holds_objects(type(kind)) and not isinstance(kind, Mapping)
    return "; pass the class, not a value" if is_value else ""


def _holds_objects(kind: object) -> bool:
    """Whether a JSON object may be made into such a type."""
    from pydantic import BaseModel, RootModel  # noqa: PLC0415 - its import takes long

    origin: object = getattr(kind, "__origin__", kind)  # of list[int], list
    if not isinstance(origin, type):
        return False
    of = cast("type[object]", origin)
    if issubclass(of, RootModel):
        root: object = of.model_fields["root"].annotation
        is_type = isinstance(getattr(root, "__origin__", root), type)
        return not is_type or _holds_objects(root)
    return of is not BaseModel and (
        issubclass(of, (BaseModel, Mapping))
        or is_typeddict(of)
        or is_dataclass(of)
        or hasattr(of, "__get_pydantic_core_schema__")
    )


def _name_of(kind: type[object]) -> str:
    return getattr(kind, "__name__", str(kind))
