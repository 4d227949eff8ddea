"""What the SDK has no method for: sweeps with their best runs, tags, artifacts, teams.

python examples/own_queries/report.py entity/project [--tag-best TAG]

The queries are in `queries/`; `wandb-runs codegen`, in this folder, has made the package
`wandb_queries` of them, by the settings in `pyproject.toml`. Reads from W&B with the key of
WANDB_API_KEY or a netrc file, or from WANDB_BASE_URL.
"""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from wandb_queries import (
    artifacts_of_run,
    best_runs_of_sweeps,
    tag_runs,
    tags_of_project,
    teams_of_viewer,
)
from wandb_runs import Api

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_queries import BestRun, Version

ORDER = "-summary_metrics.accuracy"


def best_runs(api: Api, entity: str, project: str) -> Iterator[tuple[str, BestRun]]:
    """The sweeps of a project, each by its name, with the best run."""
    sweeps = api.paginate(
        lambda cursor: best_runs_of_sweeps(
            entity=entity, project=project, order=ORDER, after=cursor
        ),
        lambda answer: None if answer.project is None else answer.project.sweeps,
    )
    for sweep in sweeps:
        for edge in sweep.runs.edges or ():
            if edge is not None and edge.node is not None:
                yield sweep.display_name or sweep.name, edge.node


def accuracy(run: BestRun) -> float | None:
    """The summary's accuracy: W&B's JSON comes as text."""
    summary: dict[str, object] = json.loads(run.summary_metrics or "{}")
    value = summary.get("accuracy")
    return value if isinstance(value, float) else None


def artifacts(api: Api, entity: str, project: str, run: str) -> Iterator[tuple[str, Version]]:
    """What a run made and used."""
    answer = api.execute(artifacts_of_run(entity=entity, project=project, run=run))
    if answer.project is None or answer.project.run is None:
        return
    made, used = answer.project.run.output_artifacts, answer.project.run.input_artifacts
    yield from (("made", edge.node) for edge in made.edges if edge.node)
    yield from (("used", edge.node) for edge in used.edges if edge.node)


def main() -> None:
    parser = argparse.ArgumentParser(description="Sweeps, tags, artifacts and teams.")
    parser.add_argument("path", help="entity/project")
    parser.add_argument("--tag-best", metavar="TAG", help="put a label on each best run")
    given = parser.parse_args()
    entity, _, project = given.path.partition("/")

    with Api() as api:
        viewer = api.execute(teams_of_viewer()).viewer
        if viewer is not None and viewer.teams is not None:
            teams = [edge.node.name for edge in viewer.teams.edges or () if edge and edge.node]
            print(f"{viewer.username} is in {len(teams)} teams: {', '.join(teams)}")

        counted = api.execute(tags_of_project(entity=entity, project=project)).project
        if counted is not None:
            print(f"{counted.run_count} runs")
            for tag in counted.tag_counts or ():
                if tag is not None:
                    print(f"  {tag.name}: {tag.count}")

        best = list(best_runs(api, entity, project))
        for sweep, run in best:
            print(f"best of {sweep}: {run.display_name or run.name}, {accuracy(run)}")
            for what, version in artifacts(api, entity, project, run.name):
                names = ", ".join(alias.alias for alias in version.aliases or ())
                print(f"  {what} {version.artifact_sequence.name}:{version.version_index} {names}")

        if given.tag_best and best:
            ids = [run.name for _, run in best]
            change = tag_runs(
                input={
                    "ids": ids,
                    "addTags": [given.tag_best],
                    "entityName": entity,
                    "projectName": project,
                }
            )
            changed = api.execute(change).modify_runs
            for each in () if changed is None else changed.runs or ():
                if each is not None:
                    print(f"{each.name} is now {each.tags}")


if __name__ == "__main__":
    main()
