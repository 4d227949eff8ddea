"""The server's HTTP face: GraphQL, the file stream, and files."""

from __future__ import annotations

import logging
import mimetypes
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from graphql import (
    ExecutionResult,
    GraphQLError,
    OperationDefinitionNode,
    OperationType,
    execute_sync,  # pyright: ignore[reportUnknownVariableType] - `middleware` of graphql-core
    get_operation_ast,
)
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticSerializationError, to_json
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from wandb_runs.local.access import AccessMiddleware, is_json, is_viewer, may_only_read, refusal
from wandb_runs.local.context import DENIED, Context
from wandb_runs.local.documents import write_object
from wandb_runs.local.executable import whole_schema
from wandb_runs.local.faults import EXEMPT, Answer, GraphQLRequest
from wandb_runs.local.files import parse_range, read_export, read_file, save_file
from wandb_runs.local.filestream import receive
from wandb_runs.local.signatures import Signatures
from wandb_runs.local.store import UnstorableError
from wandb_runs.local.web.headers import HeadersMiddleware
from wandb_runs.local.web.routes import find_nothing, web_routes
from wandb_runs.local.where import BadRequestError
from wandb_runs.local.wire import make_response

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Iterable, Sequence

    from graphql import DocumentNode, GraphQLResolveInfo
    from starlette.requests import Request

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.executable import ExecutableSchema, Schemas
    from wandb_runs.local.faults import Faults
    from wandb_runs.local.files import FilePart
    from wandb_runs.local.store import Store
    from wandb_runs.local.tasks import Tasks

__all__ = ["create_app"]

_LOG: Final = logging.getLogger(__name__)

_LEVEL: Final = 6
"""What gzip takes by default: a higher one takes several times as long for a few percent."""


_STORAGE: Final = "/storage/"
_EXPORTS: Final = "/exports/"


class _Body(BaseModel):
    """The body of a GraphQL request."""

    model_config = ConfigDict(alias_generator=to_camel)

    query: str
    variables: dict[str, Any] | None = None  # each operation declares its own
    operation_name: str | None = None


def _nulling(fields: frozenset[str]) -> Callable[..., object]:
    """Middleware of graphql-core that makes fields null."""

    def resolve(
        following: Callable[..., object], root: object, info: GraphQLResolveInfo, **given: object
    ) -> object:
        is_null = f"{info.parent_type.name}.{info.field_name}" in fields
        return None if is_null else following(root, info, **given)

    return resolve


def _operation(document: DocumentNode, named: str | None) -> tuple[str, bool]:
    """An operation's name, and whether it is a mutation."""
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
    schemas: Schemas,
    tasks: Tasks,
    closing: asyncio.Event,
    api_key: str | None = None,
    allow_hosts: Iterable[str] = (),
    read_only_key: str | None = None,
    features: Sequence[str] = (),
    compress: bool = False,
    rows_of_files: int | None = None,
) -> Starlette:
    """Make the server as an ASGI application.

    Args:
        store: Where logged data is kept.
        entity: The viewer's entity.
        on_operation: Called with the name of each GraphQL operation.
        faults: The faults to apply to GraphQL requests.
        schemas: The schema, which may lack something.
        tasks: The work that goes on after answers.
        closing: Set when the server stops.
        api_key: The key that every request needs; None accepts any, and reading without one.
        allow_hosts: Hosts to accept in requests, beside those of this machine.
        read_only_key: A key that may only read.
        features: Features that the server says it has.
        compress: Whether answers are compressed where a request accepts gzip.
        rows_of_files: How many rows a Parquet file of a history has at most; None where none are
            written.
    """
    keys = _Keys(api_key, read_only_key)
    endpoints = _Endpoints(
        store,
        entity,
        on_operation,
        faults,
        schemas,
        tasks,
        closing,
        features,
        keys,
        rows_of_files,
        Signatures(store.now),
    )
    storage = f"{_STORAGE}{{entity}}/{{project}}/{{run}}/{{name:path}}"
    exported = f"{_EXPORTS}{{entity}}/{{project}}/{{run}}/{{name}}"
    stream = "/files/{entity}/{project}/{run}/file_stream"
    middleware = [
        Middleware(HeadersMiddleware),
        Middleware(AccessMiddleware, allow_hosts=allow_hosts),
    ]
    if compress:
        middleware.append(Middleware(GZipMiddleware, compresslevel=_LEVEL))
    routes = [
        Route("/graphql", endpoints.graphql, methods=["POST"]),
        Route(stream, endpoints.file_stream, methods=["POST"]),
        Route(storage, endpoints.get_file, methods=["GET"]),
        Route(storage, endpoints.put_file, methods=["PUT"]),
        Route(exported, endpoints.get_export, methods=["GET"]),
        # The SDK sends its own telemetry, and expects success.
        Route("/sdk/otel/{rest:path}", endpoints.accept, methods=["POST"]),
    ]
    return Starlette(
        routes=[*routes, *web_routes(routes, keys.is_viewer)],
        middleware=middleware,
        exception_handlers={
            ClientDisconnect: _leave,
            UnstorableError: _refuse_value,
            HTTPStatus.NOT_FOUND: find_nothing,
        },
    )


