"""Whole projects as datasets of Parquet files, brought up to date; needs `wandb-runs[exports]`.

>>> from tempfile import TemporaryDirectory
>>> from wandb_runs import exports
>>> with TemporaryDirectory() as folder:
...     first = exports.export(runs, folder, keys=["loss"])
...     again = exports.export(runs, folder, keys=["loss"])
...     problems = exports.verify(folder).problems
>>> first.added == len(runs), again.unchanged == len(runs), again.rows_fetched, problems
(True, True, 0, [])
"""

from wandb_runs.errors.extras import needs_extra

with needs_extra("exports", "wandb_runs.exports"):
    from wandb_runs.exports.export import export
    from wandb_runs.exports.result import ExportResult
    from wandb_runs.exports.verify import Verification, verify

__all__ = ["ExportResult", "Verification", "export", "verify"]
