# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

"""Input objects: what operations take as one variable."""

from __future__ import annotations

from typing import NotRequired, TypedDict

__all__ = ["ModifyRunsInput"]


class ModifyRunsInput(TypedDict):
    "Runs, and the labels that they get and lose."

    ids: NotRequired[list[str] | list[str | None] | tuple[str | None, ...] | None]
    entityName: NotRequired[str | None]
    projectName: NotRequired[str | None]
    addTags: NotRequired[list[str] | list[str | None] | tuple[str | None, ...] | None]
    removeTags: NotRequired[
        list[str] | list[str | None] | tuple[str | None, ...] | None
    ]
    filters: NotRequired[str | None]
