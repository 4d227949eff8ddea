"""A run's JSON documents, as W&B reads and writes them."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

from sqlalchemy import update

from wandb_runs.graphql.scalars import decode
from wandb_runs.local.tables import documents

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from wandb_runs.graphql.scalars import JSONValue

__all__ = ["finite", "read_object", "set_document", "spelled_out", "storable", "write_object"]


def read_object(text: str | None) -> dict[str, JSONValue]:
    """Decode a JSON object; null is an empty one.

    Raises:
        ValueError: The text is not a JSON object.
    """
    value = decode(text) if text else {}
    if not isinstance(value, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - the text is wrong, not a type
    return value


def finite(value: JSONValue) -> JSONValue:
    """Spell numbers that JSON cannot write as W&B's summaries do."""
    match value:
        case float() if not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        case list():
            return [finite(item) for item in value]
        case dict():
            return {key: finite(item) for key, item in value.items()}
        case _:
            return value


def write_object(value: JSONValue) -> str:
    r"""Write JSON that any reader takes, with numbers it cannot write spelled out.

    >>> write_object({"loss": float("nan"), "odd": "\ud800"})
    '{"loss":"NaN","odd":"\\ud800"}'
    """
    # As ASCII: a lone surrogate, which JSON allows, has no UTF-8.
    return json.dumps(finite(value), separators=(",", ":"))


def spelled_out(text: str) -> str:
    """A whole row's text, with numbers that JSON cannot write spelled as texts inside its values.

    Those of the row itself are bare, as they were sent.

    >>> spelled_out('{"loss": NaN, "inner": {"low": -Infinity}}')
    '{"loss":NaN,"inner":{"low":"-Infinity"}}'
    """
    if "NaN" not in text and "Infinity" not in text:
        return text
    try:
        row = read_object(text)
    except ValueError:  # values that the client is to refuse
        return text
    spelled = {
        key: value if isinstance(value, float) else finite(value) for key, value in row.items()
    }
    written = json.dumps(spelled, separators=(",", ":"))
    return text if written == json.dumps(row, separators=(",", ":")) else written


def storable(text: str) -> str:
    """Replace what JSON allows in a string and UTF-8 does not: lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8")


def set_document(connection: Connection, run_id: int, name: str, text: str | None) -> None:
    """Replace one of a run's documents; None leaves the run without it."""
    connection.execute(update(documents).where(documents.c.run_id == run_id).values({name: text}))
