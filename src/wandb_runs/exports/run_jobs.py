# The types of distributed leave open what its functions take and return.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportMissingTypeStubs=false
"""Where jobs run: in this process, or on the workers of a cluster."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, cast

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.exports.jobs import PartJob
from wandb_runs.runs.runs_base import share_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wandb_runs.exports.jobs import PartOutcome

__all__ = ["RunJobs", "jobs_on", "run_here"]


class RunJobs(Protocol):
    """Runs jobs, and gives what became of each in their order."""

    def __call__(self, jobs: Sequence[PartJob], /) -> Iterator[PartOutcome]:
        """Run jobs."""
        ...


def run_here(jobs: Sequence[PartJob], /) -> Iterator[PartOutcome]:
    """Run jobs one after another: each sends as many requests at once as it may."""
    return (job.run() for job in jobs)


def jobs_on(client: object) -> RunJobs:
    """What runs jobs on the workers of a `distributed.Client`.

    Raises:
        InvalidArgumentError: It is none that can be waited for.
    """
    if not hasattr(client, "submit") or getattr(client, "asynchronous", False):
        raise InvalidArgumentError(
            f"client is a distributed.Client that blocks, got {type(client).__name__}"
        )
    cluster = cast("Any", client)

    def run(jobs: Sequence[PartJob], /) -> Iterator[PartOutcome]:
        at_once = max(1, sum(cluster.nthreads().values()))
        shared = [replace(job, runs=share_of(job.runs, at_once)) for job in jobs]
        # Not pure: what a job fetches is what there is when it runs.
        futures = [cluster.submit(PartJob.run, job, pure=False) for job in shared]
        try:
            while futures:
                outcome = cast("PartOutcome", futures[0].result())
                # Kept no longer: Dask runs a job again whose result went with a lost worker, and
                # its file would be written anew after its digest was taken.
                del futures[0]
                yield outcome
        finally:
            cluster.cancel(futures)

    return run
