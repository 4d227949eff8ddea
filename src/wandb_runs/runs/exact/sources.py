"""Where the rows of a run are: in files, in the database behind them, or there alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias, cast
from urllib.parse import urlsplit

from wandb_runs.errors.text import FieldsRepr
from wandb_runs.frames.requests import PageHistories, unreadable_history
from wandb_runs.frames.scan import last_step_of
from wandb_runs.graphql._generated import get_parquet_history
from wandb_runs.graphql.flow import ask
from wandb_runs.query.location import missing_run
from wandb_runs.transport.settings import Address

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wandb_runs.errors import WandbRunsError
    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.frames.requests import HistoryRequest, Node
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.raw_response import RawResponse
    from wandb_runs.pagination.page import Page

__all__ = ["ExactSource", "Origin", "SourcesReader", "fetch_source"]

Origin: TypeAlias = Literal["files", "files and live rows", "step ranges"]
"""Where the rows of a run come from."""


@dataclass(frozen=True, slots=True, repr=False)
class ExactSource(FieldsRepr):
    """Where the rows of a run are.

    Attributes:
        run_id: The run's id.
        addresses: The addresses of the files, in no stable order.
        boundary: The step from which on rows are in no file; None where all are in files.
        last_step: The last step: -1 without any, None where the server does not tell it.
        row_count: How many rows there are, where the server says so.
        history_keys: W&B's `historyKeys`, as it came.
    """

    run_id: str
    addresses: tuple[Address, ...]
    boundary: int | None
    last_step: int | None
    row_count: int | None
    history_keys: object

    @property
    def origin(self) -> Origin:
        """Where the rows come from."""
        if not self.addresses:
            return "step ranges"
        return "files" if self.boundary is None else "files and live rows"

    @property
    def version(self) -> tuple[object, ...]:
        """What changes when rows are written to files; not the signatures of addresses."""
        places = sorted(urlsplit(each.url)._replace(query="").geturl() for each in self.addresses)
        return (self.boundary, *places)

    def by_ranges(self) -> ExactSource:
        """The same rows, read by ranges of steps alone."""
        return ExactSource(self.run_id, (), None, self.last_step, self.row_count, self.history_keys)


def read_source(
    run_id: str, exports: object, history_keys: object, row_count: int | None
) -> ExactSource:
    """Read where the rows of a run are.

    Without files a history was not exported: it is in the database as a whole. So it is read where
    the server does not tell which rows are in no file.

    Args:
        run_id: The run's id.
        exports: The value of `parquetHistory`; null counts as not exported.
        history_keys: The value of `historyKeys`.
        row_count: The value of `historyLineCount`.

    Raises:
        ValueError: `exports` does not match the schema.
    """
    last_step = last_step_of(history_keys)
    whole = ExactSource(run_id, (), None, last_step, row_count, history_keys)
    if exports is None:
        return whole
    if not isinstance(exports, dict):
        raise ValueError(f"parquetHistory is {type(exports).__name__}, not an object")  # noqa: TRY004 - a malformed answer
    told = cast("dict[str, object]", exports)
    urls = [each for each in _items(told.get("parquetUrls"), "parquetUrls") if each is not None]
    if not all(isinstance(each, str) and each for each in urls):
        raise ValueError("parquetUrls holds what is no text")
    live = [each for each in _items(told.get("liveData"), "liveData") if each is not None]
    if not urls or told.get("liveData") is None:
        return whole
    addresses = tuple(Address(url) for url in dict.fromkeys(cast("list[str]", urls)))
    boundary = min(map(_step_of, live), default=None)
    return ExactSource(run_id, addresses, boundary, last_step, row_count, history_keys)


def fetch_source(entity: str, project: str, run_id: str) -> Flow[ExactSource]:
    """Ask where the rows of one run are.

    Raises:
        NotFoundError: No such project or run.
        BadResponseError: The answer does not match the schema.
    """
    answer = yield from ask(get_parquet_history(entity=entity, project=project, id=run_id))
    run = answer.project.run if answer.project is not None else None
    if run is None:
        raise missing_run(entity, project, run_id)
    told = run.parquet_history
    exports = told and {"parquetUrls": told.parquet_urls, "liveData": told.live_data}
    try:
        return read_source(run_id, exports, run.history_keys, run.history_line_count)
    except ValueError as error:
        raise unreadable_history(run_id, error) from error


class SourcesReader:
    """Turns answers into where the rows of runs are."""

    def read(
        self, answer: RawResponse, request: HistoryRequest
    ) -> Page[PageHistories[list[ExactSource]]]:
        """Read where the rows of an answer's runs are."""
        return self.read_nodes(request.read(answer), request.plan)

    def read_nodes(
        self, page: Page[Node], plan: HistoryPlan
    ) -> Page[PageHistories[list[ExactSource]]]:
        """Read where the rows of a page's runs are."""
        del plan
        sources: list[ExactSource] = []
        unreadable: dict[str, WandbRunsError] = {}
        nodes = {node.id: node for node in page.items}
        for node in nodes.values():
            sent = cast("Mapping[str, object]", node.sent)
            try:
                source = read_source(
                    node.id, sent.get("parquetHistory"), sent.get("historyKeys"), node.row_count
                )
            except ValueError as error:
                unreadable[node.id] = unreadable_history(node.id, error)
            else:
                sources.append(source)
        return page.with_items((PageHistories(sources, [*nodes], unreadable=unreadable),))

    def arrange(self, content: list[ExactSource], run_ids: Sequence[str]) -> list[ExactSource]:
        """Keep only these runs, in this order."""
        found = {source.run_id: source for source in content}
        return [found[run_id] for run_id in run_ids if run_id in found]


def _items(value: object, where: str) -> list[object]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise ValueError(f"{where} is {type(value).__name__}, not a list")  # noqa: TRY004 - a malformed answer
    return cast("list[object]", value)


def _step_of(row: object) -> int:
    """The step of a row that is in no file."""
    step = cast("dict[str, object]", row).get("_step") if isinstance(row, dict) else None
    if isinstance(step, bool) or not isinstance(step, int | float) or step != int(step):
        raise ValueError("liveData holds a row without a step")
    return int(step)
