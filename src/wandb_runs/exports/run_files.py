"""The files that runs uploaded, below `files/`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wandb_runs.frames.text import as_unicode
from wandb_runs.runs.files.downloads import ManyDownloads
from wandb_runs.runs.files.run_file_base import warned

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.exports.folder import ExportFolder
    from wandb_runs.pagination.progress import OnProgress, Progress
    from wandb_runs.runs.files.file_progress import FileProgress, OnFileProgress
    from wandb_runs.runs.runs import Runs

__all__ = ["FilesOutcome", "download_files"]


class FilesOutcome(NamedTuple):
    """What became of the files of runs that are not there, by the run's id and the file's name.

    Attributes:
        failed: Why files could not be had, which the next export tries again.
        refused: Why files have names under which nothing is ever written.
    """

    failed: dict[str, str]
    refused: dict[str, str]

    def since(self, refused: Mapping[str, str]) -> FilesOutcome:
        """The same without those files that an earlier export has refused and told."""
        new = {name: why for name, why in self.refused.items() if name not in refused}
        return FilesOutcome(self.failed, new)


def download_files(
    runs: Runs, folder: ExportFolder, progress: OnProgress | None, written: Progress
) -> FilesOutcome:
    """Download the files of all runs that are not there, or have changed.

    Args:
        runs: The listing.
        folder: The dataset.
        progress: The caller's progress callback.
        written: How far the export has come before.
    """
    folder.clean_files()
    client, _ = runs.__getstate__()
    told = _told_to(progress, written)
    # Its failures are those of the export, which tells them itself.
    job = ManyDownloads(client.settings, "%", folder.files, replace=True, progress=told, logs=False)
    with job:
        done = warned(client.run(job.fetch([*runs])))
    outcome = FilesOutcome({}, {})
    for each in done.failed:
        is_refused = each.name is not None and each.path is None
        into = outcome.refused if is_refused else outcome.failed
        into[as_unicode(f"{each.run_id}/{each.name or '?'}")] = as_unicode(str(each.error))
    return outcome


def _told_to(progress: OnProgress | None, written: Progress) -> OnFileProgress | None:
    if progress is None:
        return None

    def tell(files: FileProgress) -> None:
        size = written.bytes + files.bytes
        progress(written._replace(bytes=size, files=files.files, total_files=files.total_files))

    return tell
