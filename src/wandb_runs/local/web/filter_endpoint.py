"""Filters as text, for pages: the parser of the command line answers what it means."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.graphql.scalars import decode
from wandb_runs.local.access import is_json, refusal
from wandb_runs.local.where import BadRequestError, check_size
from wandb_runs.query.filter_text import parse_filter
from wandb_runs.query.filters import filters_to_json

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["translate_filter"]

_PLACE: Final = re.compile(
    r"parse_filter: (?:(?:line (?P<line>\d+), )?column (?P<column>\d+): )?(?P<problem>.*)",
    re.DOTALL,
)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)

    where: str


async def translate_filter(request: Request) -> JSONResponse:
    """Answer the filter, in JSON, that a text means; or what is wrong with it, and where.

    A text that is no filter is no failure of the request: a browser would log that as an error.
    """
    if not is_json(request):
        return refusal("the body is JSON", HTTPStatus.UNSUPPORTED_MEDIA_TYPE)
    try:
        body = _Body.model_validate_json(await request.body())
    except ValidationError:
        return refusal('the body is {"where": "the filter"}', HTTPStatus.BAD_REQUEST)
    return await run_in_threadpool(_translate, body.where)


def _translate(text: str) -> JSONResponse:
    try:
        filters = filters_to_json(parse_filter(text))
        if filters is not None:
            check_size(decode(filters))
        return JSONResponse({"filters": filters})
    except BadRequestError as error:
        return _refuse(str(error))
    except InvalidArgumentError as error:
        found = _PLACE.fullmatch(error.message)
        notes: list[str] = getattr(error, "__notes__", [])
        if found is None or not found["column"]:
            problem = error.message if found is None else found["problem"]
            return _refuse(problem, excerpt=notes[0] if notes else None)
        line, column = int(found["line"] or 1), int(found["column"])
        return _refuse(found["problem"], line, column, notes[0] if notes else None)


def _refuse(
    error: str, line: int | None = None, column: int | None = None, excerpt: str | None = None
) -> JSONResponse:
    return JSONResponse({"error": error, "line": line, "column": column, "excerpt": excerpt})