@dataclass(frozen=True, slots=True, repr=False)
class _Keys:
    """The keys that requests may carry; None where any will do."""

    api_key: str | None
    read_only_key: str | None

    def is_viewer(self, request: Request) -> bool | None:
        """Whether a request carries a key; None for wrong credentials."""
        return is_viewer(request, self.api_key, self.read_only_key)

    def may_only_read(self, request: Request) -> bool:
        """Whether a request carries the key that may only read."""
        return may_only_read(request, self.read_only_key)


class _Caller(NamedTuple):
    """What the headers and the address of a GraphQL request say."""

    base_url: str
    is_viewer: bool
    may_only_read: bool
    is_shared: bool
    is_exempt: bool


@dataclass(frozen=True, slots=True)
class _Endpoints:
    """One method for each address. SQLite's work is done in threads, off the event loop."""

    store: Store
    entity: str
    on_operation: Callable[[str], None]
    faults: Faults
    schemas: Schemas
    tasks: Tasks
    closing: asyncio.Event
    features: Sequence[str]
    keys: _Keys
    rows_of_files: int | None
    signatures: Signatures

    async def graphql(self, request: Request) -> Response:
        """Answer a GraphQL request."""
        viewer = self.keys.is_viewer(request)
        if viewer is None:
            return refusal("invalid credentials", HTTPStatus.UNAUTHORIZED)
        if not is_json(request):
            return _NOT_JSON
        try:
            body = _Body.model_validate_json(await request.body())
        except ValidationError:
            return refusal("the body is not a GraphQL request in JSON", HTTPStatus.BAD_REQUEST)
        name, value = EXEMPT
        is_exempt = request.headers.get(name) == value
        caller = _Caller(
            str(request.base_url),
            viewer,
            self.keys.may_only_read(request),
            _is_shared(request),
            is_exempt,
        )
        answer = await run_in_threadpool(self._respond, body, caller)
        return make_response(answer, self.closing)

    def _respond(self, body: _Body, caller: _Caller) -> Answer:
        schema = whole_schema() if caller.is_exempt else self.schemas.now
        document = schema.prepare(body.query)
        if isinstance(document, list):
            return _answer(ExecutionResult(None, document), HTTPStatus.BAD_REQUEST)
        name, changes = _operation(document, body.operation_name)
        self.on_operation(name)
        request = GraphQLRequest(
            name, document, body.variables or {}, self.faults.server, changes=changes
        )

        def answer(request: GraphQLRequest) -> Answer:
            return self._execute(schema, request, body.operation_name, caller)

        return answer(request) if caller.is_exempt else self.faults.answer(request, answer)

    def _execute(
        self,
        schema: ExecutableSchema,
        request: GraphQLRequest,
        named: str | None,
        caller: _Caller,
    ) -> Answer:
        storage, signed = f"{caller.base_url}storage/", self.signatures.lasting
        self.tasks.do_overdue()
        with self.store.read() as connection:
            context = Context(
                store=self.store,
                connection=connection,
                entity=self.entity,
                is_viewer=caller.is_viewer,
                may_only_read=caller.may_only_read,
                upload_url=lambda path: f"{storage}{signed('PUT', path)}",
                file_url=lambda path: (
                    f"{storage}{path if self.keys.api_key is None else signed('GET', path)}"
                ),
                export_url=lambda path: (
                    f"{caller.base_url}exports/{self.signatures.expiring(path)}"
                ),
                rows_of_files=self.rows_of_files,
                paging=request.paging,
                tasks=self.tasks,
                features=self.features,
                is_shared=caller.is_shared,
            )
            is_broken = request.paging is not None or bool(request.nulls)
            result = execute_sync(
                schema.breaking_promises if is_broken else schema.whole,
                request.document,
                context_value=context,
                variable_values=dict(request.variables),
                operation_name=named or None,  # the SDK sends an empty one
                middleware=[_nulling(request.nulls)] if request.nulls else None,
            )
        return _answer(result, _status(result))

    async def file_stream(self, request: Request) -> Response:
        """Store what a run logs."""
        if not self.keys.is_viewer(request):
            return refusal("user is not logged in", HTTPStatus.UNAUTHORIZED)
        if self.keys.may_only_read(request):
            return refusal(DENIED, HTTPStatus.FORBIDDEN)
        if not is_json(request):
            return _NOT_JSON
        body = await request.body()
        client = _shared_client(request)
        try:
            stopped = await run_in_threadpool(
                receive, self.store, *_run(request), body, client, self.rows_of_files
            )
        except (ValueError, RecursionError) as error:
            return refusal(str(error), HTTPStatus.BAD_REQUEST)
        if stopped is None:
            return refusal("run not found", HTTPStatus.NOT_FOUND)
        asked = {"stopped": True} if stopped else {}
        return JSONResponse({"exitcode": None, "limits": {}, **asked})

    async def put_file(self, request: Request) -> Response:
        """Store a file; the signature in its address stands in for a key."""
        if not self.signatures.is_lasting(request, _STORAGE):
            return refusal("wrong signature", HTTPStatus.FORBIDDEN)
        content = await request.body()
        name: str = request.path_params["name"]
        known = await run_in_threadpool(save_file, self.store, *_run(request), name, content)
        return Response() if known else refusal("run not found", HTTPStatus.NOT_FOUND)

    async def get_export(self, request: Request) -> Response:
        """Return a Parquet file of a history; only the signature in its address counts."""
        if not self.signatures.expires_later(request, _EXPORTS):
            return refusal("the signature is wrong, or has expired", HTTPStatus.FORBIDDEN)
        return await self._send(request, read_export)

    async def get_file(self, request: Request) -> Response:
        """Return a file, unchanged; a signature in its address stands in for a key."""
        if self.keys.is_viewer(request) is None and not self.signatures.is_lasting(
            request, _STORAGE
        ):
            return refusal("invalid credentials", HTTPStatus.UNAUTHORIZED)
        return await self._send(request, read_file)

    async def _send(self, request: Request, read: Callable[..., FilePart | None]) -> Response:
        """Answer with a file, through the faults of files."""
        name: str = request.path_params["name"]
        kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
        asked, known = request.headers.get("range"), request.headers.get("if-range")

        def answer(given: GraphQLRequest) -> Answer:
            wanted = None if given.ignores_range else parse_range(asked)
            found = read(self.store, *_run(request), name, wanted, known)
            if found is None:
                return Answer(b'{"error":"file not found"}', HTTPStatus.NOT_FOUND)
            headers = {"content-type": kind, **_INERT, **found.headers}
            return Answer(found.content, found.status, headers)

        given = GraphQLRequest.of_file(self.faults.server, {**request.path_params, "range": asked})
        answered = await run_in_threadpool(self.faults.answer, given, answer)
        return make_response(answered, self.closing)

    async def accept(self, _: Request) -> Response:
        """Accept telemetry, and discard it."""
        return JSONResponse({})


