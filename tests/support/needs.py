"""Which tests need a server or a process of their own, found by what their code refers to."""

from __future__ import annotations

import inspect
import subprocess
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


def is_slow(test: object, used: Iterable[object], roots: tuple[str, ...]) -> bool:
    """Whether a test, what it uses or a helper below `roots` starts a server or a process."""
    pending = [test, *used]
    seen: set[FunctionType] = set()
    while pending:
        for function in functions_of(pending.pop()):
            if function in seen or not function.__code__.co_filename.startswith(roots):
                continue
            seen.add(function)
            for name in names_in(function.__code__):
                value = function.__globals__.get(name)
                if any(value is each for each in HEAVY):
                    return True
                if isinstance(value, ModuleType):
                    continue
                pending.append(value)
    return False
