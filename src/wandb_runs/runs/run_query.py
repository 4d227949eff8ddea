"""`RunQuery`: what a listing was asked for, checked before anything is sent."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.graphql._generated import list_runs
from wandb_runs.graphql.nested import outer_keys
from wandb_runs.pagination.changes import both, name_filter
from wandb_runs.pagination.checkpoint import ListingState, read_checkpoint
from wandb_runs.pagination.page import MAX_PER_PAGE, Selection
from wandb_runs.pagination.sizes import PER_PAGE, PageSize
from wandb_runs.query.filters import RawFilter, filters_to_json
from wandb_runs.query.keys import KeySelection, select_keys
from wandb_runs.query.location import check_ids, check_name
from wandb_runs.query.mentions import NO_MENTIONS, Mentions, key_mentions, mentions_of
from wandb_runs.query.order import RawOrder, parse_order
from wandb_runs.runs.field_values import check_requested
from wandb_runs.runs.models import NO_MODELS, Models, check_models

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.frames.plan import HistoryPlan
    from wandb_runs.graphql._generated import ListRuns
    from wandb_runs.graphql.operation import Operation
    from wandb_runs.pagination.checkpoint import Checkpoint
    from wandb_runs.pagination.page import PageRequest
    from wandb_runs.query.filters import Filters
    from wandb_runs.query.key_fields import ValueField
    from wandb_runs.query.order import Order
    from wandb_runs.runs.models import OnInvalid

__all__ = ["RunQuery"]

K = TypeVar("K", bound=str)


@dataclass(frozen=True, slots=True, repr=False)
class RunQuery(FieldsRepr):
    """What a listing was asked for.

    This is what is copied and pickled of a listing, what `explain` shows, and what a checkpoint is
    compared with.

    Attributes:
        entity: The user or team that owns the project; None for the viewer's, as long as the
            server has not been asked for it.
        project: The project's name.
        filters: The filter as JSON, with the server's names of fields.
        order: The order, with its sign.
        per_page: The most runs per request, at most `MAX_PER_PAGE`; `PER_PAGE` for 50 in the
            first page and more in later ones.
        include_sweeps: Whether `run.sweep` fetches the sweep.
        keys: The keys of config and summary to ask for.
        models: The types that config and summary are validated as.
        limit: The most runs to list, those before the checkpoint among them; None for all.
        strict: Whether drift that cannot be corrected is an error.
        start: Where the listing begins, as its checkpoint says.
        mentions: The paths, keys and states that its arguments name; not those of a `RawFilter`
            or a `RawOrder`, which are sent unchecked.
    """

    entity: str | None
    project: str
    filters: str
    order: str
    per_page: int
    include_sweeps: bool
    keys: KeySelection
    models: Models
    limit: int | None
    strict: bool
    start: ListingState
    mentions: Mentions

    @classmethod
    def of(
        cls,
        entity: str | None,
        project: str,
        filters: Filters | None,
        order: Order,
        per_page: int,
        include_sweeps: bool,
        *,
        config_keys: list[K] | tuple[K, ...] | None,
        summary_keys: list[K] | tuple[K, ...] | None,
        limit: int | None,
        checkpoint: Checkpoint | None,
        strict: bool,
        config: type[object] | None,
        summary: type[object] | None,
        on_invalid: OnInvalid,
    ) -> RunQuery:
        """Check the arguments of `Runs`, which documents them.

        Raises:
            InvalidArgumentError: An argument is of the wrong type or out of bounds.
        """
        keys = select_keys(config_keys, summary_keys)
        query_filters = filters_to_json(filters) or "{}"  # as W&B's SDK sends it
        order_text = parse_order(order)
        query = cls(
            entity=None if entity is None else check_name(entity, "entity"),
            project=check_name(project, "project"),
            filters=query_filters,
            order=order_text,
            per_page=min(_check_per_page(per_page), MAX_PER_PAGE),
            include_sweeps=bool(include_sweeps),
            keys=keys,
            models=check_models(config, summary, on_invalid),
            limit=_check_limit(limit),
            strict=bool(strict),
            start=ListingState(),
            mentions=mentions_of(
                None if isinstance(filters, RawFilter) else query_filters,
                None if isinstance(order, RawOrder) else order_text,
                keys.config,
                keys.summary,
            ),
        )
        if checkpoint is None:
            return query
        return replace(query, start=read_checkpoint(checkpoint, query.selection, entity))

    def with_ids(self, ids: object) -> RunQuery:
        """The query for those of the runs that have these ids, wherever they are in the order.

        Raises:
            InvalidArgumentError: Not a list or tuple of ids.
        """
        chosen = check_ids(ids)
        return replace(
            self,
            filters=both(self.filters, name_filter(chosen)),
            limit=None if chosen else 0,
            start=ListingState(),
        )

    def for_fields(self, fields: Sequence[ValueField[object]]) -> RunQuery:
        """The query for the same runs, with the keys of some fields alone.

        Where runs are left out that do not fit a model, it is this one, of which the model needs
        the keys.

        Raises:
            InvalidArgumentError: Then, this query does not ask for a field.
        """
        if self.models.skips:
            for field in fields:
                check_requested(field, self.keys)
            return self
        config, summary = (
            tuple(dict.fromkeys(each.text for each in fields if each.section == section))
            for section in ("config", "summary")
        )
        mentions = self.mentions
        named = [each for each in mentions.keys if each.argument in ("filters", "order")]
        named += key_mentions("values", "config", config)
        named += key_mentions("values", "summary", summary)
        return replace(
            self,
            keys=KeySelection(config, summary),
            models=NO_MODELS,
            mentions=mentions._replace(keys=tuple(named)),
        )

    @property
    def selection(self) -> Selection:
        """The variables that select the runs; the entity is None as long as it is not known."""
        return Selection(
            entity=cast("str", self.entity),
            project=self.project,
            filters=self.filters,
            order=self.order,
            first=self.per_page,
        )

    @property
    def unchecked_mentions(self) -> Mentions:
        """The mentions to look up.

        None of a listing that continues at a checkpoint, which was checked where it began, nor of
        one of no runs.
        """
        return NO_MENTIONS if self.start.read > 0 or self.limit == 0 else self.mentions

    @property
    def is_part(self) -> bool:
        """Whether only part of what the filter selects is listed.

        Then the runs are listed before anything is asked of all of them, by their ids.
        """
        return self.limit is not None or self.start.read > 0 or self.models.skips

    @property
    def page_size(self) -> PageSize:
        """How many runs the first page asks for."""
        size = PageSize.of(self.per_page)
        return size if self.limit is None else size.at_most(self.limit)

    def histories_page_size(self, plan: HistoryPlan) -> int:
        """How many runs to read the histories of per request."""
        most = MAX_PER_PAGE if self.per_page is PER_PAGE else self.per_page
        return min(most, plan.runs_per_request)

    def list_page(self, selection: Selection, request: PageRequest) -> Operation[ListRuns]:
        """The operation that lists a page of runs."""
        return list_runs(
            **request.variables(selection),
            config_keys=outer_keys(self.keys.config),
            summary_keys=outer_keys(self.keys.summary),
        )


def _check_limit(limit: object) -> int | None:
    if limit is None:
        return None
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 0:
        raise InvalidArgumentError(
            f"limit must be a number of runs, at least 0, or None for all; got {limit!r}"
        )
    return limit


def _check_per_page(per_page: object) -> int:
    if isinstance(per_page, bool) or not isinstance(per_page, int):
        raise InvalidArgumentError(
            f"per_page must be an int of at least 1, got {type(per_page).__name__}"
        )
    if per_page < 1:
        raise InvalidArgumentError(f"per_page must be at least 1, got {per_page}")
    return per_page
