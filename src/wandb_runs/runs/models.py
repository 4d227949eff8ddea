"""Users' pydantic models, dataclasses and `TypedDict`s for config and summary, and validation."""

from __future__ import annotations

import json
import re
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
from wandb_runs.graphql.operation import MODEL_LOCK
from wandb_runs.graphql.scalars import NON_FINITE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import TypeAdapter
    from pydantic_core import ErrorDetails

    from wandb_runs.graphql.scalars import JSONObject, JSONValue

__all__ = ["NO_MODELS", "Model", "Models", "OnInvalid", "check_models"]

T = TypeVar("T")

OnInvalid: TypeAlias = Literal["raise", "skip"]
"""What to do with a run whose config or summary is invalid: raise when it is read, or skip it."""

_WAYS: Final[tuple[OnInvalid, ...]] = get_args(OnInvalid)

# How many problems of a run a message names.
_MOST_TOLD: Final = 5
_LONGEST_VALUE: Final = 80

_HALF_A_PAIR: Final = re.compile("[\ud800-\udfff]")


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
            with MODEL_LOCK:
                return self._validate(document, path)
        except RunValidationError:
            raise
        except Exception as error:  # of a validator, and not a ValueError
            error.add_note(f"while the {self._what} of run {path!r} was validated")
            raise

    def _validate(self, document: Callable[[], JSONObject], path: str) -> T:
        from pydantic import ValidationError  # noqa: PLC0415 - its import takes long

        try:
            return self._adapter.validate_python(document())
        except ValidationError:
            pass
        text = _unicode_json(document())
        try:
            # Strict models take from JSON what they refuse from Python: a list for a tuple, text
            # for an instant or an enum's member.
            return self._adapter.validate_json(text)
        except ValidationError as error:
            problems = error.errors(include_url=False, include_context=False)
        # And W&B stores as text what JSON has no number for.
        infinite = [each["loc"] for each in problems if _is_infinite(each)]
        if infinite:
            read: dict[str, JSONValue] = json.loads(text)
            for place in infinite:
                _make_number(read, place)
            try:
                return self._adapter.validate_json(json.dumps(read))
            except ValidationError as error:
                problems = error.errors(include_url=False, include_context=False)
        raise self._misfit(problems, path)

    def _misfit(self, problems: Sequence[ErrorDetails], path: str) -> RunValidationError:
        told = tuple(map(_told, problems))
        more = f", and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
        return RunValidationError(
            f"the {self._what} of run {path!r} is no {_name_of(self._kind)}: "
            f"{'; '.join(told[:_MOST_TOLD])}{more}. Fix the type, or skip such runs: "
            'on_invalid="skip"',
            path=path,
            part=self._what,
            problems=told,
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
    if on_invalid not in _WAYS:
        raise InvalidArgumentError(
            f"unknown on_invalid {show(on_invalid)}{did_you_mean(str(on_invalid), _WAYS)}"
        )
    if config is None and summary is None:
        return NO_MODELS
    return Models(
        None if config is None else Model("config", config),
        None if summary is None else Model("summary", summary),
        on_invalid == "skip",
    )


def _adapter_of(what: str, kind: type[T]) -> TypeAdapter[T]:
    from pydantic import PydanticUserError, TypeAdapter  # noqa: PLC0415 - its import takes long

    # What is no type, but a value, would be taken for one by pydantic, or refused obscurely.
    if not _holds_objects(kind):
        raise InvalidArgumentError(
            f"{what} must be a pydantic model, a dataclass or a TypedDict, not {show(kind)}"
            f"{_hint(kind)}"
        )
    try:
        with MODEL_LOCK:
            return _built(TypeAdapter, kind)
    except (PydanticUserError, NameError, TypeError) as error:
        problem = str(error).partition("\n")[0]
        where = "; what it names must stand where it is defined, and not within a function"
        raise InvalidArgumentError(
            f"{what} cannot be made into {show(kind)}: {problem}"
            f"{where if isinstance(error, NameError) else ''}"
        ) from None


def _built(_wandb_runs_adapter: type[TypeAdapter[T]], _wandb_runs_kind: type[T]) -> TypeAdapter[T]:
    # pydantic resolves names of types among the variables of its caller: these names cannot be
    # those of a user's type.
    _wandb_runs_made = _wandb_runs_adapter(_wandb_runs_kind)
    # A name that cannot be found would be heard of when the first run is touched.
    _wandb_runs_made.rebuild(raise_errors=True)
    return _wandb_runs_made


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


def _unicode_json(document: JSONObject) -> str:
    r"""The document as JSON that pydantic reads: half a surrogate pair as its escape."""
    text = json.dumps(document, ensure_ascii=False)
    return _HALF_A_PAIR.sub(lambda half: rf"\\u{ord(half[0]):04x}", text)


def _is_infinite(problem: ErrorDetails) -> bool:
    """Whether a number was expected, and text came that names one."""
    return problem["type"] == "float_type" and problem["input"] in [*NON_FINITE]


def _make_number(document: dict[str, JSONValue], place: tuple[int | str, ...]) -> None:
    """Make a number of the text at a place."""
    at: object = document
    for key in place:
        holder = cast("dict[int | str, object]", at)  # or a list
        try:
            at = holder[key]
        except (LookupError, TypeError):
            continue  # no key, but which member of a union was tried
        if isinstance(at, str) and at in NON_FINITE:
            holder[key] = at = NON_FINITE[at]


def _name_of(kind: type[object]) -> str:
    return getattr(kind, "__name__", str(kind))


def _told(problem: ErrorDetails) -> str:
    place = ".".join(map(str, problem["loc"])) or "the whole"
    if problem["type"] == "missing":
        return f"{place} is missing"
    value = repr(problem["input"])
    shown = value if len(value) <= _LONGEST_VALUE else f"{value[:_LONGEST_VALUE]}…"
    return f"{place} is {shown} ({problem['msg'][:1].lower()}{problem['msg'][1:]})"
