"""Faults that change requests and answers, as other kinds of servers would."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from wandb_runs.testing import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wandb_runs.graphql.scalars import JSONValue
    from wandb_runs.local.faults import Answering
    from wandb_runs.testing import Answer, GraphQLRequest

__all__ = ["ChangedAnswer", "ChangedVariables"]


@dataclass(frozen=True)
class ChangedAnswer(Fault):
    """The answer, with its data changed.

    Attributes:
        change: Changes the data, in place, given the variables of the request.
    """

    change: Callable[[dict[str, JSONValue], Mapping[str, object]], object]

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        made = answer(request)
        content = cast("dict[str, dict[str, JSONValue]]", json.loads(made.body))
        self.change(content["data"], request.variables)
        return replace(made, body=json.dumps(content).encode())


@dataclass(frozen=True)
class ChangedVariables(Fault):
    """The answer to other variables than those that were sent.

    Attributes:
        change: Gives the variables, given those that were sent.
    """

    change: Callable[[Mapping[str, object]], Mapping[str, object]]

    @override
    def strike(self, request: GraphQLRequest, answer: Answering) -> Answer:
        return answer(replace(request, variables=self.change(request.variables)))
