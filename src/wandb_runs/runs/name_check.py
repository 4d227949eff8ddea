"""Whether the names that a listing was given exist: misspelt ones select or sort nothing.

A name is known where the listing itself shows it. Only where it does not, the newest runs of the
project are looked at, which takes a request.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wandb_runs.errors import UnknownKeyWarning, UnknownStateWarning
from wandb_runs.errors.suggest import nearest
from wandb_runs.query.keys import EVERYTHING
from wandb_runs.query.mentions import NO_MENTIONS, STATES, Mentions
from wandb_runs.runs.known_keys import (
    NAMED,
    known_keys,
    names_of,
    project_names,
    read_documents,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wandb_runs.graphql.flow import Flow
    from wandb_runs.pagination.page import Node, Page, Selection
    from wandb_runs.query.keys import KeySelection
    from wandb_runs.query.mentions import KeyMention
    from wandb_runs.runs.known_keys import Documents, KnownKeys

__all__ = ["NameCheck"]


class NameCheck:
    """What a listing names and has not been seen yet, and what to warn of.

    Each name is looked up once for a listing, however it is read: by a loop, by pages, by `len`,
    or by a call on all runs.

    Args:
        mentions: The names.
        keys: The keys that the pages of the listing show.
    """

    __slots__ = ("_keys", "_left", "_unknown")

    def __init__(self, mentions: Mentions, keys: KeySelection = EVERYTHING) -> None:
        self._left = mentions
        self._keys = keys
        self._unknown: deque[UnknownKeyWarning] = deque()

    def take(self) -> Iterator[UnknownKeyWarning]:
        """The warnings that were not given yet, each once."""
        while self._unknown:
            try:
                yield self._unknown.popleft()
            except IndexError:  # another thread has taken it
                return

    def after_page(self, selection: Selection, page: Page[Node]) -> Flow[None]:
        """Look up what the first page of the listing does not show."""
        left = self._left
        if not left:
            return
        has_runs = not page.is_empty
        shown: list[Documents] = []
        suspects = [each for each in left.keys if not (each.is_proven and has_runs)]
        read = (read_documents(*map(node.get, ("config", "summaryMetrics"))) for node in page.items)
        runs = (run for run in read if run is not None)
        suspects = _not_in(runs, suspects, shown)
        states = [node.get("state") for node in page.items]
        yield from self._look_up(
            left,
            NO_MENTIONS,
            selection,
            suspects,
            _unknown_states(left, states, has_runs=has_runs),
            # What the listing asks for and no run shows is likely misspelt.
            is_likely=not has_runs or all(map(self._shows, suspects)),
            shown=shown,
        )

    def after_call(
        self,
        selection: Selection,
        *,
        has_runs: bool,
        keys: Sequence[KeyMention] = (),
        shown: Iterable[Documents] = (),
    ) -> Flow[None]:
        """Look up what a call on all runs may lack, whose answers do not show it.

        Where runs came, the keys of the listing are left for when it is read: such a call does
        not ask for them.

        Args:
            selection: The runs of the call.
            has_runs: Whether there are any.
            keys: What the call asked for and no run has.
            shown: What the call read of the runs, as far as it was documents.
        """
        left, later = self._left, NO_MENTIONS
        if has_runs:
            listed = ("config_keys", "summary_keys")
            later = Mentions(tuple(each for each in left.keys if each.argument in listed))
        now = [each for each in left.keys if each not in later.keys]
        suspects = [each for each in now if not (each.is_proven and has_runs)]
        suspects = [*_not_in(shown, suspects), *keys]
        states = _unknown_states(left, (), has_runs=has_runs)
        # An order is looked up in one request, whether the name proves right or wrong.
        is_ordered = any(each.argument == "order" for each in suspects)
        is_likely = bool(keys) or not has_runs or is_ordered
        yield from self._look_up(left, later, selection, suspects, states, is_likely=is_likely)

    def _shows(self, mention: KeyMention) -> bool:
        """Whether the pages of the listing would show the value."""
        asked = self._keys.config if mention.section == "config" else self._keys.summary
        return asked is None or any(key in asked for key in mention.keys)

    def _look_up(
        self,
        left: Mentions,
        later: Mentions,
        selection: Selection,
        suspects: Sequence[KeyMention],
        states: Mapping[str, str | None],
        *,
        is_likely: bool,
        shown: Sequence[Documents] = (),
    ) -> Flow[None]:
        """Warn of what the newest runs do not have either, and keep what is left for later."""
        entity, project = selection["entity"], selection["project"]
        known: KnownKeys | None = None
        names = names_of(shown[:NAMED])
        if suspects:
            known = yield from known_keys(entity, project, suspects, has_names=is_likely)
            if known is not None and known.missing and known.checked:
                told = yield from project_names(entity, project)
                # What runs that are older have is no misspelling.
                known = known.without(told)
                names += told
                if known.missing and not (told or is_likely):
                    named = yield from known_keys(entity, project, known.missing, has_names=True)
                    names += [] if named is None else named.names
        is_first = self._left is left  # else another thread has looked up the same meanwhile
        if is_first:
            self._left = later
        if known is not None and known.checked:
            names += known.names
            missing = [each for each in known.missing if is_first or each not in left.keys]
            for argument in dict.fromkeys(each.argument for each in missing):
                own = [each for each in missing if each.argument == argument]
                nearest_names = {each.label: each.suggest(names) for each in own}
                self._unknown.append(UnknownKeyWarning(argument, nearest_names, known.checked))
        if states and is_first and (known is None or known.checked):
            self._unknown.append(UnknownStateWarning("filters", states, STATES))


def _not_in(
    runs: Iterable[Documents], mentions: Sequence[KeyMention], read: list[Documents] | None = None
) -> list[KeyMention]:
    """The mentions that no run has; of the runs no more are read than that takes.

    Args:
        runs: What the runs hold.
        mentions: The mentions.
        read: Is given the runs that were read.
    """
    left = [*mentions]
    for run in runs if left else ():
        if read is not None:
            read.append(run)
        left = [each for each in left if not run.have(each)]
        if not left:
            break
    return left


def _unknown_states(
    left: Mentions, seen: Iterable[object], *, has_runs: bool
) -> dict[str, str | None]:
    """Words that are no states, as far as is known and can be seen, each with the nearest one."""
    return {
        each.state: nearest(each.state, STATES)
        for each in left.states
        if not (each.is_proven and has_runs) and each.state not in seen
    }
