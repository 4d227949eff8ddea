# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import BestRun


class BestRunsOfSweeps(BaseModel):
    project: Optional["BestRunsOfSweepsProject"] = Field(default=None)


class BestRunsOfSweepsProject(BaseModel):
    sweeps: Optional["BestRunsOfSweepsProjectSweeps"] = Field(default=None)


class BestRunsOfSweepsProjectSweeps(BaseModel):
    edges: Optional[list[Optional["BestRunsOfSweepsProjectSweepsEdges"]]] = Field(
        default=None
    )
    page_info: Optional["BestRunsOfSweepsProjectSweepsPageInfo"] = Field(default=None)


class BestRunsOfSweepsProjectSweepsEdges(BaseModel):
    node: Optional["BestRunsOfSweepsProjectSweepsEdgesNode"] = Field(default=None)


class BestRunsOfSweepsProjectSweepsEdgesNode(BaseModel):
    name: str
    display_name: Optional[str] = Field(default=None)
    state: Optional[str] = Field(default=None)
    run_count: Optional[int] = Field(default=None)
    runs: "BestRunsOfSweepsProjectSweepsEdgesNodeRuns"


class BestRunsOfSweepsProjectSweepsEdgesNodeRuns(BaseModel):
    edges: Optional[
        list[Optional["BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdges"]]
    ] = Field(default=None)


class BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdges(BaseModel):
    node: Optional["BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdgesNode"] = Field(
        default=None
    )


BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdgesNode = BestRun


class BestRunsOfSweepsProjectSweepsPageInfo(BaseModel):
    end_cursor: Optional[str] = Field(default=None)
    has_next_page: Optional[bool] = Field(default=None)
