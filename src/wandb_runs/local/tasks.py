"""Work that the server does after the answer to a mutation, as W&B moves runs."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, Literal

from wandb_runs.local.ids import storage_id
from wandb_runs.local.nodes import iso

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Task", "Tasks"]

_LATEST: Final = 5 * 1_000_000
"""When work is done that no request asks about, in microseconds."""

_REMEMBERED: Final = 10_000

_State = Literal["PENDING", "RUNNING", "FINISHED", "FAILED"]


@dataclass(frozen=True, slots=True)
class Task:
    """Work that is done, or is still to be done.

    Attributes:
        id: The storage id.
        name: What it is for people.
        type: Which kind of work it is.
        state: How far it is.
        asked_at: When it was asked for, in microseconds since 1970.
        work: Does it; returns whether it succeeded.
    """

    id: str
    name: str
    type: str
    state: _State
    asked_at: int
    work: Callable[[], bool]

    @property
    def created_at(self) -> str:
        """When it was asked for, as W&B spells times."""
        return iso(self.asked_at)

    @property
    def progress(self) -> float:
        """The fraction that is done."""
        return {"PENDING": 0.0, "RUNNING": 0.5}.get(self.state, 1.0)

    @property
    def is_over(self) -> bool:
        """Whether nothing of it is left to be done."""
        return self.state in {"FINISHED", "FAILED"}


class Tasks:
    """The work of a server. Thread-safe.

    A task is PENDING first; the first poll finds it RUNNING, and the second one has it done, so
    that a client that waits for it really waits. None has to: after five seconds the next
    request of any client finds it done.

    Args:
        now: Returns the time, in microseconds since 1970.
    """

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._lock = threading.RLock()
        self._number = 0
        self._tasks: OrderedDict[str, Task] = OrderedDict()

    def start(self, name: str, kind: str, work: Callable[[], bool]) -> Task:
        """Take on work, which begins later.

        Args:
            name: What it is, for people.
            kind: Which kind of work it is.
            work: Does it; returns whether it succeeded.
        """
        with self._lock:
            self._number += 1
            task_id = storage_id("Task", str(self._number))
            task = Task(task_id, name, kind, "PENDING", self._now(), work)
            self._tasks[task_id] = task
            while len(self._tasks) > _REMEMBERED:
                _, oldest = self._tasks.popitem(last=False)
                self._do(oldest)
            return task

    def poll(self, task_id: str) -> Task | None:
        """Look at a task, which goes on by that; None where there is none of that id."""
        with self._lock:
            task = self._tasks.get(task_id)
            if task is None or task.is_over:
                return task
            after = replace(task, state="RUNNING") if task.state == "PENDING" else self._do(task)
            self._tasks[task_id] = after
            return after

    def do_overdue(self) -> None:
        """Do the work that no request asked about for some time."""
        with self._lock:
            before = self._now() - _LATEST
            for task in self._tasks.values():
                if not task.is_over and task.asked_at <= before:
                    self._tasks[task.id] = self._do(task)

    def clear(self) -> None:
        """Forget all work, done or not."""
        with self._lock:
            self._tasks.clear()

    @staticmethod
    def _do(task: Task) -> Task:
        if task.is_over:
            return task
        return replace(task, state="FINISHED" if task.work() else "FAILED")
