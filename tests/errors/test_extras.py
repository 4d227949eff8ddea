"""A missing optional library is told alike wherever it is needed, with what to install."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import pytest

from wandb_runs import MissingDependencyError
from wandb_runs.errors.extras import needs_extra

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.testing import LocalServer

API = "import sys; from wandb_runs import Api; api = Api(base_url=sys.argv[1], api_key='k' * 40); "
RUNS = f"{API}runs = api.runs('sample/digits'); "
AWAITING = """
import sys, anyio
from wandb_runs import AsyncApi
async def main():
    async with AsyncApi(base_url=sys.argv[1], api_key='k' * 40) as api:
        runs = api.runs('sample/digits')
        await {}
anyio.run(main)
"""
CLI = "import sys; from wandb_runs.cli import main; url = sys.argv[1]; main({})"

ENTRIES: list[tuple[str, str, str]] = [
    *(
        (library, library, f"{RUNS}{call}")
        for library in ("pandas", "polars")
        for call in (
            f"runs.histories(format={library!r})",
            f"runs.iter_histories(format={library!r})",
            f"runs.configs(format={library!r})",
            f"runs.summaries(format={library!r})",
            f"runs.table({library!r})",
            f"runs.to_{library}()",
            f"runs.best('loss', format={library!r})",
            f"runs[0].history(format={library!r})",
        )
    ),
    ("pandas", "pandas", f"{RUNS}runs[0].history()"),
    ("pandas", "pandas", AWAITING.format("runs.configs(format='pandas')")),
    ("polars", "polars", AWAITING.format("(await runs.get(0)).history(format='polars')")),
    ("polars", "polars", CLI.format("['histories', 'sample/digits', '-o', 'out.csv']")),
    *(
        ("dask", "dask", f"{RUNS}from wandb_runs.exports import dask; dask.{call}")
        for call in ("histories(runs, ['loss'])", "table(runs)")
    ),
    ("rich", "cli", "from wandb_runs.bar import progress_bar"),
    ("rich", "cli", "import wandb_runs.bar"),
    ("rich", "cli", CLI.format("['list', 'sample/digits']")),
    ("rich", "cli", CLI.format("['typegen', 'sample/digits']")),
    ("click", "cli", CLI.format("['list', 'sample/digits']")),
    ("click", "local", "import runpy; runpy.run_module('wandb_runs.local', run_name='__main__')"),
    ("yaml", "yaml", f"{RUNS}next(run.sweep for run in runs if run.sweep_name).config"),
    ("yaml", "yaml", f"{RUNS}next(run.sweep for run in runs if run.sweep_name).order"),
    *((library, "plots", "from wandb_runs import plots") for library in ("altair", "vl_convert")),
    ("altair", "plots", "from wandb_runs.plots import curves"),
    *(
        (library, "exports", "from wandb_runs import exports")
        for library in ("filelock", "polars", "pyarrow")
    ),
    (
        "altair",
        "plots",
        CLI.format("['plot', 'sample/digits', '--keys', 'loss', '-o', 'a.svg']"),
    ),
    ("datamodel_code_generator", "typegen", CLI.format("['typegen', 'sample/digits']")),
    *(
        (library, "local", program)
        for library in ("ariadne", "sqlalchemy", "starlette", "uvicorn", "re2", "yaml")
        for program in (
            "from wandb_runs.testing import LocalServer",
            "from wandb_runs.local import LocalServer",
            CLI.format("['local']"),
        )
    ),
    (
        "socksio",
        "socks",
        f"import os; os.environ['ALL_PROXY'] = 'socks5://proxy.test'; "
        f"{API.replace('sys.argv[1]', repr('https://wandb.test'))}len(api.runs('a/b'))",
    ),
]

HIDING = """
import sys
class Hiding:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == {library!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hiding())
"""


@pytest.mark.parametrize(("library", "extra", "program"), ENTRIES)
def test_a_missing_library_is_told_alike_at_every_entry(
    library: str, extra: str, program: str, sample_server: LocalServer, tmp_path: Path
) -> None:
    environment = {**os.environ, "WANDB_BASE_URL": sample_server.url, "WANDB_API_KEY": "k" * 40}
    done = subprocess.run(
        [sys.executable, "-c", HIDING.format(library=library) + program, sample_server.url],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode in {1, 2}
    assert f" needs the library {library}, which cannot be imported here; install it: " in last
    assert last.endswith(f"pip install 'wandb-runs[{extra}]'")
    is_error = last.startswith("wandb_runs.errors.MissingDependencyError: ")
    assert is_error or (last.startswith("Error: ") and "Traceback" not in done.stderr)
    assert not [*tmp_path.iterdir()]


def test_another_import_error_within_this_package_is_not_taken_for_a_missing_library() -> None:
    with pytest.raises(ModuleNotFoundError) as caught, needs_extra("cli", "a bar"):
        import_module("wandb_runs.absent")
    assert not isinstance(caught.value, MissingDependencyError)


def test_a_missing_library_within_another_is_told_by_the_extra_of_the_inner_one() -> None:
    with (
        pytest.raises(MissingDependencyError, match=r"^x needs .*\[cli\]") as caught,
        needs_extra("typegen", "y"),
        needs_extra("cli", "x"),
    ):
        import_module("absent_library")
    assert caught.value.__cause__ is not None
