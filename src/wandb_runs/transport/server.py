"""What a server is known to lack, and operations without that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from wandb_runs.errors import DegradedServerWarning, UnsupportedByServerError
from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql.refusals import refusals_in
from wandb_runs.graphql.selections import sent_names, types_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.errors import GraphQLError
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.graphql.refusals import Refusal
    from wandb_runs.graphql.selections import Shape
    from wandb_runs.transport.fork import ForkSafeLock

__all__ = ["FittedOperation", "KnownServer", "Server"]

T = TypeVar("T")


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class Server(FieldsRepr):
    """What an `Api` has found out about its server: a snapshot.

    Immutable, and therefore safe to share. A server is found to lack something when that is asked
    for the first time.

    Attributes:
        missing: What its schema lacks, in the order in which that was found: fields (`Run.host`),
            arguments (`Run.config(keys:)`) and types (`JSONString`). What calls can do without is
            left out of them, which a `DegradedServerWarning` has told; for the rest, they raise
            `UnsupportedByServerError`.

    >>> import warnings
    >>> from wandb_runs import Api
    >>> from wandb_runs.testing import LocalServer, log_run
    >>> with LocalServer() as server, Api(base_url=server.url, api_key="any") as api:
    ...     log_run(server, "me", "digits", "r1")
    ...     _ = server.lack("Run.host")
    ...     with warnings.catch_warnings(action="ignore"):
    ...         [(run.id, run.host) for run in api.runs("me/digits")]
    ...     api.server.missing
    [('r1', None)]
    ('Run.host',)
    """

    missing: tuple[str, ...] = ()


class _Lack(NamedTuple):
    """Something that the server lacks.

    Attributes:
        name: What, in the server's names.
        coordinate: What, in the names of our schema.
        document: That of the operation which it concerns; None for all. A type of which our schema
            does not know is told by the place where it was met.
        is_renamed: Whether it is a type that may have another name alone: one of fragments. Then
            nothing is missing but what the server says besides.
    """

    name: str
    coordinate: str
    document: str | None = None
    is_renamed: bool = False


class _Fitted(NamedTuple):
    """How an operation is sent.

    Attributes:
        lacks: What the server was known to lack.
        document: The document; None for the whole one.
        variables: The variables that it declares.
        left_out: What was left out of it.
    """

    lacks: tuple[_Lack, ...]
    document: str | None = None
    variables: frozenset[str] = frozenset()
    left_out: frozenset[str] = frozenset()


class KnownServer:
    """What the clients of a session have found out about their server. Thread-safe.

    Args:
        base_url: Says which server it is, for messages: it is known with the first request.
        lock: Guards the rest.
    """

    def __init__(self, base_url: Callable[[], str], lock: ForkSafeLock) -> None:
        self._base_url = base_url
        self._lock = lock
        self._lacks: tuple[_Lack, ...] = ()
        # By the document, and what tells of its selections: how it is sent, as long as nothing else
        # is found missing.
        self._fitted: dict[tuple[str, Callable[[], Shape] | None], _Fitted] = {}
        # By name, the costs of each package of operations for which it was told.
        self._told: dict[str, list[Mapping[str, str]]] = {}
        self._untold: dict[str, str] = {}

    @property
    def snapshot(self) -> Server:
        """What is known by now."""
        missing = (each.name for each in self._lacks if not each.is_renamed)
        return Server(tuple(dict.fromkeys(missing)))

    def lacks(self, coordinate: str) -> bool:
        """Whether a field is known to be missing, of whatever name the server has for its type."""
        return any(each.coordinate == coordinate for each in self._lacks)

    def take_warning(self) -> DegradedServerWarning | None:
        """The warning of what was left out since the last one; None if nothing was."""
        if not self._untold:  # the usual case needs no lock
            return None
        with self._lock.mutex:
            untold, self._untold = self._untold, {}
        return DegradedServerWarning(self._base_url(), untold) if untold else None

    def fit(self, operation: Operation[T]) -> Operation[T]:
        """An operation without what the server is known to lack."""
        lacks = self._lacks
        if not lacks:  # the usual case imports nothing
            return operation
        key = operation.document, operation.shape
        fitted = self._fitted.get(key)
        if fitted is None or fitted.lacks is not lacks:
            fitted = self._fitted[key] = self._reduce(operation, lacks)
        if fitted.document is None:
            return operation
        variables = {
            name: value for name, value in operation.variables.items() if name in fitted.variables
        }
        return replace(
            operation, document=fitted.document, variables=variables, left_out=fitted.left_out
        )

    def _reduce(self, operation: Operation[object], lacks: tuple[_Lack, ...]) -> _Fitted:
        """Leave out what the server lacks, and note of what to warn."""
        shape = _shape_of(operation)
        if shape is None:
            return _Fitted(lacks)
        own = [each for each in lacks if each.document in (None, operation.document)]
        reduced = shape.without(*(each.coordinate for each in own))
        if not reduced.left_out:
            return _Fitted(lacks)
        named = sent_names(shape.without()) - reduced.essential
        costs = {
            each.name: shape.cost_of(each.coordinate)
            for each in own
            if each.coordinate in named and not each.is_renamed
        }
        with self._lock.mutex:
            for name, cost in costs.items():
                told = self._told.setdefault(name, [])
                if shape.costs not in told:
                    told.append(shape.costs)
                    self._untold[name] = cost
        variables = frozenset(each.name for each in reduced.query.variables)
        return _Fitted(lacks, reduced.text, variables, reduced.left_out)

    def learn(
        self, sent: Operation[object], document: str, body: bytes, error: GraphQLError
    ) -> bool:
        """Note what an answer says that the server lacks.

        Args:
            sent: What was sent.
            document: The whole document of the operation.
            body: The answer.
            error: What it was read as.

        Returns:
            Whether it says so of anything that was sent.

        Raises:
            UnsupportedByServerError: The operation cannot do without it.
        """
        refusals = refusals_in(body)
        shape = _shape_of(replace(sent, document=document)) if refusals else None
        if shape is None:
            return False
        names = sent_names(shape.without()) - sent.left_out
        meant = (_meant(each, shape, names, document) for each in refusals)
        found = tuple(each for each in meant if each is not None)
        with self._lock.mutex:
            new = tuple(each for each in found if each not in self._lacks)
            if new:
                self._lacks = (*self._lacks, *new)
        essential = shape.without(*(each.coordinate for each in found)).essential
        needed = tuple(each.name for each in found if each.coordinate in essential)
        if needed:
            raise self.unsupported(sent.name, needed, error) from error
        return bool(found)

    def unsupported(
        self, what: str, names: tuple[str, ...], error: GraphQLError | None = None
    ) -> UnsupportedByServerError:
        """The error for something that needs what the server lacks.

        Args:
            what: What needs it.
            names: What is lacking.
            error: How the server said so, if it was just asked.
        """
        message = (
            f"the server {self._base_url()} has no {' and no '.join(names)}, which {what} cannot "
            "do without; check the base URL, or ask for the server to be upgraded"
        )
        if error is None:
            return UnsupportedByServerError(message, missing=names)
        return UnsupportedByServerError(
            message,
            missing=names,
            status=error.status,
            errors=error.errors,
            request_id=error.request_id,
            attempts=error.attempts,
        )


class FittedOperation(Generic[T]):
    """An operation, and what is sent of it to a server that may lack something.

    Args:
        server: What is known of the server.
        operation: The operation, whole.

    Attributes:
        sent: What is sent.
    """

    def __init__(self, server: KnownServer, operation: Operation[T]) -> None:
        self._server = server
        self._whole = operation
        self.sent: Operation[T] = server.fit(operation)

    def refit(self, body: bytes, error: GraphQLError) -> bool:
        """Leave out what an answer says that the server lacks.

        Each time it is less that is sent, so that this ends.

        Returns:
            Whether there is another request to send.

        Raises:
            UnsupportedByServerError: The operation cannot do without it.
        """
        if not self._server.learn(self.sent, self._whole.document, body, error):
            return False
        fitted = self._server.fit(self._whole)
        if fitted.left_out <= self.sent.left_out:
            return False
        self.sent = fitted
        return True


def _shape_of(operation: Operation[object]) -> Shape | None:
    """What an operation selects; None where that is not known, or not of this document."""
    shape = None if operation.shape is None else operation.shape()
    return shape if shape is not None and shape.is_of(operation.document) else None


def _meant(refusal: Refusal, shape: Shape, sent: frozenset[str], document: str) -> _Lack | None:
    """What a refusal means of what was sent; None if it is nothing, or not clear."""
    if refusal.name in sent:
        is_declared = any(refusal.name == each.named_type for each in shape.query.variables)
        is_renamed = refusal.field is None and not is_declared
        return _Lack(refusal.name, refusal.name, is_renamed=is_renamed)
    if refusal.field is None or refusal.type in types_of(shape.query, shape.fragments):
        return None
    # A type of the server's own, where one of ours was expected: its place is known if only one
    # has such a field.
    types = {name.partition(".")[0] for name in sent}
    meant = [name for each in types if (name := refusal.named(each)) in sent]
    return _Lack(refusal.name, meant[0], document) if len(meant) == 1 else None
