"""`FieldValues`: what a run holds, by fields that say of which type it is."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Final, Literal, NoReturn, TypeVar, cast, overload

from wandb_runs.errors import FieldValidationError, InvalidArgumentError, MissingValueError
from wandb_runs.errors.suggest import nearest, show
from wandb_runs.graphql.nested import outer_keys
from wandb_runs.query.field_base import FieldPath
from wandb_runs.query.key_fields import Absent, ValueField
from wandb_runs.query.validation import MisfitError

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.query.keys import KeySelection
    from wandb_runs.query.value_types import ValueType

__all__ = ["FieldValues", "cell_of", "check_field", "check_requested"]

T = TypeVar("T")
D = TypeVar("D")

_SCALARS: Final = frozenset({str, int, float, bool})

_NOT_KEPT: Final = 'runs.values(…, on_invalid="skip") leaves such runs out'


class FieldValues:
    """What `Run` and `AsyncRun` hold, by fields."""

    __slots__ = ()

    @property
    @abstractmethod
    def path(self) -> list[str]:
        """Entity, project and id."""

    @abstractmethod
    def _held(self, section: Literal["config", "summary"]) -> JSONObject:
        """All that came of a document, read-only."""

    @abstractmethod
    def _listed_keys(self) -> KeySelection:
        """The keys that were asked for."""

    def __getitem__(self, field: ValueField[T], /) -> T:
        """The value of a hyperparameter or a metric, as the type of its field; sends nothing.

        By pydantic's rules: 1 is a `float` of 1.0, and so are the texts "NaN" and "Infinity", by
        which W&B stands for floats. Without a type it is a value of JSON, read-only as those of
        `config` are.

        Args:
            field: `Config("lr", type=float)`, `Summary("loss", type=float)`; likewise without a
                type.

        Returns:
            The value. Of a type that takes None, such as that of `Config[float | None]("lr")`,
            None where the run has no value.

        Raises:
            MissingValueError: The run has no value, or null, and the type does not take None.
            FieldValidationError: The value does not fit the type.
            InvalidArgumentError: Not such a field, or the listing did not ask for its key.
            BadResponseError: What the server stores is not a JSON object.

        >>> from wandb_runs import Config
        >>> LR = Config("learning_rate", type=float)
        >>> run[LR] == run.config["learning_rate"]
        True
        >>> run[Config("momentun", type=float)]
        Traceback (most recent call last):
        wandb_runs.errors.MissingValueError: run 'sample/digits/...' has no value of \
Config('momentun', type=float)...
        """
        value, kind = self._find(field), field.value_type
        if kind is None:
            if isinstance(value, Absent):
                self._refuse_absent(field, value)
            return cast("T", value)
        if value is None or isinstance(value, Absent):
            if not kind.takes_none:
                self._refuse_absent(field, value)
            value = None
        return self._made(field, kind, value)

    @overload
    def get(self, field: ValueField[T], /) -> T | None: ...
    @overload
    def get(self, field: ValueField[T], default: D, /) -> T | D: ...
    def get(self, field: ValueField[T], default: D | None = None, /) -> T | D | None:
        """The value of a hyperparameter or a metric, or a default where the run has none.

        Args:
            field: `Config("lr", type=float)`, `Summary("loss", type=float)`; likewise without a
                type.
            default: What to return where the run has no value or, of a field with a type, null.

        Raises:
            FieldValidationError: The value does not fit the type.
            InvalidArgumentError: Not such a field, or the listing did not ask for its key.
            BadResponseError: What the server stores is not a JSON object.

        >>> from wandb_runs import Config
        >>> run.get(Config("warmup", type=int), 0)
        0
        """
        value, kind = self._find(field), field.value_type
        if isinstance(value, Absent) or (value is None and kind is not None):
            return default
        return cast("T", value) if kind is None else self._made(field, kind, value)

    if not TYPE_CHECKING:  # `__getitem__` alone would have Python count from 0
        __iter__ = None

    def _cell(self, field: ValueField[object]) -> JSONValue:
        value, kind = field.find(self._held(field.section)), field.value_type
        if value is None or isinstance(value, Absent) or kind is None:
            return None if isinstance(value, Absent) else value
        made = self._made(field, kind, value)
        return cast("JSONValue", made) if type(made) in _SCALARS else value

    def _find(self, field: ValueField[T]) -> JSONValue | Absent:
        check_field(field, "run[…]")
        check_requested(field, self._listed_keys())
        return field.find(self._held(field.section))

    def _made(self, field: ValueField[T], kind: ValueType[T], value: JSONValue) -> T:
        path = "/".join(self.path)
        try:
            return kind.read(value)
        except MisfitError as misfit:
            problems, told = misfit.problems, misfit.shortened
        except Exception as error:  # of a validator, and not a ValueError
            error.add_note(f"while {field!r} of run {path!r} was validated")
            raise
        raise FieldValidationError(
            f"{field!r} of run {path!r} is no {kind.name}: {told}. Fix the type; {_NOT_KEPT}",
            path=path,
            part=field.section,
            problems=problems,
            field=repr(field),
        )

    def _refuse_absent(self, field: ValueField[T], value: JSONValue | Absent) -> NoReturn:
        path, kind = "/".join(self.path), field.value_type
        has = "has no value of" if isinstance(value, Absent) else "has null for"
        names = self._held(field.section)
        near = None if field.keys[0] in names else nearest(field.keys[0], names)
        hint = "" if near is None else f"; did you mean {near!r}?"
        keys = ", ".join(map(show, field.keys))
        optional = "" if kind is None else f"{type(field).__name__}[{kind.name} | None]({keys})"
        write = f"Write {optional} for None there, run.get(…)" if optional else "Write run.get(…)"
        raise MissingValueError(
            f"run {path!r} {has} {field!r}{hint or '.'} {write} for a default; {_NOT_KEPT}",
            path=path,
            field=repr(field),
        )


def check_field(field: object, where: str) -> None:
    """Check that something is a field of a hyperparameter or a metric.

    Raises:
        InvalidArgumentError: It is not.
    """
    if isinstance(field, ValueField):
        return
    advice = ""
    if isinstance(field, str):
        advice = f"; write Config({show(field)}) or Summary({show(field)})"
    elif isinstance(field, FieldPath):
        advice = "; attributes are read from the run itself, such as run.state"
    raise InvalidArgumentError(
        f"{where} takes a field like Config('lr', type=float), not {show(field)}{advice}"
    )


def check_requested(field: ValueField[object], keys: KeySelection) -> None:
    """Check that a listing asks for a field.

    Raises:
        InvalidArgumentError: It does not.
    """
    requested = outer_keys(keys.config if field.section == "config" else keys.summary)
    if requested is not None and not set(field.holders) & set(requested):
        raise InvalidArgumentError(
            f"{field!r}: the listing does not ask for it; add {show(field.text)} to "
            f"{field.section}_keys="
        )


def cell_of(run: FieldValues, field: ValueField[object]) -> JSONValue:
    """What a table has for a field with a type: the value, made into it where that is a scalar.

    Of any other type it is what the run holds, which fits; None where there is none.

    Raises:
        FieldValidationError: It does not fit.
    """
    return run._cell(field)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] - of this file's class
