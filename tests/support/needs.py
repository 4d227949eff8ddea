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
"""What a test that is not quick refers to, itself or through a function of the tests."""


def names_in(code: CodeType) -> Iterator[str]:
    """All names that a function's code and the functions inside it refer to."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def functions_of(value: object) -> Iterable[FunctionType]:
    """The functions that a name stands for: itself, what it wraps, or a class's methods."""
    if isinstance(value, type):
        members = [each for kind in value.__mro__ for each in vars(kind).values()]
    else:
        members = [value]
    for member in members:
        found = member.fget if isinstance(member, property) else member
        if isinstance(found, FunctionType):
            found = getattr(getattr(found, "hypothesis", None), "inner_test", found)
        # Without the attribute hooks of what a test made up.
        while (wrapped := inspect.getattr_static(found, "__wrapped__", None)) is not None:
            found = wrapped
        if isinstance(found, FunctionType):
            yield found


@cache
def references(function: FunctionType) -> tuple[bool, frozenset[FunctionType]]:
    """Whether a function refers to what is heavy, and the functions that it refers to."""
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
    """Whether a test, what it uses or a helper below `roots` starts a server or a process."""
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
