"""What may not be null in an answer that a check reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

from wandb_runs.diagnosis.wording import NullError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["edges_of", "present", "the_project", "the_run"]

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


def present(value: T | None, what: str) -> T:
    """What may not be null here.

    Raises:
        NullError: It is null.
    """
    if value is None:
        raise NullError(f"{what} is null in the answer")
    return value


def the_project(value: T | None) -> T:
    """The project, which was listed before.

    Raises:
        NullError: It is null.
    """
    return present(value, "the project, which was listed before,")


def the_run(value: T | None) -> T:
    """The run, which was listed before.

    Raises:
        NullError: It is null.
    """
    return present(value, "the run, which was listed before,")


class Connection(Protocol[T_co]):
    """A page of runs or files."""

    @property
    def edges(self) -> Sequence[T_co | None] | None:
        """Its edges."""
        ...


def edges_of(page: Connection[T] | None) -> list[T]:
    """The edges of a page that are not null.

    Raises:
        NullError: The page, or its list, is null.
    """
    edges = present(page, "a page").edges
    return [edge for edge in present(edges, "the list of a page") if edge is not None]
