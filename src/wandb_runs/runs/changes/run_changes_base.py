"""What `Run` and `AsyncRun` share of changes: the flows of their methods."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from wandb_runs.errors import RunValidationError
from wandb_runs.errors.warnings import warn
from wandb_runs.graphql.documents import INTERNAL_KEYS, read_config, read_document
from wandb_runs.query.keys import EVERYTHING
from wandb_runs.runs.changes.removals import unknown_removals
from wandb_runs.runs.changes.state import set_state, wait_for_end
from wandb_runs.runs.changes.update import Target, fetch_updated
from wandb_runs.runs.record import to_node
from wandb_runs.runs.run_base import ConfigT_co, ContextT_co, RunBase, SummaryT_co

if TYPE_CHECKING:
    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.query.keys import KeySelection
    from wandb_runs.runs.changes.arguments import Update
    from wandb_runs.runs.changes.documents import Part
    from wandb_runs.runs.changes.state import NewState, Wait
    from wandb_runs.runs.models import Models

__all__ = ["RunChangesBase", "check_document"]


class RunChangesBase(RunBase[ContextT_co, ConfigT_co, SummaryT_co]):
    """What `Run` and `AsyncRun` share of changes: all but the sending."""

    __slots__ = ()

    def _fetch_updated(self, update: Update, *, force: bool) -> Flow[None]:
        """Change the run, and have it be what it is afterwards."""
        context = self._context
        check = partial(check_document, context.models, context.keys, "/".join(self.path))

        def look(fields: RunFields) -> None:
            for warning in unknown_removals(update, [fields]):
                warn(warning)

        target = Target(self._where, context.client.server, check, look)
        fields = yield from fetch_updated(target, update, force=force)
        if self._context.keys == EVERYTHING:
            self._node = to_node(fields)
        else:  # as it was listed: with some keys
            yield from self._fetch_again()

    def _fetch_in_state(self, state: NewState) -> Flow[None]:
        """Set the run's state, and have the run be what it is afterwards."""
        yield from set_state(self._where, state)
        yield from self._fetch_again()

    def _fetch_ended(self, wait: Wait) -> Flow[None]:
        """Wait for the run's end, and have the run be what it is then."""
        yield from wait_for_end(self._where, wait)
        yield from self._fetch_again()


def check_document(models: Models, keys: KeySelection, path: str, part: Part, text: str) -> None:
    """Check that a config or a summary, as it is to be, fits the type of its listing.

    Args:
        models: The types.
        keys: The keys that they are of.
        path: Entity, project and id of the run, joined by slashes.
        part: Which document.
        text: The document.

    Raises:
        RunValidationError: It does not; nothing was changed.
    """
    model = models.config if part == "config" else models.summary
    if model is None:
        return

    def read() -> dict[str, JSONValue]:
        if part == "summary":
            return read_document(text, keys.summary)
        document = read_config(text, keys.config)
        return {key: each for key, each in document.items() if key not in INTERNAL_KEYS}

    try:
        model.read(read, path)
    except RunValidationError as error:
        raise RunValidationError(
            f"with this change, the {part} of run {path!r} would not fit its type: "
            f"{'; '.join(error.problems)}. Nothing was changed",
            path=path,
            part=part,
            problems=error.problems,
        ) from None
