"""`User`: the owner of a run or of the API key."""

from __future__ import annotations

from dataclasses import dataclass

from wandb_runs.errors.immutable import immutable
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.runs.unknown_names import UnknownNames

__all__ = ["User"]


@immutable
@dataclass(frozen=True, slots=True, repr=False)
class User(UnknownNames, FieldsRepr):
    """A user of W&B.

    Immutable, and therefore safe to share.

    Attributes:
        username: The unique account name.
        name: The human name.
        email: The e-mail address; known for `api.viewer` alone.
        entity: Where new runs go when none is named; known for `api.viewer` alone.

    >>> User(username="ada", name="Ada")
    User(username='ada', name='Ada', email=None, entity=None)
    """

    username: str | None
    name: str | None
    email: str | None = None
    entity: str | None = None
