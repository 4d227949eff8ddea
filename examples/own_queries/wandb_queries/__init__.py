# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

"""Typed operations on W&B's GraphQL API, and the models of their answers."""

from typing import TYPE_CHECKING

from .operations import (
    artifacts_of_run,
    best_runs_of_sweeps,
    tag_runs,
    tags_of_project,
    teams_of_viewer,
)

if TYPE_CHECKING:
    from .artifacts_of_run_result import (
        ArtifactsOfRun,
        ArtifactsOfRunProject,
        ArtifactsOfRunProjectRun,
        ArtifactsOfRunProjectRunInputArtifacts,
        ArtifactsOfRunProjectRunInputArtifactsEdges,
        ArtifactsOfRunProjectRunInputArtifactsEdgesNode,
        ArtifactsOfRunProjectRunOutputArtifacts,
        ArtifactsOfRunProjectRunOutputArtifactsEdges,
        ArtifactsOfRunProjectRunOutputArtifactsEdgesNode,
    )
    from .base_model import BaseModel
    from .best_runs_of_sweeps_result import (
        BestRunsOfSweeps,
        BestRunsOfSweepsProject,
        BestRunsOfSweepsProjectSweeps,
        BestRunsOfSweepsProjectSweepsEdges,
        BestRunsOfSweepsProjectSweepsEdgesNode,
        BestRunsOfSweepsProjectSweepsEdgesNodeRuns,
        BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdges,
        BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdgesNode,
        BestRunsOfSweepsProjectSweepsPageInfo,
    )
    from .fragments import (
        BestRun,
        Version,
        VersionAliases,
        VersionArtifactSequence,
        VersionArtifactType,
    )
    from .input_types import ModifyRunsInput
    from .tag_runs_result import TagRuns, TagRunsModifyRuns, TagRunsModifyRunsRuns
    from .tags_of_project_result import (
        TagsOfProject,
        TagsOfProjectProject,
        TagsOfProjectProjectTagCounts,
    )
    from .teams_of_viewer_result import (
        TeamsOfViewer,
        TeamsOfViewerViewer,
        TeamsOfViewerViewerTeams,
        TeamsOfViewerViewerTeamsEdges,
        TeamsOfViewerViewerTeamsEdgesNode,
    )
else:
    _MODULES = {
        "ArtifactsOfRun": "artifacts_of_run_result",
        "ArtifactsOfRunProject": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRun": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRunInputArtifacts": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRunInputArtifactsEdges": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRunInputArtifactsEdgesNode": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRunOutputArtifacts": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRunOutputArtifactsEdges": "artifacts_of_run_result",
        "ArtifactsOfRunProjectRunOutputArtifactsEdgesNode": "artifacts_of_run_result",
        "BaseModel": "base_model",
        "BestRun": "fragments",
        "BestRunsOfSweeps": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProject": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweeps": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweepsEdges": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweepsEdgesNode": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweepsEdgesNodeRuns": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdges": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdgesNode": "best_runs_of_sweeps_result",
        "BestRunsOfSweepsProjectSweepsPageInfo": "best_runs_of_sweeps_result",
        "ModifyRunsInput": "input_types",
        "TagRuns": "tag_runs_result",
        "TagRunsModifyRuns": "tag_runs_result",
        "TagRunsModifyRunsRuns": "tag_runs_result",
        "TagsOfProject": "tags_of_project_result",
        "TagsOfProjectProject": "tags_of_project_result",
        "TagsOfProjectProjectTagCounts": "tags_of_project_result",
        "TeamsOfViewer": "teams_of_viewer_result",
        "TeamsOfViewerViewer": "teams_of_viewer_result",
        "TeamsOfViewerViewerTeams": "teams_of_viewer_result",
        "TeamsOfViewerViewerTeamsEdges": "teams_of_viewer_result",
        "TeamsOfViewerViewerTeamsEdgesNode": "teams_of_viewer_result",
        "Version": "fragments",
        "VersionAliases": "fragments",
        "VersionArtifactSequence": "fragments",
        "VersionArtifactType": "fragments",
    }

    def __getattr__(name):
        from importlib import import_module

        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f".{_MODULES[name]}", __name__), name)


__all__ = [
    "ArtifactsOfRun",
    "ArtifactsOfRunProject",
    "ArtifactsOfRunProjectRun",
    "ArtifactsOfRunProjectRunInputArtifacts",
    "ArtifactsOfRunProjectRunInputArtifactsEdges",
    "ArtifactsOfRunProjectRunInputArtifactsEdgesNode",
    "ArtifactsOfRunProjectRunOutputArtifacts",
    "ArtifactsOfRunProjectRunOutputArtifactsEdges",
    "ArtifactsOfRunProjectRunOutputArtifactsEdgesNode",
    "BaseModel",
    "BestRun",
    "BestRunsOfSweeps",
    "BestRunsOfSweepsProject",
    "BestRunsOfSweepsProjectSweeps",
    "BestRunsOfSweepsProjectSweepsEdges",
    "BestRunsOfSweepsProjectSweepsEdgesNode",
    "BestRunsOfSweepsProjectSweepsEdgesNodeRuns",
    "BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdges",
    "BestRunsOfSweepsProjectSweepsEdgesNodeRunsEdgesNode",
    "BestRunsOfSweepsProjectSweepsPageInfo",
    "ModifyRunsInput",
    "TagRuns",
    "TagRunsModifyRuns",
    "TagRunsModifyRunsRuns",
    "TagsOfProject",
    "TagsOfProjectProject",
    "TagsOfProjectProjectTagCounts",
    "TeamsOfViewer",
    "TeamsOfViewerViewer",
    "TeamsOfViewerViewerTeams",
    "TeamsOfViewerViewerTeamsEdges",
    "TeamsOfViewerViewerTeamsEdgesNode",
    "Version",
    "VersionAliases",
    "VersionArtifactSequence",
    "VersionArtifactType",
    "artifacts_of_run",
    "best_runs_of_sweeps",
    "tag_runs",
    "tags_of_project",
    "teams_of_viewer",
]