_NOT_JSON: Final = refusal(
    "the body is JSON: send the header 'Content-Type: application/json'",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
)

# A file may hold a page with scripts: no browser may run it, or show it, in the server's name.
_INERT: Final = {
    "content-disposition": "attachment",
    "content-security-policy": "sandbox",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


async def _leave(_request: Request, _error: Exception) -> Response:
    """Answer a client that is gone, so that its end is no error of the server's."""
    return Response(status_code=HTTPStatus.BAD_REQUEST)


async def _refuse_value(_request: Request, error: Exception) -> Response:
    return refusal(str(error), HTTPStatus.BAD_REQUEST)


def _run(request: Request) -> tuple[str, str, str]:
    values: dict[str, str] = request.path_params
    return values["entity"], values["project"], values["run"]


def _is_shared(request: Request) -> bool:
    """Whether a request is of one of several writers of a run, `wandb.Settings(mode="shared")`."""
    return request.headers.get("x-wandb-use-async-filestream", "").lower() == "true"


def _shared_client(request: Request) -> str | None:
    """The writer's id in shared mode; None for a run's only writer."""
    if not _is_shared(request):
        return None
    ids = ("x-wandb-async-client-id", "x-wandb-client-id")
    return next((found for name in ids if (found := request.headers.get(name))), None)


def _status(result: ExecutionResult) -> int:
    """The highest HTTP status that any error calls for."""
    statuses: list[int] = [HTTPStatus.OK]
    for error in result.errors or []:
        cause = error.original_error
        if cause is None or isinstance(cause, GraphQLError):
            statuses.append(HTTPStatus.BAD_REQUEST)
        elif isinstance(cause, BadRequestError):
            statuses.append(cause.status)
        elif isinstance(cause, UnstorableError | RecursionError):
            statuses.append(HTTPStatus.BAD_REQUEST)
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
