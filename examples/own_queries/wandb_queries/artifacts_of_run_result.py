# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

from typing import Optional

from pydantic import Field

from .base_model import BaseModel
from .fragments import Version


class ArtifactsOfRun(BaseModel):
    project: Optional["ArtifactsOfRunProject"] = Field(default=None)


class ArtifactsOfRunProject(BaseModel):
    run: Optional["ArtifactsOfRunProjectRun"] = Field(default=None)


class ArtifactsOfRunProjectRun(BaseModel):
    output_artifacts: "ArtifactsOfRunProjectRunOutputArtifacts"
    input_artifacts: "ArtifactsOfRunProjectRunInputArtifacts"


class ArtifactsOfRunProjectRunOutputArtifacts(BaseModel):
    edges: list["ArtifactsOfRunProjectRunOutputArtifactsEdges"]


class ArtifactsOfRunProjectRunOutputArtifactsEdges(BaseModel):
    node: Optional["ArtifactsOfRunProjectRunOutputArtifactsEdgesNode"] = Field(
        default=None
    )


ArtifactsOfRunProjectRunOutputArtifactsEdgesNode = Version


class ArtifactsOfRunProjectRunInputArtifacts(BaseModel):
    edges: list["ArtifactsOfRunProjectRunInputArtifactsEdges"]


class ArtifactsOfRunProjectRunInputArtifactsEdges(BaseModel):
    node: Optional["ArtifactsOfRunProjectRunInputArtifactsEdgesNode"] = Field(
        default=None
    )


ArtifactsOfRunProjectRunInputArtifactsEdgesNode = Version
