"""Which tests need a server or a process of their own, found by what their code refers to."""

from __future__ import annotations

import inspect
import subprocess
from functools import cache
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING

from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["is_slow"]

HEAVY = (LocalServer, subprocess, subprocess.Popen, subprocess.run)
"""What slow tests refer to, directly or through helpers of the tests."""


def names_in(code: CodeType) -> Iterator[str]:
    """The names that a function and its nested functions refer to."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def functions_of(value: object) -> Iterable[FunctionType]:
    """The functions behind a value: the function itself, unwrapped, or the methods of a class."""
    if isinstance(value, type):
        members = [each for kind in value.__mro__ for each in vars(kind).values()]
    else:
        members = [value]
    for member in members:
        found = member.fget if isinstance(member, property) else member
        if isinstance(found, FunctionType):
            found = getattr(getattr(found, "hypothesis", None), "inner_test", found)
        # Statically, so that no `__getattr__` of a test double runs.
        while (wrapped := inspect.getattr_static(found, "__wrapped__", None)) is not None:
            found = wrapped
        if isinstance(found, FunctionType):
            yield found


@cache
def references(function: FunctionType) -> tuple[bool, frozenset[FunctionType]]:
    """Whether a function refers to something of `HEAVY`, and the functions that it refers to."""
    names = {*names_in(function.__code__)}
    found: set[FunctionType] = set()
    for value in [function.__globals__.get(name) for name in names]:
        if any(value is each for each in HEAVY):
            return True, frozenset()
        if isinstance(value, ModuleType):  # `module.name` may be any of its functions
            found.update(*(functions_of(vars(value).get(name)) for name in names))
        else:
            found.update(functions_of(value))
    return False, frozenset(found)


def is_slow(test: object, used: Iterable[object], roots: tuple[str, ...]) -> bool:
    """Whether a test starts a server or a process, itself, by a fixture, or by a helper.

    Args:
        test: The test.
        used: Its fixtures.
        roots: Folders whose functions are followed.
    """
    pending = {function for value in (test, *used) for function in functions_of(value)}
    seen: set[FunctionType] = set()
    while pending:
        function = pending.pop()
        seen.add(function)
        if function.__code__.co_filename.startswith(roots):
            is_heavy, found = references(function)
            if is_heavy:
                return True
            pending |= found - seen
    return False
