"""What is logged with each version of the SDK, and what is to be read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["ENTITY", "PROJECT", "SCENARIOS", "Expected", "Program", "Scenario", "Sync"]

ENTITY: Final = "team"
PROJECT: Final = "sdks"

_LOG: Final = """
import wandb

with wandb.init(
    id="log", name="first", group="grid", job_type="train", tags=["a", "b"], notes="as it is",
    config={"lr": 0.1, "model": {"depth": 2}},
) as run:
    print("begin of output")
    for step in range(5):
        run.log({"loss": 1 / (step + 1), "late": step if step < 3 else step + 0.5})
    run.log({"loss": float("nan"), "high": float("inf"), "text": "ü", "nested": {"deep": 1}})
    run.config.update({"added": "later"})
    run.tags += ("c",)
    run.summary["best"] = 0.99
"""

_FAIL: Final = """
import wandb

run = wandb.init(id="failed")
run.log({"loss": 1})
run.finish(exit_code=3)
"""

_BEGIN: Final = """
import sys
import wandb

with wandb.init(id=sys.argv[1], config={"lr": 1, "old": True}) as run:
    print("old output 0")
    print("old output 1")
    for step in range(4):
        run.log({"loss": step, "old": step})
"""

_RESUME: Final = """
import wandb

with wandb.init(id="resumed", resume="must", config={"new": True}) as run:
    assert run.resumed and run.config["lr"] == 1, dict(run.config)
    print("new output")
    run.log({"loss": 9})
"""

_ANEW: Final = """
import wandb

with wandb.init(id="anew", config={"lr": 2}) as run:
    print("new output")
    run.log({"loss": 7})
    run.log({"loss": 8})
"""

_OFFLINE: Final = """
import wandb

with wandb.init(id="offline", config={"lr": 0.5}) as run:
    for step in range(40):
        run.log({"loss": step / 4})
"""

_PREEMPT: Final = """
import time
import wandb

run = wandb.init(id="preempted")
run.log({"loss": 1})
run.mark_preempting()
for _ in range(120):
    time.sleep(0.5)
    if wandb.Api().run("team/sdks/preempted").state == "preempting":
        break
else:
    raise SystemExit("never preempting")
run.finish(exit_code=1)
"""

_SHARED: Final = """
import subprocess
import sys

import wandb

PROGRAM = '''
import sys
import wandb

number = int(sys.argv[1])
settings = wandb.Settings(
    mode="shared", x_primary=number == 0, x_label=f"rank{number}",
    x_update_finish_state=number == 0,
)
run = wandb.init(id="shared", settings=settings, config={f"rank{number}": number})
for row in range(20):
    run.log({f"loss{number}": row})
if number == 0:
    input()
run.finish()
'''

def start(number):
    command = [sys.executable, "-c", PROGRAM, str(number)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, text=True)

primary = start(0)
others = [start(number) for number in (1, 2)]
assert [other.wait() for other in others] == [0, 0]
primary.communicate("\\n")
assert primary.returncode == 0
"""

_FORK: Final = """
import wandb

with wandb.init(id="forked", fork_from="parent?_step=1", config={"new": True}) as run:
    run.log({"loss": 99})
"""

_REWIND: Final = """
import wandb

with wandb.init(id="rewound", resume_from="rewound?_step=1") as run:
    run.log({"loss": 99})
"""

# As `wandb agent` starts programs: in a sweep the SDK reads these from the environment only.
_SWEEP: Final = """
import os
import subprocess
import sys
import wandb

definition = {
    "name": "scan", "method": "grid", "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.2]}},
}
sweep_id = wandb.sweep(definition, entity="team", project="sdks")
PROGRAM = "import wandb; run = wandb.init(); run.log({'loss': 3.5}); run.finish()"
swept = {"WANDB_SWEEP_ID": sweep_id, "WANDB_RUN_ID": "swept"}
subprocess.run([sys.executable, "-c", PROGRAM], check=True, env=os.environ | swept)
sweep = wandb.Api().sweep(f"team/sdks/{sweep_id}")
assert sweep.name == "scan", sweep.name
assert [run.id for run in sweep.runs] == ["swept"]
"""

_DELETE: Final = """
import wandb

