"""Every public name of W&B's SDK is here, or an error says what to use instead."""

from __future__ import annotations

import copy
import importlib.util
import json
import pickle
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.moving import CLASSES, TWINS, moving_table

from wandb_runs import Api, AsyncApi, Run, Runs, User
from wandb_runs.runs.sdk_names import AWAITED, SDK_NAMES
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from pathlib import Path

    from wandb_runs.testing import LocalServer

NAMES_OF_THE_SDK = """
import ast, inspect, json, textwrap
from wandb.apis import _generated, public
from wandb.apis.public.runs import LIGHTWEIGHT_RUN_FRAGMENT, RUN_FRAGMENT

def fields(text):
    return [line.strip().partition(" ")[0] for line in text.splitlines() if line.startswith(" ")]

def snake(name):
    return "".join("_" + each.lower() if each.isupper() else each for each in name)

def names_of(kind):
    names = {*dir(kind)}
    for owner in kind.__mro__[:-1]:
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(owner)))
        except (OSError, TypeError):
            continue  # written in C
        names |= {
            node.attr for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            and isinstance(node.value, ast.Name) and node.value.id == "self"
        }
        names |= {node.target.id for node in ast.walk(tree) if isinstance(node, ast.AnnAssign)
                  and isinstance(node.target, ast.Name) and node.target.id in dir(owner)}
    return {name for name in names if not name.startswith("_")}

told = {name: names_of(getattr(public, name)) for name in ("Api", "Runs", "Run", "Sweep", "User")}
run = {*fields(RUN_FRAGMENT), *fields(LIGHTWEIGHT_RUN_FRAGMENT), "projectId"} - {"username"}
sweep = _generated.GET_SWEEP_GQL.partition("fragment ")[2].partition("{")[2]
sweep = {*fields(sweep)} - {"__typename"}
for kind, names in (("Run", run), ("Sweep", sweep)):
    names = {name for name in names if name.isidentifier()}
    told[kind] |= names | {snake(name) for name in names}
user = _generated.UserFragment.model_fields
told["User"] |= {*user} | {each.alias for each in user.values() if each.alias}
print(json.dumps({kind: sorted(names) for kind, names in told.items()}))
"""


@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="W&B's SDK is not installed")
def test_the_table_holds_every_public_name_of_the_sdk(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", NAMES_OF_THE_SDK],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    names: dict[str, list[str]] = json.loads(done.stdout)
    assert len(names["Run"]) > 60
    table = {kind: {*rows} for kind, rows in moving_table().items()}
    assert names.keys() == table.keys() == CLASSES.keys()
    for kind, held in names.items():
        assert {*held} - table[kind] == set(), f"names of {kind} that docs/moving.md lacks"
        # The SDK has it in the text of its class alone.
        assert table[kind] - {*held} <= {"project_internal_id"}, f"no names of the SDK's {kind}"


def test_the_table_and_the_errors_have_the_same_names() -> None:
    refused = {
        kind: {name for name, here in rows.items() if here != "the same"}
        for kind, rows in moving_table().items()
    }
    only_awaiting = {"Runs": {"next", "index"}, "Run": {"lastHistoryStep"}}
    assert {kind: {*names} for kind, names in SDK_NAMES.items()} == {
        kind: names | only_awaiting.get(kind, set()) for kind, names in refused.items()
    }


@pytest.mark.parametrize("prefix", ["", "Async"])
def test_what_an_error_says_to_use_is_there(prefix: str) -> None:
    kinds = {kind.lower(): CLASSES[kind] for kind in CLASSES}
    if prefix:
        kinds |= {kind.removeprefix("Async").lower(): TWINS[kind] for kind in TWINS}
    used = {each for names in SDK_NAMES.values() for each in names.values() if each}
    assert used >= {*AWAITED}
    for each in used:
        code = AWAITED.get(each, each) if prefix else each
        for owner, name in re.findall(r"\b([a-z]+)\.(\w+)", code):
            member = getattr(kinds[owner], name)
            assert not isinstance(member, property) or f"{owner}.{name}(" not in code


@pytest.fixture
def run(api: Api, wandb_server: LocalServer) -> Run:
    log_run(wandb_server, "team", "names", "r1", config={"lr": 1}, history=[{"loss": 1}])
    return api.run("team/names/r1")


def test_a_name_that_is_not_here_is_an_attribute_error(run: Run) -> None:
    assert not hasattr(run, "used_artifacts")
    assert getattr(run, "dir", "no folder") == "no folder"
    with pytest.raises(AttributeError) as caught:
        getattr(run, "createdAt")  # noqa: B009 - checkers reject the attribute
    assert str(caught.value) == "W&B's SDK has Run.createdAt; use run.created_at instead"
    assert caught.value.name == "createdAt"


def test_a_misspelt_name_has_the_nearest_one(api: Api, run: Run) -> None:
    for thing, name, near in (
        (api, "run_s", "runs"),
        (api.runs("team/names"), "lenght", "length"),
        (run, "summry", "summary"),
        (User("ada", "Ada"), "user_name", "username"),
    ):
        with pytest.raises(AttributeError) as caught:
            getattr(thing, name)
        told = f"{type(thing).__name__!r} object has no attribute {name!r}; did you mean {near!r}?"
        assert str(caught.value) == told
    with pytest.raises(AttributeError, match=r"^'Run' object has no attribute 'zzz'$"):
        getattr(run, "zzz")  # noqa: B009 - checkers reject the attribute


def test_classes_of_users_say_the_same(run: Run) -> None:
    class Derived(Run):
        pass

    assert issubclass(Derived, Run)
    with pytest.raises(AttributeError, match=r"^W&B's SDK has Run\.dir; "):
        getattr(object.__new__(Derived), "dir")  # noqa: B009 - checkers reject the attribute
    with pytest.raises(AttributeError, match=r"'Derived' object has no attribute 'summry'"):
        getattr(object.__new__(Derived), "summry")  # noqa: B009 - the same


def test_an_error_of_a_property_is_not_replaced() -> None:
    class Odd(Api):
        @property
        def answer(self) -> int:
            raise AttributeError("from within")

    with pytest.raises(AttributeError, match=r"^from within$"):
        _ = Odd(api_key="k" * 40).answer


@pytest.mark.parametrize("kind", [*CLASSES.values(), *TWINS.values()])
def test_what_is_half_made_has_no_names_and_no_recursion(kind: type[object]) -> None:
    half_made = object.__new__(kind)
    for name in ("_client", "_fields", "__deepcopy__", "__array_interface__", "nothing"):
        assert not hasattr(half_made, name)


def test_pickles_and_copies_are_as_before(api: Api, run: Run) -> None:
    user = User("ada", "Ada")
    for twin in (copy.copy(user), copy.deepcopy(user), pickle.loads(pickle.dumps(user))):
        assert twin == user
    runs = api.runs("team/names")
    for made in (copy.copy(run), copy.deepcopy(run), copy.copy(runs)[0], copy.deepcopy(runs)[0]):
        assert made == run
    awaited = AsyncApi(base_url=api.base_url, api_key="k" * 40).runs("team/names")
    assert repr(copy.copy(awaited)) == repr(awaited)
    assert isinstance(copy.copy(runs), Runs)
