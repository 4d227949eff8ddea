"""Files that are written whole or not at all, and folders that others choose the names in."""

from wandb_runs.files.replace import replace_file, unless_terminated

__all__ = ["replace_file", "unless_terminated"]
