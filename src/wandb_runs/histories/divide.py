"""Pages of histories whose size follows what the server can do."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

from wandb_runs._generated import list_run_ids
from wandb_runs.errors import GraphQLError, RequestTimeoutError, ServerError, asked_too_much
from wandb_runs.flow import ask
from wandb_runs.graphql_model import GraphQLModel
from wandb_runs.location import missing_project
from wandb_runs.paging import read_page

if TYPE_CHECKING:
    from collections.abc import Callable

    from wandb_runs.errors import WandbRunsError
    from wandb_runs.flow import Flow
    from wandb_runs.operation import Operation
    from wandb_runs.paging import Selection

__all__ = ["Asked", "DividedPages"]

ModelT = TypeVar("ModelT", bound=GraphQLModel)


class Asked(Generic[ModelT]):
    """An answer, and what it answers.

    Attributes:
        answer: What the server sent.
        selection: Which runs it was asked for, with the page's size.
        after: The cursor after which the page starts.
    """

    __slots__ = ("after", "answer", "selection")

    def __init__(self, answer: ModelT, selection: Selection, after: str | None) -> None:
        self.answer = answer
        self.selection = selection
        self.after = after


class DividedPages:
    """Asks for pages, and for half of a page that is too much for the server.

    A page of one run that is still too much is passed over, so that one run does not lose the
    others.

    Args:
        selection: Which runs, with the page's size to begin with.

    Attributes:
        failed: What went wrong for the runs that were passed over, by their ids.
    """

    __slots__ = ("_first", "_selection", "_steady", "failed")

    def __init__(self, selection: Selection) -> None:
        self._selection = selection
        self._first = self._steady = selection["first"]
        self.failed: dict[str, WandbRunsError] = {}

    def ask(
        self, operation: Callable[[Selection, str | None], Operation[ModelT]], after: str | None
    ) -> Flow[Asked[ModelT] | None]:
        """Ask for the page after a cursor; None when nothing is left but what cannot be had."""
        while True:
            selection = self._selection.copy()
            selection["first"] = self._first
            try:
                answer = yield from ask(replace(operation(selection, after), divisible=True))
            except (GraphQLError, RequestTimeoutError, ServerError) as error:
                if not asked_too_much(error):
                    raise
                if self._first > 1:
                    self._first //= 2
                    continue
                after = yield from self._pass_over(selection, after, error)
                if after is None:
                    return None
                self._first = self._steady
            else:
                self._steady = self._first
                return Asked(answer, selection, after)

    def _pass_over(
        self, selection: Selection, after: str | None, error: WandbRunsError
    ) -> Flow[str | None]:
        """Find out which run it is, and where the next one starts."""
        answer = yield from ask(list_run_ids(**selection, after=after))
        if answer.project is None:
            raise missing_project(selection["entity"], selection["project"])
        page = read_page(answer.project.runs, first=selection["first"], after=after)
        self.failed.update((run.id, error) for run in page.items)
        return page.next_cursor
