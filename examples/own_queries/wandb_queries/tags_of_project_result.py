# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class TagsOfProject(BaseModel):
    project: Optional["TagsOfProjectProject"] = Field(default=None)


class TagsOfProjectProject(BaseModel):
    run_count: Optional[int] = Field(default=None)
    tag_counts: Optional[list[Optional["TagsOfProjectProjectTagCounts"]]] = Field(
        default=None
    )


class TagsOfProjectProjectTagCounts(BaseModel):
    name: Optional[str] = Field(default=None)
    count: Optional[int] = Field(default=None)
