"""Generate `src/wandb_runs/graphql/_generated` from the schema and the queries.

With `--check`, write nothing and fail when what is there differs.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
import tempfile
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from ariadne_codegen import main as upstream
from ariadne_codegen.exceptions import CodeGenException

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["check", "differences", "generate", "main"]

_ROOT = Path(__file__).resolve().parent.parent


def generate(target: Path | None = None, *, root: Path = _ROOT) -> Path:
    """Generate the package.

    Args:
        target: The folder in which to make the package; the one in `codegen.toml` by default.
        root: The folder that holds `codegen.toml`, and to which the paths in it belong.

    Returns:
        The path of the package.

    Raises:
        CodeGenException: The settings, the schema or the queries are refused.
    """
    settings = _settings(root)
    if target is not None:
        settings["tool"]["ariadne-codegen"]["target_package_path"] = str(target.resolve())
    # Headers name the sources as they are configured, so that paths must stay relative.
    with contextlib.chdir(root), contextlib.redirect_stdout(io.StringIO()):
        upstream.models_only(settings)  # type: ignore[no-untyped-call]  # it has no annotations
    return _package(settings, root)


def check(*, root: Path = _ROOT) -> list[str]:
    """Return how the package differs from what would be generated now, a line for each file."""
    with tempfile.TemporaryDirectory() as folder:
        return differences(generate(Path(folder), root=root), _package(_settings(root), root))


def _settings(root: Path) -> dict[str, dict[str, dict[str, object]]]:
    return tomllib.loads((root / "codegen.toml").read_text(encoding="utf-8"))


def _package(settings: dict[str, dict[str, dict[str, object]]], root: Path) -> Path:
    section = settings["tool"]["ariadne-codegen"]
    return root / str(section["target_package_path"]) / str(section["target_package_name"])


def differences(fresh: Path, present: Path) -> list[str]:
    """Return how `present` differs from `fresh`, a line for each file."""
    new, old = _files(fresh), _files(present)
    return [
        *(f"missing: {name}" for name in sorted(new.keys() - old.keys())),
        *(f"left over: {name}" for name in sorted(old.keys() - new.keys())),
        *(f"changed: {name}" for name in sorted(new.keys() & old.keys()) if new[name] != old[name]),
    ]


def _files(package: Path) -> dict[str, bytes]:
    return {
        path.relative_to(package).as_posix(): path.read_bytes()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def main(arguments: Sequence[str] | None = None, *, root: Path = _ROOT) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description="Generate the typed operations.")
    parser.add_argument("--check", action="store_true", help="write nothing, report differences")
    try:
        if not parser.parse_args(arguments).check:
            print(f"wrote {os.path.relpath(generate(root=root))}")
            return 0
        found = check(root=root)
    except CodeGenException as error:
        print(error, file=sys.stderr)
        return 1
    if found:
        print("generated code is out of date; run `make codegen`", *found, sep="\n  ")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
