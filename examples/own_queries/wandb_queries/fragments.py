# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

from typing import Optional

from pydantic import Field

from .base_model import BaseModel


class BestRun(BaseModel):
    name: str
    display_name: Optional[str] = Field(default=None)
    summary_metrics: Optional[str] = Field(default=None)


class Version(BaseModel):
    size: int
    version_index: Optional[int] = Field(default=None)
    artifact_type: "VersionArtifactType"
    artifact_sequence: "VersionArtifactSequence"
    aliases: Optional[list["VersionAliases"]] = Field(default=None)


class VersionArtifactType(BaseModel):
    name: str


class VersionArtifactSequence(BaseModel):
    name: str


class VersionAliases(BaseModel):
    alias: str