run = wandb.Api().run("team/sdks/deleted")
run.delete()
run.delete()
assert "deleted" not in [run.id for run in wandb.Api().runs("team/sdks")]
"""

Version: TypeAlias = "tuple[int, ...]"


@dataclass(frozen=True)
class Program:
    """A program to run with the version.

    Attributes:
        text: Its text.
        arguments: Its arguments.
        is_offline: Whether it logs without a server.
    """

    text: str
    arguments: tuple[str, ...] = ()
    is_offline: bool = False


@dataclass(frozen=True)
class Sync:
    """Send what was logged offline, by `wandb sync`."""


@dataclass(frozen=True)
class Expected:
    """What a run holds.

    Attributes:
        rows: The rows of its history, without times; `_step` is their place unless it is given.
        config: The config.
        summary: The summary, without the SDK's own part; None where it is not compared.
        state: The state.
        tags: The labels.
        console: Lines of console output with the word output; None where they are not compared.
        without_console: Versions for which they are not: some send a resumed run's lines from the
            first one again, some do not say that a run begins anew.
        in_any_order: Whether several processes log at a time: steps and order are left out.
    """

    rows: list[dict[str, JSONValue]]
    config: Mapping[str, JSONValue] = field(default_factory=dict[str, "JSONValue"])
    summary: Mapping[str, JSONValue] | None = None
    state: str = "finished"
    tags: tuple[str, ...] = ()
    console: tuple[str, ...] | None = None
    without_console: frozenset[str] = frozenset()
    in_any_order: bool = False


@dataclass(frozen=True)
class Scenario:
    """Programs, and the run that they log.

    Attributes:
        name: What the table calls it.
        run: The run's id; None where there is none afterwards.
        steps: What is run, in order.
        expected: What the run holds then.
        since: The first version that can do it.
    """

    name: str
    run: str | None
    steps: tuple[Program | Sync, ...]
    expected: Expected | None = None
    since: Version = (0,)


_NAN: Final = "NaN"
_LOGGED: Final[list[dict[str, JSONValue]]] = [
    {"loss": 1 / (step + 1), "late": late} for step, late in enumerate([0, 1, 2, 3.5, 4.5])
]
_BEGUN: Final[list[dict[str, JSONValue]]] = [{"loss": step, "old": step} for step in range(4)]

SCENARIOS: Final = (
    Scenario(
        "init, log, config, summary",
        "log",
        (Program(_LOG),),
        Expected(
            [
                *_LOGGED,
                {"loss": _NAN, "high": "Infinity", "text": "ü", "nested": {"deep": 1}},
            ],
            {"lr": 0.1, "model": {"depth": 2}, "added": "later"},
            {
                "loss": _NAN,
                "late": 4.5,
                "high": "Infinity",
                "text": "ü",
                "nested": {"deep": 1},
                "best": 0.99,
            },
            tags=("a", "b", "c"),
            console=("begin of output",),
        ),
    ),
    Scenario("exit code", "failed", (Program(_FAIL),), Expected([{"loss": 1}], state="failed")),
    Scenario(
        "resume",
        "resumed",
        (Program(_BEGIN, ("resumed",)), Program(_RESUME)),
        Expected(
            [*_BEGUN, {"loss": 9}],
            {"lr": 1, "old": True, "new": True},
            {"loss": 9, "old": 3},
            console=("old output 0", "old output 1", "new output"),
            without_console=frozenset({"0.20.1", "0.25.0"}),
        ),
    ),
    Scenario(
        "the same id without resume",
        "anew",
        (Program(_BEGIN, ("anew",)), Program(_ANEW)),
        Expected(
            [{"loss": 7}, {"loss": 8}],
            {"lr": 2},
            {"loss": 8},
            console=("new output",),
            without_console=frozenset({"0.17.9"}),
        ),
    ),
    Scenario(
        "offline, then sync",
        "offline",
        (Program(_OFFLINE, is_offline=True), Sync()),
        Expected([{"loss": step / 4} for step in range(40)], {"lr": 0.5}, {"loss": 9.75}),
    ),
    Scenario(
        "mark_preempting",
        "preempted",
        (Program(_PREEMPT),),
        Expected([{"loss": 1}], state="preempted"),
    ),
    Scenario(
        "shared mode",
        "shared",
        (Program(_SHARED),),
        Expected(
            [{f"loss{number}": row} for number in range(3) for row in range(20)],
            {f"rank{number}": number for number in range(3)},
            {f"loss{number}": 19 for number in range(3)},
            in_any_order=True,
        ),
        since=(0, 20),
    ),
    Scenario(
        "fork",
        "forked",
        (Program(_BEGIN, ("parent",)), Program(_FORK)),
        Expected([*_BEGUN[:2], {"loss": 99}], {"new": True}),
    ),
    Scenario(
        "rewind",
        "rewound",
        (Program(_BEGIN, ("rewound",)), Program(_REWIND)),
        Expected([*_BEGUN[:2], {"loss": 99}], {"lr": 1, "old": True}),
    ),
    Scenario(
        "sweep",
        "swept",
        (Program(_SWEEP),),
        Expected([{"loss": 3.5}], {}, {"loss": 3.5}),
    ),
    Scenario("delete twice", None, (Program(_BEGIN, ("deleted",)), Program(_DELETE))),
)
