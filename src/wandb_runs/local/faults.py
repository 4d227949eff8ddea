"""Fault injection: how a fault stands between a request and its answer.

The faults themselves are in `wandb_runs.testing`; any object with a method `strike` is one.
"""

from __future__ import annotations

import random
import threading
from abc import abstractmethod
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from graphql import DocumentNode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from contextlib import AbstractContextManager

    from wandb_runs.local.nodes import Run
    from wandb_runs.local.pages import Page, PageRequest

__all__ = [
    "EXEMPT",
    "FILE",
    "REMEMBERED",
    "Answer",
    "Answering",
    "Fault",
    "Faults",
    "FaultyServer",
    "GraphQLRequest",
    "Paging",
    "Reading",
]

Reading: TypeAlias = "Callable[[PageRequest], Page[Run]]"
"""Reads a page of runs."""

Paging: TypeAlias = "Callable[[PageRequest, Reading], Page[Run]]"
"""Makes a page, given a request for it and a function that reads it."""

REMEMBERED: Final = 10_000
"""How many operations and faults a server records."""

EXEMPT: Final = ("x-wandb-runs-testing", "exempt from faults")
"""The header that `log_run` and `delete_run` send, and no other client: faults pass over it."""

FILE: Final = "a file"
"""The operation that reads a file: no GraphQL operation has such a name."""

_JSON: Final = {"content-type": "application/json"}


class FaultyServer(Protocol):
    """The server that a fault works on; it is always a `LocalServer`."""

    @property
    def url(self) -> str:
        """Where it listens."""
        ...

    @property
    def operations(self) -> tuple[str, ...]:
        """The names of the GraphQL operations received, oldest first."""
        ...

    def fail(
        self, *faults: Fault | None, operation: str | None = None
    ) -> AbstractContextManager[object]:
        """Apply a fault to each of the next requests."""
        ...


@dataclass(frozen=True, slots=True)
class GraphQLRequest:
    """A GraphQL request, or one that reads a file, as a fault sees it.

    Attributes:
        operation: The operation's name; empty for one without a name, `"a file"` for a file.
        document: The parsed document, which is valid.
        variables: What the operation is given.
        server: The server that received it.
        changes: Whether it is a mutation.
        paging: Changes its pages of runs.
        nulls: Fields that are null in the answer, each as `Type.field`.
        ignores_range: Whether a part of a file is answered with all of it.
    """

    operation: str
    document: DocumentNode
    variables: Mapping[str, object]
    server: FaultyServer
    changes: bool = False
    paging: Paging | None = None
    nulls: frozenset[str] = frozenset()
    ignores_range: bool = False

    @classmethod
    def of_file(cls, server: FaultyServer, asked: Mapping[str, object]) -> GraphQLRequest:
        """A request that reads a file, which has an empty document.

        Args:
            server: The server.
            asked: Entity, project, run and name of the file, and the header `Range`.
        """
        return cls(FILE, DocumentNode(definitions=()), asked, server)

    def paged(self, paging: Paging) -> GraphQLRequest:
        """A copy whose pages of runs are changed by `paging`, inside any change set before."""
        outer = self.paging
        if outer is None:
            return replace(self, paging=paging)

        def both(request: PageRequest, read: Reading) -> Page[Run]:
            return outer(request, lambda inner: paging(inner, read))

        return replace(self, paging=both)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, and how it is sent.

    Attributes:
        body: The body, as sent.
        status: The HTTP status.
        headers: The headers, without `content-length`, which is that of the whole body.
        delay: Seconds to wait before anything is sent.
        pause: Seconds to wait between any two bytes of the body; None sends it at once.
        cut: The number of bytes of the body after which the connection closes; None sends all.
        is_reset: Whether the connection is reset instead.
    """

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=_JSON.copy)
    delay: float = 0.0
    pause: float | None = None
    cut: int | None = None
    is_reset: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is sent normally."""
        is_whole = self.pause is None and self.cut is None
        return is_whole and not self.delay and not self.is_reset


class Answering(Protocol):
    """Makes the answer that a request would have without the fault."""

    def __call__(self, request: GraphQLRequest, /) -> Answer:
        """Answer the request, which a fault may have modified."""
        ...


