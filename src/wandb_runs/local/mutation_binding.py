"""How resolvers of mutations are bound: with a key, and their input validated."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ariadne import MutationType
from pydantic import BaseModel

from wandb_runs.local.context import context_of
from wandb_runs.local.ids import storage_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphql import GraphQLResolveInfo

    from wandb_runs.local.context import Context

__all__ = ["Mutations", "stored"]

_InputT = TypeVar("_InputT", bound=BaseModel)


class Mutations(MutationType):
    """Mutations of one topic."""

    def change(
        self, name: str, model: type[_InputT]
    ) -> Callable[[Callable[[Context, _InputT], dict[str, object]]], None]:
        """Bind a mutation that needs a key; its input is validated by a model."""

        def bind(change: Callable[[Context, _InputT], dict[str, object]]) -> None:
            @self.field(name)
            def resolve(  # pyright: ignore[reportUnusedFunction] - bound by the decorator
                _: object,
                info: GraphQLResolveInfo,
                input: Mapping[str, object],  # noqa: A002 - W&B's name
            ) -> dict[str, object]:
                context = context_of(info)
                context.require_writer()
                return change(context, model.model_validate(input))

        return bind


def stored(kind: str, storage: str | None) -> tuple[str, str, str] | None:
    """Entity, project and name of what a storage id names; None for any other text."""
    match storage_parts(storage or ""):
        # What is deleted is in a project without an owner.
        case [found, "v1", name, project, entity] if found == kind and entity:
            return entity, project, name
        case _:
            return None
