"""Train the sample project's models and log them, with W&B's SDK, into the local server.

The server's project at the end becomes the sample that is shipped with the package. The trials run
one after another, so that their order is always the same; all of them take two minutes.
"""

from __future__ import annotations

import lzma
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from sample_project.trials import ENTITY, PROJECT, TRIALS
from wandb_runs.local import LocalServer

if TYPE_CHECKING:
    from collections.abc import Mapping

_TOOLS: Final = Path(__file__).parent.resolve()
_SAMPLE: Final = _TOOLS.parent / "src/wandb_runs/local/sample/sample.db.xz"
_TIMEOUT: Final = 120  # seconds for one trial


def main() -> None:
    """Train every trial, and write the project that results to the package."""
    began = time.monotonic()
    with TemporaryDirectory() as folder, LocalServer(entity=ENTITY) as server:
        environment = _environment(folder, server.url)
        sweep = _run(["-m", "sample_project.sweep"], environment).split()[-1]
        for number, trial in enumerate(TRIALS, 1):
            print(f"{number:2} of {len(TRIALS)}: {trial.name}", flush=True)
            ids = {"WANDB_RUN_ID": trial.run_id}
            if trial.in_sweep:
                ids["WANDB_SWEEP_ID"] = sweep  # as a sweep's agent sets it
            _run(
                ["-m", "sample_project.train", trial.name],
                environment | ids,
                expected=trial.exit_code,
            )
        _run(["-m", "wandb", "sweep", "--stop", f"{ENTITY}/{PROJECT}/{sweep}"], environment)
        dump = Path(folder) / _SAMPLE.name
        server.store.dump(dump)
        _refuse_traces(dump, [folder, str(_TOOLS.parent), str(Path.home()), sys.prefix])
        _SAMPLE.parent.mkdir(exist_ok=True)
        _SAMPLE.write_bytes(dump.read_bytes())
    print(f"{_SAMPLE.stat().st_size:,} bytes in {time.monotonic() - began:.0f} s")


def _environment(folder: str, url: str) -> dict[str, str]:
    """Environment variables with which wandb uses only a temporary server and folder."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    folders = ("HOME", "WANDB_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR", "WANDB_DATA_DIR")
    return {
        **kept,
        **dict.fromkeys(folders, folder),
        "PYTHONPATH": os.pathsep.join([str(_TOOLS), *filter(None, [kept.get("PYTHONPATH")])]),
        "WANDB_BASE_URL": url,
        "WANDB_API_KEY": "0" * 40,
        "WANDB_ENTITY": ENTITY,
        "WANDB_PROJECT": PROJECT,
        "WANDB_ERROR_REPORTING": "false",
        "NO_PROXY": "127.0.0.1",
        # One thread, so that sums do not depend on the number of cores: a seed determines a model.
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def _run(arguments: list[str], environment: Mapping[str, str], *, expected: int = 0) -> str:
    """Run Python and return its standard output.

    Raises:
        SystemExit: The exit code is not the expected one.
    """
    done = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        cwd=environment["HOME"],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
    )
    if done.returncode != expected:
        sys.exit(f"{arguments} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def _refuse_traces(dump: Path, paths: list[str]) -> None:
    """Check that a dump does not contain paths of the machine that made it.

    Raises:
        SystemExit: The dump contains one of the paths.
    """
    content = lzma.decompress(dump.read_bytes())
    found = [path for path in paths if path.encode() in content]
    if found:
        sys.exit(f"the sample contains {found}")


if __name__ == "__main__":
    main()
