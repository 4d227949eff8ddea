"""A leaderboard of a project, as a web service: one `AsyncApi` for all requests.

`WANDB_ENTITY=... WANDB_PROJECT=... uvicorn --app-dir examples leaderboard:app` serves it:
`GET /?by=loss&limit=5` is a page of the best finished runs, `GET /runs/{id}` one run as JSON.
"""

import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from html import escape
from math import ceil
from typing import Literal

from pydantic import BaseModel, Field, FiniteFloat, JsonValue, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

import wandb_runs as wr

TIMEOUT = 20.0  # seconds that a reader waits
ORDERS = {"accuracy": wr.Summary("accuracy").desc(), "loss": wr.Summary("loss").asc()}
STATUSES: dict[type[Exception], int] = {  # an error is the first of these that fits
    ValidationError: 400,
    wr.InvalidArgumentError: 400,
    wr.NotFoundError: 404,
    wr.RateLimitError: 503,
    wr.RequestTimeoutError: 504,
    wr.WandbRunsError: 502,
}


class Query(BaseModel, extra="forbid"):  # what may be asked of the board
    by: Literal["accuracy", "loss"] = "accuracy"
    limit: int = Field(default=10, ge=1, le=100)


class Config(BaseModel):  # `wandb-runs typegen` writes such models
    optimizer: str
    learning_rate: float


class Summary(BaseModel):  # finite, so that no run that diverged is on the board
    accuracy: FiniteFloat
    loss: FiniteFloat


class Detail(BaseModel):  # as JSON, in which NaN is null
    config: Config
    history: list[dict[str, JsonValue]]


async def show_board(request: Request) -> Response:
    api: wr.AsyncApi = request.state.api
    query = Query.model_validate(dict(request.query_params))
    runs = api.runs(
        filters=(wr.State == "finished") & wr.Summary(query.by).exists(),
        order=ORDERS[query.by],
        limit=query.limit,
        config=Config,
        summary=Summary,
        on_invalid="skip",
    )
    page = "<!doctype html><title>Leaderboard</title>\n"
    page += "<style>body { font-family: sans-serif } td, th { padding: 0.2em 1em 0.2em 0 }</style>"
    page += '\n<table style="text-align: left"><tr><th>run<th>optimizer, learning rate'
    page += "".join(f'<th><a href="/?by={metric}">{metric}</a>' for metric in ORDERS)
    async for run in runs:  # their names are what others wrote
        page += f'\n<tr><td><a href="/runs/{escape(run.id)}">{escape(run.name or run.id)}</a>'
        page += f"<td>{escape(run.config.optimizer)}, {run.config.learning_rate:g}"
        page += f"<td>{run.summary.accuracy:.4f}<td>{run.summary.loss:.6f}"
    return HTMLResponse(page)


async def show_run(request: Request) -> Response:
    api: wr.AsyncApi = request.state.api
    run = await api.run(request.path_params["id"], config=Config)
    history = await run.history(100, ["loss", "accuracy"], join="outer", format="default")
    content = Detail(config=run.config, history=history).model_dump_json()
    return Response(content, media_type="application/json")


async def fail(_: Request, error: Exception) -> Response:
    status = next(STATUSES[kind] for kind in STATUSES if isinstance(error, kind))
    if status in {400, 404}:
        return JSONResponse({"error": str(error)}, status)
    logging.getLogger("leaderboard").error("%d: %s", status, error)  # no business of the reader's
    wait = error.retry_after if isinstance(error, wr.RateLimitError) else None
    headers = {"Retry-After": str(ceil(wait or 60))}
    return JSONResponse({"error": "W&B cannot be read now; try later"}, status, headers)


@asynccontextmanager
async def lifespan(_: Starlette) -> AsyncGenerator[dict[str, wr.AsyncApi]]:
    async with wr.AsyncApi(timeout=TIMEOUT) as api:  # all else is from the environment
        yield {"api": api}


routes = [Route("/", show_board), Route("/runs/{id}", show_run)]
app = Starlette(routes=routes, exception_handlers=dict.fromkeys(STATUSES, fail), lifespan=lifespan)
