"""Resolvers of artifacts, of which the server keeps none: lists are empty, single ones null."""

from __future__ import annotations

from typing import Final

from ariadne import ObjectType

__all__ = ["ARTIFACT_BINDABLES"]

_project_type: Final = ObjectType("Project")
_run_type: Final = ObjectType("Run")


@_project_type.field("artifactTypes")
@_project_type.field("artifactCollections")
@_run_type.field("outputArtifacts")
@_run_type.field("inputArtifacts")
def _none(*_: object, **__: object) -> dict[str, object]:
    page_info = {"end_cursor": None, "has_next_page": False}
    return {"edges": [], "page_info": page_info, "total_count": 0}


@_project_type.field("artifactType")
@_project_type.field("artifact")
def _missing(*_: object, **__: object) -> None:
    return None


ARTIFACT_BINDABLES: Final = (_project_type, _run_type)
