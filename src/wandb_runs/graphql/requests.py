"""What callers of `Api.execute` and `Api.execute_raw` give, checked before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from pydantic_core import from_json
from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe, did_you_mean, show
from wandb_runs.graphql.definitions import definition_of
from wandb_runs.graphql.operation import Operation
from wandb_runs.graphql.raw_response import RawResponse, error_messages
from wandb_runs.graphql.scalars import UNREADABLE, JSONObject, without_unreadable

if TYPE_CHECKING:
    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["JsonOperation", "check_is_operation", "check_operation"]

_ANONYMOUS: Final = "a {} without a name"


class JsonOperation(Operation[JSONObject]):
    """An operation whose answer is the decoded JSON."""

    __slots__ = ()

    @classmethod
    def of(
        cls,
        document: object,
        variables: Mapping[str, JSONValue],
        operation_name: object = None,
    ) -> JsonOperation:
        """The operation that a document in text has.

        Args:
            document: The document.
            variables: The values of its variables.
            operation_name: Which operation is meant, where it has several.

        Raises:
            InvalidArgumentError: It is no such document, or has no such variable.
        """
        if not isinstance(document, str):
            if isinstance(document, Operation):
                raise InvalidArgumentError(
                    "document must be the text of a GraphQL document; an Operation goes to "
                    "api.execute(operation)"
                )
            raise InvalidArgumentError(
                f"document must be the text of a GraphQL document; got {describe(document)}"
                f"{_text_within(document)}"
            )
        if operation_name is not None and not isinstance(operation_name, str):
            raise InvalidArgumentError(
                f"operation_name must be a str; got {describe(operation_name)}"
            )
        found = definition_of(document, operation_name)
        for name in variables:
            if name not in found.variables:
                known = did_you_mean(name, found.variables) if found.variables else "; it has none"
                raise InvalidArgumentError(
                    f"the {found.kind} declares no variable ${show(name)[1:-1]}{known}"
                )
        shown = found.name or _ANONYMOUS.format(found.kind)
        return cls(shown, found.kind, document, variables, _load)

    @override
    def parse(
        self,
        content: bytes,
        *,
        status: int = 200,
        request_id: str | None = None,
        attempts: int = 1,
        date: str | None = None,
        seconds: float = 0.0,
    ) -> JSONObject:
        try:
            answer: JSONValue = from_json(content)
        except (TypeError, ValueError):
            answer = None  # read again below, by laxer rules, and explained
        if isinstance(answer, dict) and not error_messages(answer):
            data = answer.get("data")
            if isinstance(data, dict):
                return data
        raw = RawResponse(self.name, content, status, request_id, attempts, date, seconds=seconds)
        data = raw.data()
        if not isinstance(data, dict):
            raise raw.misshapen("data", "not an object")
        if without_unreadable(data) is not data:
            raise raw.misshapen("data", f"it holds {UNREADABLE}")
        return data


def check_is_operation(value: object) -> None:
    """Refuse what is no operation, whatever a caller's types say.

    Raises:
        InvalidArgumentError: It is none; nothing was sent.
    """
    if not isinstance(value, Operation):
        raise InvalidArgumentError(
            f"execute takes an Operation, which generated functions return; got {describe(value)}"
            f"{_instead_of(value)}"
        )


def check_operation(operation: object) -> None:
    """Refuse what is no operation, or one that says otherwise than its document what it does.

    Raises:
        InvalidArgumentError: It is none; nothing was sent.
    """
    check_is_operation(operation)
    given = cast("Operation[object]", operation)
    if isinstance(given, JsonOperation):
        return
    for part, value in (("name", given.name), ("document", given.document)):
        if not isinstance(cast("object", value), str):
            raise InvalidArgumentError(
                f"the {part} of an Operation must be a str; got {describe(value)}"
            )
    if not isinstance(cast("object", given.variables), Mapping):
        raise InvalidArgumentError(
            f"the variables of an Operation must be a mapping; got {describe(given.variables)}"
        )
    try:
        found = definition_of(given.document, given.name if given.name.isidentifier() else None)
    except InvalidArgumentError as error:
        error.args = (f"{show(given.name)}: {error.message}",)
        raise
    if found.kind != given.kind:
        # It decides whether the request may be sent again, and whether a read-only client may.
        raise InvalidArgumentError(
            f"{given.name} is a {found.kind} in its document, and its kind says {show(given.kind)}"
        )


def _instead_of(value: object) -> str:
    if isinstance(value, str):
        return "; a document in text goes to api.execute_raw(document, variables)"
    if text := _text_within(value):
        return f"{text}, which goes to api.execute_raw(document, variables)"
    if callable(value):
        return "; call it with its variables: api.execute(build(...))"
    return ""


def _text_within(value: object) -> str:
    """What to write for what `gql(...)` makes: a document that graphql-core has parsed."""
    if hasattr(value, "definitions") or hasattr(value, "document"):
        return "; of what gql(...) makes, graphql.print_ast(x) gives the text"
    return ""


def _load() -> type[JSONObject]:
    return dict