class Fault(Protocol):
    """A fault injected into a request.

    A fault of your own needs the method `strike`; it is called in a thread, and may block.

    >>> from dataclasses import dataclass, replace
    >>> from wandb_runs.testing import Fault
    >>> @dataclass(frozen=True)
    ... class NotYet(Fault):
    ...     def strike(self, request, answer):
    ...         return replace(answer(request), status=501)
    """

    def concerns(self, request: GraphQLRequest, /) -> bool:
        """Whether the fault applies to a request; if not, it waits for another one.

        By default a fault applies to every request.
        """
        del request
        return True

    @abstractmethod
    def strike(self, request: GraphQLRequest, answer: Answering, /) -> Answer:
        """Answer a request in the fault's way.

        Args:
            request: The request.
            answer: Makes the real answer; calling it is optional.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    """Faults for one request or for every request, or a request that is exempt.

    Attributes:
        faults: The faults of which one applies; none exempts the request.
        operation: The name of the operations that it is for; None means all but mutations and
            reads of files.
        rate: The probability that a fault applies.
        chance: Decides whether one applies, and which.
    """

    faults: tuple[Fault, ...]
    operation: str | None
    rate: float = 1.0
    chance: random.Random = field(default_factory=random.Random)

    def is_for(self, request: GraphQLRequest) -> bool:
        if self.operation is None:
            return not request.changes and request.operation != FILE
        return self.operation == request.operation

    def draw(self) -> Fault | None:
        if not self.faults or (self.rate < 1 and self.chance.random() >= self.rate):
            return None
        return self.faults[0] if len(self.faults) == 1 else self.chance.choice(self.faults)


class Faults:
    """The faults of a server: those for the next requests, and lasting ones. Thread-safe.

    Args:
        server: The server.
    """

    def __init__(self, server: FaultyServer) -> None:
        self.server = server
        self._lock = threading.Lock()
        self._waiting: list[_Entry] = []
        self._lasting: list[_Entry] = []
        self._struck: deque[Fault] = deque(maxlen=REMEMBERED)

    @property
    def struck(self) -> tuple[Fault, ...]:
        """The faults that were applied, oldest first."""
        return tuple(self._struck)

    def add(
        self, faults: Sequence[Fault | None], operation: str | None
    ) -> AbstractContextManager[object]:
        """Apply each fault to one of the next requests, in order; None exempts one."""
        entries = [_Entry(() if fault is None else (fault,), operation) for fault in faults]
        return self._put(self._waiting, entries)

    def add_lasting(
        self, faults: Sequence[Fault], operation: str | None, rate: float = 1.0, seed: int = 0
    ) -> AbstractContextManager[object]:
        """Apply one of the faults to every request, or to a fraction of the requests."""
        chance = random.Random(seed)  # noqa: S311 - to be the same again
        return self._put(self._lasting, [_Entry(tuple(faults), operation, rate, chance)])

    def _put(
        self, queue: list[_Entry], entries: Sequence[_Entry]
    ) -> AbstractContextManager[object]:
        def end() -> None:
            with self._lock:
                queue[:] = [entry for entry in queue if entry not in entries]

        with self._lock:
            queue += entries
        block = ExitStack()
        block.callback(end)
        return block

    def clear(self) -> None:
        """Remove all faults, and clear the record of those applied."""
        with self._lock:
            self._waiting.clear()
            self._lasting.clear()
            self._struck.clear()

    def answer(self, request: GraphQLRequest, answer: Answering) -> Answer:
        """Answer a request through the faults that apply to it.

        Lasting faults are innermost, in the order in which they were added.
        """
        if not (self._waiting or self._lasting):
            return answer(request)
        for fault in self._draw(request):
            answer = self._applying(fault, answer)
        return answer(request)

    def _draw(self, request: GraphQLRequest) -> list[Fault]:
        with self._lock:
            drawn = [entry.draw() for entry in self._lasting if entry.is_for(request)]
            faults = [fault for fault in drawn if fault and fault.concerns(request)]
            entry = next((entry for entry in self._waiting if entry.is_for(request)), None)
            if entry:
                fault = entry.draw()
                if fault is None or fault.concerns(request):
                    self._waiting.remove(entry)
                    faults += [fault] if fault else []
            return faults

    def _applying(self, fault: Fault, answer: Answering) -> Callable[[GraphQLRequest], Answer]:
        def apply(request: GraphQLRequest) -> Answer:
            self._struck.append(fault)
            return fault.strike(request, answer)

        return apply
