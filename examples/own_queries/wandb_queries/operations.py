# Written by wandb-runs codegen, not by hand. To write it again:
#
#     wandb-runs codegen

"""One function for each operation: it takes the variables, typed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wandb_runs.graphql.operation import Operation
from wandb_runs.graphql.operation import given as _given

if TYPE_CHECKING:
    from wandb_runs.graphql.selections import Shape

    from .artifacts_of_run_result import ArtifactsOfRun
    from .best_runs_of_sweeps_result import BestRunsOfSweeps
    from .input_types import ModifyRunsInput
    from .tag_runs_result import TagRuns
    from .tags_of_project_result import TagsOfProject
    from .teams_of_viewer_result import TeamsOfViewer
__all__ = [
    "artifacts_of_run",
    "best_runs_of_sweeps",
    "tag_runs",
    "tags_of_project",
    "teams_of_viewer",
]
_ARTIFACTS_OF_RUN = """\
query ArtifactsOfRun($entity: String, $project: String!, $run: String!) {
  project(entityName: $entity, name: $project) {
    run(name: $run) {
      outputArtifacts(first: 100) {
        edges {
          node {
            ...Version
          }
        }
      }
      inputArtifacts(first: 100) {
        edges {
          node {
            ...Version
          }
        }
      }
    }
  }
}

fragment Version on Artifact {
  size
  versionIndex
  artifactType {
    name
  }
  artifactSequence {
    name
  }
  aliases {
    alias
  }
}"""


def _load_artifacts_of_run() -> type[ArtifactsOfRun]:
    from .artifacts_of_run_result import ArtifactsOfRun

    return ArtifactsOfRun


def _shape_artifacts_of_run() -> Shape:
    from .selections import shape_of

    return shape_of("ArtifactsOfRun")


def artifacts_of_run(
    *, entity: str | None = None, project: str, run: str
) -> Operation[ArtifactsOfRun]:
    """Ask what `ArtifactsOfRun` in `queries/artifacts.graphql` asks; None leaves a variable out."""
    return Operation(
        name="ArtifactsOfRun",
        kind="query",
        document=_ARTIFACTS_OF_RUN,
        variables=_given({"entity": entity, "project": project, "run": run}),
        load=_load_artifacts_of_run,
        shape=_shape_artifacts_of_run,
    )


_BEST_RUNS_OF_SWEEPS = """\
query BestRunsOfSweeps($entity: String, $project: String!, $order: String!, $first: Int! = 50, $after: String) {
  project(entityName: $entity, name: $project) {
    sweeps(first: $first, after: $after) {
      edges {
        node {
          name
          displayName
          state
          runCount
          runs(first: 1, order: $order) {
            edges {
              node {
                ...BestRun
              }
            }
          }
        }
      }
      pageInfo {
        endCursor
        hasNextPage
      }
    }
  }
}

fragment BestRun on Run {
  name
  displayName
  summaryMetrics(keys: ["accuracy"])
}"""


def _load_best_runs_of_sweeps() -> type[BestRunsOfSweeps]:
    from .best_runs_of_sweeps_result import BestRunsOfSweeps

    return BestRunsOfSweeps


def _shape_best_runs_of_sweeps() -> Shape:
    from .selections import shape_of

    return shape_of("BestRunsOfSweeps")


def best_runs_of_sweeps(
    *,
    entity: str | None = None,
    project: str,
    order: str,
    first: int | None = None,
    after: str | None = None,
) -> Operation[BestRunsOfSweeps]:
    """Ask what `BestRunsOfSweeps` in `queries/sweeps.graphql` asks; None leaves a variable out."""
    return Operation(
        name="BestRunsOfSweeps",
        kind="query",
        document=_BEST_RUNS_OF_SWEEPS,
        variables=_given(
            {
                "entity": entity,
                "project": project,
                "order": order,
                "first": first,
                "after": after,
            }
        ),
        load=_load_best_runs_of_sweeps,
        shape=_shape_best_runs_of_sweeps,
    )


_TAG_RUNS = """\
mutation TagRuns($input: ModifyRunsInput!) {
  modifyRuns(input: $input) {
    runs {
      name
      tags
    }
  }
}"""


def _load_tag_runs() -> type[TagRuns]:
    from .tag_runs_result import TagRuns

    return TagRuns


def _shape_tag_runs() -> Shape:
    from .selections import shape_of

    return shape_of("TagRuns")


def tag_runs(*, input: ModifyRunsInput) -> Operation[TagRuns]:
    """Ask what `TagRuns` in `queries/changes.graphql` asks; None leaves a variable out."""
    return Operation(
        name="TagRuns",
        kind="mutation",
        document=_TAG_RUNS,
        variables=_given({"input": input}),
        load=_load_tag_runs,
        shape=_shape_tag_runs,
    )


_TAGS_OF_PROJECT = """\
query TagsOfProject($entity: String, $project: String!, $filters: JSONString) {
  project(entityName: $entity, name: $project) {
    runCount(filters: $filters)
    tagCounts(filters: $filters) {
      name
      count
    }
  }
}"""


def _load_tags_of_project() -> type[TagsOfProject]:
    from .tags_of_project_result import TagsOfProject

    return TagsOfProject


def _shape_tags_of_project() -> Shape:
    from .selections import shape_of

    return shape_of("TagsOfProject")


def tags_of_project(
    *, entity: str | None = None, project: str, filters: str | None = None
) -> Operation[TagsOfProject]:
    """Ask what `TagsOfProject` in `queries/tags.graphql` asks; None leaves a variable out."""
    return Operation(
        name="TagsOfProject",
        kind="query",
        document=_TAGS_OF_PROJECT,
        variables=_given({"entity": entity, "project": project, "filters": filters}),
        load=_load_tags_of_project,
        shape=_shape_tags_of_project,
    )


_TEAMS_OF_VIEWER = """\
query TeamsOfViewer {
  viewer {
    username
    teams {
      edges {
        node {
          name
        }
      }
    }
  }
}"""


def _load_teams_of_viewer() -> type[TeamsOfViewer]:
    from .teams_of_viewer_result import TeamsOfViewer

    return TeamsOfViewer


def _shape_teams_of_viewer() -> Shape:
    from .selections import shape_of

    return shape_of("TeamsOfViewer")


def teams_of_viewer() -> Operation[TeamsOfViewer]:
    """Ask what `TeamsOfViewer` in `queries/teams.graphql` asks; None leaves a variable out."""
    return Operation(
        name="TeamsOfViewer",
        kind="query",
        document=_TEAMS_OF_VIEWER,
        variables=_given({}),
        load=_load_teams_of_viewer,
        shape=_shape_teams_of_viewer,
    )
