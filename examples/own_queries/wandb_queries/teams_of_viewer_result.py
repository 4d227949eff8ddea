# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class TeamsOfViewer(BaseModel):
    viewer: Optional["TeamsOfViewerViewer"] = Field(default=None)


class TeamsOfViewerViewer(BaseModel):
    username: Optional[str] = Field(default=None)
    teams: Optional["TeamsOfViewerViewerTeams"] = Field(default=None)


class TeamsOfViewerViewerTeams(BaseModel):
    edges: Optional[list[Optional["TeamsOfViewerViewerTeamsEdges"]]] = Field(
        default=None
    )


class TeamsOfViewerViewerTeamsEdges(BaseModel):
    node: Optional["TeamsOfViewerViewerTeamsEdgesNode"] = Field(default=None)


class TeamsOfViewerViewerTeamsEdgesNode(BaseModel):
    name: str
