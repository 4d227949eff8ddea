"""Shells complete commands, options and their values, as the guide says."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "command-line.md"
RUNS = {
    "bash": """{source}
COMP_WORDS=({words}); COMP_CWORD={last}; _wandb_runs_completion wandb-runs
printf '%s\\n' "${{COMPREPLY[@]}}" """,
    "zsh": """autoload -Uz compinit && compinit -u -D
{source}
[[ $_comps[wandb-runs] == _wandb_runs_completion ]] || exit 9
# What the function does outside of the line editor of zsh:
env COMP_WORDS='{words}' COMP_CWORD={last} _WANDB_RUNS_COMPLETE=zsh_complete wandb-runs""",
    "fish": """{source}
complete -C '{words}'""",
}


def line_of(shell: str) -> str:
    """What the guide says to write into the shell's file."""
    [line] = re.findall(rf"^\| {shell} \| `[^`]+` \| `([^`]+)` \|", GUIDE.read_text(), re.MULTILINE)
    return str(line).replace("\\|", "|")


@pytest.mark.parametrize(
    ("words", "expected"),
    [("wandb-runs sh", "show"), ("wandb-runs list --fo", "--format")],
)
@pytest.mark.parametrize("shell", RUNS)
def test_a_shell_completes_what_is_typed(
    tmp_path: Path, shell: str, words: str, expected: str
) -> None:
    program = shutil.which(shell)
    if program is None:
        pytest.skip(f"{shell} is not installed")
    script = RUNS[shell].format(source=line_of(shell), words=words, last=words.count(" "))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    done = subprocess.run(
        [program, "-c", script], capture_output=True, env=env, encoding="utf-8", check=False
    )
    assert done.returncode == 0, done.stderr
    assert expected in re.split(r"\s+", done.stdout)
    assert "typegen" not in done.stdout


def test_help_imports_no_library_that_a_command_alone_needs() -> None:
    heavy = "rich polars pandas numpy httpx altair datamodel_code_generator ariadne uvicorn IPython"
    program = (
        "import sys\nfrom wandb_runs.cli import main\n"
        "try:\n    main(['--help'])\n"
        f"finally:\n    print([each for each in {heavy.split()!r} if each in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
