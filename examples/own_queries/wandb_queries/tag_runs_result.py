# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class TagRuns(BaseModel):
    modify_runs: Optional["TagRunsModifyRuns"] = Field(default=None)


class TagRunsModifyRuns(BaseModel):
    runs: Optional[list[Optional["TagRunsModifyRunsRuns"]]] = Field(default=None)


class TagRunsModifyRunsRuns(BaseModel):
    name: str
    tags: Optional[list[Optional[str]]] = Field(default=None)
