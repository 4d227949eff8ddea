"""Several editors of one run, whose requests interleave in any order."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from wandb_runs import Api, UpdateConflictError
from wandb_runs.graphql.operation import Operation
from wandb_runs.runs.changes.arguments import plan_update
from wandb_runs.runs.changes.update import MOST_WRITES, Target, fetch_updated
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wandb_runs.graphql._generated import RunFields
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.runs.changes.arguments import Update
    from wandb_runs.runs.changes.documents import Part
    from wandb_runs.testing import LocalServer

PROJECT = "changes-concurrent"
PARTS: tuple[Part, ...] = ("config", "summary")
EDITORS = 3

_numbers = count()


def take_all(_part: Part, _text: str) -> None:
    """Check nothing of a document."""


class Editor:
    """One change under way, and what it has seen of each document."""

    def __init__(self, flow: Flow[RunFields], update: Update) -> None:
        self.flow = flow
        self.update = update
        self.step: object = next(flow)
        self.seen: dict[Part, dict[str, object]] = {}
        self.writes = 0


class Editors(RuleBasedStateMachine):
    """Editors of one run on a real server, each a flow that goes on by one request at a time.

    The model is what the server must hold after each request: of a document, what the editor that
    wrote it last had read, with its own change; of a text, what was written last; of the tags, all
    that were added and not removed since.
    """

    server: LocalServer
    api: Api

    @initialize()
    def begin(self) -> None:
        self.run_id = f"r{next(_numbers)}"
        log_run(self.server, "me", PROJECT, self.run_id, config={"k": 0}, summary={"k": 0})
        self.editors: dict[int, Editor] = {}
        self.texts: dict[str, str] = {"notes": "", "group": ""}
        self.tags: set[str] = set()
        self.documents: dict[Part, dict[str, object]] = {"config": {"k": 0}, "summary": {"k": 0}}

    @rule(
        number=st.integers(0, EDITORS - 1),
        keys=st.dictionaries(st.sampled_from(["a", "b", "c"]), st.integers(0, 3), max_size=2),
        part=st.sampled_from(PARTS),
        texts=st.dictionaries(
            st.sampled_from(["notes", "group"]), st.sampled_from("xyz"), max_size=1
        ),
        tags=st.sampled_from(
            [{}, {"add_tags": ["t0"]}, {"add_tags": ["t1"]}, {"remove_tags": ["t0"]}]
        ),
    )
    def start(
        self,
        number: int,
        keys: dict[str, int],
        part: Part,
        texts: dict[str, str],
        tags: dict[str, list[str]],
    ) -> None:
        if number in self.editors or not (keys or texts or tags):
            return
        given: dict[str, Any] = {**texts, **tags, **({part: keys} if keys else {})}
        update = plan_update("run.update", **given)
        target = Target(("me", PROJECT, self.run_id), self.api.client.server, take_all)
        self.editors[number] = Editor(fetch_updated(target, update), update)

    @rule(number=st.integers(0, EDITORS - 1))
    def go_on(self, number: int) -> None:
        editor = self.editors.get(number)
        if editor is None:
            return
        operation = editor.step
        assert isinstance(operation, Operation)
        sent = cast("Operation[object]", operation)
        answer = self.api.client.execute(sent)
        if sent.name == "GetRun":
            editor.seen = {part: dict(held) for part, held in self.documents.items()}
        elif sent.name == "ModifyRuns":
            self.tags = (self.tags | {*editor.update.add_tags}) - {*editor.update.remove_tags}
        else:
            self.write(editor, sent)
        lost: Sequence[str] = ()
        try:
            editor.step = editor.flow.send(answer)
        except StopIteration:
            pass
        except UpdateConflictError as error:
            lost = error.lost
        else:
            return
        # It ended with a reading: its change is there as of then, or it says what is not.
        del self.editors[number]
        assert sent.name == "GetRun"
        assert self.missing(editor) == [*lost]
        assert not lost or editor.writes == MOST_WRITES

    def write(self, editor: Editor, sent: Operation[object]) -> None:
        editor.writes += 1
        variables = sent.variables
        # Tags are added and removed by the mutation for that alone, which others' are safe from.
        assert {*variables} <= {"storageId", *editor.update.texts, "config", "summary"}
        for name in self.texts:
            if name in variables:
                assert editor.writes == 1, "a text is written once, and not over a later one"
                self.texts[name] = str(variables[name])
        for change in editor.update.documents:
            if change.part in variables:
                # Of the others' changes, those alone are lost that came since its reading.
                self.documents[change.part] = {**editor.seen[change.part], **change.values}

    def missing(self, editor: Editor) -> list[str]:
        lost = [
            f"{change.part}.{key}"
            for change in editor.update.documents
            for key, value in change.values.items()
            if self.documents[change.part].get(key) != value
        ]
        has_tags = {*editor.update.add_tags} <= self.tags and not {
            *editor.update.remove_tags
        } & self.tags
        return ([] if has_tags else ["tags"]) + lost

    @invariant()
    def the_server_holds_what_the_model_says(self) -> None:
        if not hasattr(self, "run_id"):
            return
        run = self.api.run(f"me/{PROJECT}/{self.run_id}")
        assert {"notes": run.notes or "", "group": run.group or ""} == self.texts
        assert {*run.tags} == self.tags
        assert {"config": {**run.config}, "summary": {**run.summary}} == self.documents

    def teardown(self) -> None:
        """Let each editor end by itself."""
        for number in [*self.editors]:
            while number in self.editors:
                self.go_on(number)
        self.the_server_holds_what_the_model_says()


def test_editors_lose_nothing_but_between_a_reading_and_a_writing(
    wandb_server: LocalServer,
) -> None:
    with Api(base_url=wandb_server.url, api_key="any") as api:
        kind = type("Prepared", (Editors,), {"server": wandb_server, "api": api})
        run_state_machine_as_test(
            kind,
            settings=settings(
                max_examples=15,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=(HealthCheck.too_slow,),
                # Shrinking sends so many requests that it takes minutes.
                phases=(Phase.explicit, Phase.generate, Phase.target),
            ),
        )


@pytest.mark.parametrize("part", PARTS)
def test_the_window_is_one_reading_and_one_writing(wandb_server: LocalServer, part: Part) -> None:
    run_id = f"r{next(_numbers)}"
    log_run(wandb_server, "me", PROJECT, run_id, config={"k": 0}, summary={"k": 0})
    with Api(base_url=wandb_server.url, api_key="any") as api:
        target = Target(("me", PROJECT, run_id), api.client.server, take_all)

        def editor(key: str) -> Editor:
            update = plan_update("run.update", **cast("Any", {part: {key: 1}}))
            return Editor(fetch_updated(target, update), update)

        def held() -> set[str]:
            run = api.run(f"me/{PROJECT}/{run_id}")
            return {*json.loads(run.json_config)} if part == "config" else {*run.summary}

        def go_on(one: Editor) -> bool:
            try:
                one.step = one.flow.send(api.client.execute(cast("Operation[object]", one.step)))
            except StopIteration:
                return False
            return True

        first, second = editor("a"), editor("b")
        assert go_on(first)  # both have read
        assert go_on(second)
        assert go_on(first)  # and the first writes, and
        assert go_on(second)  # the second over it
        assert held() == {"k", "b"}
        assert not go_on(second), "its change is there, as far as it can know"
        assert go_on(first), "it finds its change missing, and writes it"
        assert go_on(first)
        assert not go_on(first)
        assert held() == {"k", "a", "b"}
