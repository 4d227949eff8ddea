"""The server's HTTP face: GraphQL, the file stream, and files."""

from __future__ import annotations

import base64
import hmac
import logging
import mimetypes
import secrets
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast

from ariadne import ScalarType, make_executable_schema
from graphql import (
    DocumentNode,
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,  # pyright: ignore[reportUnknownVariableType] - `middleware` of graphql-core
    get_operation_ast,
    parse,
    validate,
)
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError, to_json
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wandb_runs.local.context import Context
from wandb_runs.local.documents import write_object
from wandb_runs.local.faults import Answer, GraphQLRequest
from wandb_runs.local.files import read_file, save_file
from wandb_runs.local.filestream import receive
from wandb_runs.local.mutations import mutation
from wandb_runs.local.resolvers import BINDABLES
from wandb_runs.local.schema import read_sdl
from wandb_runs.local.where import BadRequestError
from wandb_runs.local.wire import make_response

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from starlette.requests import Request

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.faults import Faults
    from wandb_runs.local.store import Store

__all__ = ["create_app"]

_LOG: Final = logging.getLogger(__name__)


class _Body(BaseModel):
    """The body of a GraphQL request."""

    model_config = ConfigDict(alias_generator=to_camel)

    query: str
    variables: dict[str, Any] | None = None  # each operation declares its own
    operation_name: str | None = None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise GraphQLError("JSONString is a string")
    return value


_SCHEMA: Final = make_executable_schema(
    read_sdl(),
    *BINDABLES,
    mutation,
    ScalarType("JSONString", value_parser=_text),
    convert_names_case=True,
)


@lru_cache(maxsize=256)
def _prepare(query: str) -> DocumentNode | list[GraphQLError]:
    """Parse and validate a document, or tell what is wrong with it."""
    try:
        document = parse(query)
    except GraphQLError as error:
        return [error]
    return validate(_SCHEMA, document) or document


def _operation(document: DocumentNode, named: str | None) -> tuple[str, bool]:
    """Tell an operation's name, and whether it changes anything."""
    names = [
        node.name.value
        for node in document.definitions
        if isinstance(node, OperationDefinitionNode) and node.name
    ]
    chosen = get_operation_ast(document, named or None)
    changes = chosen is not None and chosen.operation is OperationType.MUTATION
    return named or (names[0] if names else ""), changes


def create_app(
    store: Store,
    *,
    entity: str,
    on_operation: Callable[[str], None],
    faults: Faults,
    closing: asyncio.Event,
) -> Starlette:
    """Make the server as an ASGI application.

    Args:
        store: Where what is logged goes.
        entity: The viewer's entity.
        on_operation: Told the name of each GraphQL operation.
        faults: What GraphQL requests suffer on purpose.
        closing: Set when the server stops.
    """
    endpoints = _Endpoints(store, entity, on_operation, faults, closing)
    storage = "/storage/{entity}/{project}/{run}/{name:path}"
    stream = "/files/{entity}/{project}/{run}/file_stream"
    return Starlette(
        routes=[
            Route("/graphql", endpoints.graphql, methods=["POST"]),
            Route(stream, endpoints.file_stream, methods=["POST"]),
            Route(storage, endpoints.get_file, methods=["GET"]),
            Route(storage, endpoints.put_file, methods=["PUT"]),
            # Where the SDK reports on itself; it expects to be heard.
            Route("/sdk/otel/{rest:path}", endpoints.accept, methods=["POST"]),
        ]
    )


