# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

"""What the operations select, and what a server may lack."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wandb_runs.graphql.selections import (
    Argument,
    Field,
    Fragment,
    Query,
    Shape,
    Spread,
    Variable,
)

if TYPE_CHECKING:
    from collections.abc import Mapping
__all__ = ["COSTS", "FRAGMENTS", "OPERATIONS", "shape_of"]
COSTS: Final[Mapping[str, str]] = {
    "Run.displayName": "the best runs are named by their ids",
    "Run.summaryMetrics": "answers have None in its place",
    "Run.summaryMetrics(keys:)": "its field is asked for without it",
    "Run.tags": "answers have None in its place",
    "Sweep.displayName": "answers have None in its place",
    "Sweep.runCount": "answers have None in its place",
    "Sweep.state": "answers have None in its place",
    "User.username": "answers have None in its place",
}
"""What goes with each field and argument that may be left out."""
FRAGMENTS: Final[Mapping[str, Fragment]] = {
    "BestRun": Fragment(
        "Run",
        (
            Field("Run", "name"),
            Field("Run", "displayName", is_optional=True),
            Field(
                "Run",
                "summaryMetrics",
                arguments=(Argument("keys", '["accuracy"]', is_optional=True),),
                is_optional=True,
            ),
        ),
    ),
    "Version": Fragment(
        "Artifact",
        (
            Field("Artifact", "size"),
            Field("Artifact", "versionIndex"),
            Field(
                "Artifact", "artifactType", selections=(Field("ArtifactType", "name"),)
            ),
            Field(
                "Artifact",
                "artifactSequence",
                selections=(Field("ArtifactSequence", "name"),),
            ),
            Field("Artifact", "aliases", selections=(Field("ArtifactAlias", "alias"),)),
        ),
    ),
}
"""The fragments, by name."""
OPERATIONS: Final[Mapping[str, Query]] = {
    "ArtifactsOfRun": Query(
        "query",
        "ArtifactsOfRun",
        (
            Variable("entity", "String"),
            Variable("project", "String!"),
            Variable("run", "String!"),
        ),
        (
            Field(
                "Query",
                "project",
                arguments=(
                    Argument("entityName", "$entity"),
                    Argument("name", "$project"),
                ),
                selections=(
                    Field(
                        "Project",
                        "run",
                        arguments=(Argument("name", "$run"),),
                        selections=(
                            Field(
                                "Run",
                                "outputArtifacts",
                                arguments=(Argument("first", "100"),),
                                selections=(
                                    Field(
                                        "ArtifactConnection",
                                        "edges",
                                        selections=(
                                            Field(
                                                "ArtifactEdge",
                                                "node",
                                                selections=(Spread("Version"),),
                                            ),
                                        ),
                                    ),
                                ),
                            ),
                            Field(
                                "Run",
                                "inputArtifacts",
                                arguments=(Argument("first", "100"),),
                                selections=(
                                    Field(
                                        "ArtifactConnection",
                                        "edges",
                                        selections=(
                                            Field(
                                                "ArtifactEdge",
                                                "node",
                                                selections=(Spread("Version"),),
                                            ),
                                        ),
                                    ),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
    "BestRunsOfSweeps": Query(
        "query",
        "BestRunsOfSweeps",
        (
            Variable("entity", "String"),
            Variable("project", "String!"),
            Variable("order", "String!"),
            Variable("first", "Int!", "50"),
            Variable("after", "String"),
        ),
        (
            Field(
                "Query",
                "project",
                arguments=(
                    Argument("entityName", "$entity"),
                    Argument("name", "$project"),
                ),
                selections=(
                    Field(
                        "Project",
                        "sweeps",
                        arguments=(
                            Argument("first", "$first"),
                            Argument("after", "$after"),
                        ),
                        selections=(
                            Field(
                                "SweepConnection",
                                "edges",
                                selections=(
                                    Field(
                                        "SweepEdge",
                                        "node",
                                        selections=(
                                            Field("Sweep", "name"),
                                            Field(
                                                "Sweep", "displayName", is_optional=True
                                            ),
                                            Field("Sweep", "state", is_optional=True),
                                            Field(
                                                "Sweep", "runCount", is_optional=True
                                            ),
                                            Field(
                                                "Sweep",
                                                "runs",
                                                arguments=(
                                                    Argument("first", "1"),
                                                    Argument("order", "$order"),
                                                ),
                                                selections=(
                                                    Field(
                                                        "RunConnection",
                                                        "edges",
                                                        selections=(
                                                            Field(
                                                                "RunEdge",
                                                                "node",
                                                                selections=(
                                                                    Spread("BestRun"),
                                                                ),
                                                            ),
                                                        ),
                                                    ),
                                                ),
                                            ),
                                        ),
                                    ),
                                ),
                            ),
                            Field(
                                "SweepConnection",
                                "pageInfo",
                                selections=(
                                    Field("PageInfo", "endCursor"),
                                    Field("PageInfo", "hasNextPage"),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
    "TagRuns": Query(
        "mutation",
        "TagRuns",
        (Variable("input", "ModifyRunsInput!"),),
        (
            Field(
                "Mutation",
                "modifyRuns",
                arguments=(Argument("input", "$input"),),
                selections=(
                    Field(
                        "ModifyRunsPayload",
                        "runs",
                        selections=(
                            Field("Run", "name"),
                            Field("Run", "tags"),
                        ),
                    ),
                ),
            ),
        ),
    ),
    "TagsOfProject": Query(
        "query",
        "TagsOfProject",
        (
            Variable("entity", "String"),
            Variable("project", "String!"),
            Variable("filters", "JSONString"),
        ),
        (
            Field(
                "Query",
                "project",
                arguments=(
                    Argument("entityName", "$entity"),
                    Argument("name", "$project"),
                ),
                selections=(
                    Field(
                        "Project",
                        "runCount",
                        arguments=(Argument("filters", "$filters"),),
                    ),
                    Field(
                        "Project",
                        "tagCounts",
                        arguments=(Argument("filters", "$filters"),),
                        selections=(
                            Field("RunTagCount", "name"),
                            Field("RunTagCount", "count"),
                        ),
                    ),
                ),
            ),
        ),
    ),
    "TeamsOfViewer": Query(
        "query",
        "TeamsOfViewer",
        (),
        (
            Field(
                "Query",
                "viewer",
                selections=(
                    Field("User", "username", is_optional=True),
                    Field(
                        "User",
                        "teams",
                        selections=(
                            Field(
                                "EntityConnection",
                                "edges",
                                selections=(
                                    Field(
                                        "EntityEdge",
                                        "node",
                                        selections=(Field("Entity", "name"),),
                                    ),
                                ),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
}
"""The operations, by name."""


def shape_of(name: str) -> Shape:
    """What an operation selects."""
    return Shape(OPERATIONS[name], FRAGMENTS, COSTS)