class _Endpoints:
    """One method for each address. SQLite's work is done in threads, off the event loop."""

    def __init__(
        self,
        store: Store,
        entity: str,
        on_operation: Callable[[str], None],
        faults: Faults,
        closing: asyncio.Event,
    ) -> None:
        self._store = store
        self._entity = entity
        self._on_operation = on_operation
        self._faults = faults
        self._closing = closing
        self._secret = secrets.token_bytes()

    async def graphql(self, request: Request) -> Response:
        """Answer a GraphQL request."""
        is_viewer = _is_viewer(request)
        if is_viewer is None:
            return _refusal("invalid credentials", HTTPStatus.UNAUTHORIZED)
        try:
            body = _Body.model_validate_json(await request.body())
        except ValidationError:
            return _refusal("the body is not a GraphQL request in JSON", HTTPStatus.BAD_REQUEST)
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        answer = await run_in_threadpool(self._respond, body, str(request.base_url), is_viewer)
        return make_response(answer, self._closing)

    def _respond(self, body: _Body, base_url: str, is_viewer: bool) -> Answer:  # noqa: FBT001 - run_in_threadpool loses the types of keywords
        document = _prepare(body.query)
        if isinstance(document, list):
            return _answer(ExecutionResult(None, document), HTTPStatus.BAD_REQUEST)
        name, changes = _operation(document, body.operation_name)
        self._on_operation(name)
        request = GraphQLRequest(
            name, document, body.variables or {}, self._faults.server, changes=changes
        )
        return self._faults.answer(
            request,
            lambda request: self._execute(request, body.operation_name, base_url, is_viewer),
        )

    def _execute(
        self,
        request: GraphQLRequest,
        named: str | None,
        base_url: str,
        is_viewer: bool,  # noqa: FBT001 - as above
    ) -> Answer:
        storage = f"{base_url}storage/"
        with self._store.read() as connection:
            context = Context(
                store=self._store,
                connection=connection,
                entity=self._entity,
                is_viewer=is_viewer,
                upload_url=lambda path: f"{storage}{path}?signature={self._signature(path)}",
                file_url=lambda path: f"{storage}{path}",
                paging=request.paging,
            )
            result = execute_sync(
                _SCHEMA,
                request.document,
                context_value=context,
                variable_values=dict(request.variables),
                operation_name=named or None,  # the SDK sends an empty one
            )
        return _answer(result, _status(result))

    async def file_stream(self, request: Request) -> Response:
        """Take in what a run logs."""
        if not _is_viewer(request):
            return _refusal("user is not logged in", HTTPStatus.UNAUTHORIZED)
        body = await request.body()
        try:
            known = await run_in_threadpool(receive, self._store, *_run(request), body)
        except (ValueError, RecursionError) as error:
            return _refusal(str(error), HTTPStatus.BAD_REQUEST)
        if not known:
            return _refusal("run not found", HTTPStatus.NOT_FOUND)
        return JSONResponse({"exitcode": None, "limits": {}})

    async def put_file(self, request: Request) -> Response:
        """Keep a file; the address was signed, so that no key is asked for."""
        path = request.scope["raw_path"].decode().removeprefix("/storage/")
        given = request.query_params.get("signature", "")
        if not hmac.compare_digest(given, self._signature(path)):
            return _refusal("wrong signature", HTTPStatus.FORBIDDEN)
        content = await request.body()
        name: str = request.path_params["name"]
        known = await run_in_threadpool(save_file, self._store, *_run(request), name, content)
        return Response() if known else _refusal("run not found", HTTPStatus.NOT_FOUND)

    async def get_file(self, request: Request) -> Response:
        """Give a file back, as it was sent."""
        name: str = request.path_params["name"]
        content = await run_in_threadpool(read_file, self._store, *_run(request), name)
        if content is None:
            return _refusal("file not found", HTTPStatus.NOT_FOUND)
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return Response(content, media_type=kind)

    async def accept(self, _: Request) -> Response:
        """Take in what is of no use here."""
        return JSONResponse({})

    def _signature(self, path: str) -> str:
        return hmac.digest(self._secret, path.encode(), "sha256").hex()


def _refusal(message: str, status: HTTPStatus) -> Response:
    return JSONResponse({"error": message}, status)


def _run(request: Request) -> tuple[str, str, str]:
    values: dict[str, str] = request.path_params
    return values["entity"], values["project"], values["run"]


def _is_viewer(request: Request) -> bool | None:
    """Tell whether a request carries a key; null when it carries something else.

    Any key will do, as the password of the user `api`.
    """
    header = request.headers.get("authorization")
    if header is None:
        return False
    scheme, _, encoded = header.partition(" ")
    try:
        user, _, key = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return None
    return bool(key) if scheme.lower() == "basic" and user == "api" else None


def _status(result: ExecutionResult) -> int:
    """Choose the status that the worst error asks for."""
    statuses: list[int] = [HTTPStatus.OK]
    for error in result.errors or []:
        cause = error.original_error
        if cause is None or isinstance(cause, GraphQLError):
            statuses.append(HTTPStatus.BAD_REQUEST)
        elif isinstance(cause, BadRequestError):
            statuses.append(cause.status)
        else:
            _LOG.error("the server failed", exc_info=cause)
            statuses.append(HTTPStatus.INTERNAL_SERVER_ERROR)
    return max(statuses)


def _answer(result: ExecutionResult, status: int) -> Answer:
    content = result.formatted
    try:
        # JSON cannot write NaN and the infinities: W&B sends them as strings.
        body = to_json(content, inf_nan_mode="strings")
    except PydanticSerializationError:  # a lone surrogate, which has no UTF-8
        body = write_object(cast("JSONValue", content)).encode()
    return Answer(body, status)
