"""`Api`: where everything starts."""

from __future__ import annotations

import warnings
from copy import copy
from typing import TYPE_CHECKING, Self

from typing_extensions import TypeVar, override

from wandb_runs.checked import node_of
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.jsontext import JSONObject
from wandb_runs.location import PathParts, check_name, parse_path
from wandb_runs.models import check_models
from wandb_runs.run import Run
from wandb_runs.run_core import Home, fetch_run
from wandb_runs.runs import Runs, runs_of_viewer
from wandb_runs.settings import ApiKey, Settings, resolve_settings
from wandb_runs.sweep import Sweep, Sweeps
from wandb_runs.sweep_core import fetch_sweep
from wandb_runs.transport import MAX_RESPONSE_BYTES, RetryingClient
from wandb_runs.transport.clock import SYSTEM_CLOCK
from wandb_runs.transport.options import MAX_RETRIES, TIMEOUT, Options
from wandb_runs.transport.tls import check_context
from wandb_runs.user import User

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping
    from types import TracebackType

    from wandb_runs.checkpoint import Checkpoint
    from wandb_runs.filters import Filters
    from wandb_runs.models import OnInvalid
    from wandb_runs.order import Order
    from wandb_runs.transport import Clock, Stats, Transport

__all__ = ["Api"]

K = TypeVar("K", bound=str)
ConfigT = TypeVar("ConfigT", default=JSONObject)
SummaryT = TypeVar("SummaryT", default=JSONObject)


class Api:
    """A connection to W&B, or to a server that speaks as it does.

    Each setting comes from its argument, else from `overrides`, else from the environment
    (`WANDB_BASE_URL`, `WANDB_API_KEY`, `WANDB_ENTITY`, `WANDB_PROJECT`); the key last from a
    netrc file (`NETRC`, or `.netrc` in the home folder), by the server's host. Making one sends
    nothing, opens no file, starts no process and asks no question.

    Thread-safe. As a context manager it closes its connections at the end.

    Args:
        base_url: The server; `https://api.wandb.ai` by default.
        api_key: The key, as W&B's settings page shows it. Public projects answer without one.
        entity: The user or team for paths that name none; by default the viewer's.
        project: The project for paths that name none.
        timeout: Seconds for one call, retries included: 60 by default. W&B gives up after about
            as many itself. A connection has to stand within 10 of them.
        allow_http: Whether plain http may go to another machine than this one.
        transport: Carries the requests in place of this package's own connections; never closed
            here.
        overrides: The dict that W&B's SDK takes: `base_url`, `entity`, `project`.
        max_retries: How many times a request is sent again at most, where that is safe: 5 by
            default, 0 for never.
        max_response_bytes: How long the body of an answer may be, decompressed: 1 GiB by
            default. A longer one is not read to its end.
        ssl_context: What certificates to trust; by default those that `SSL_CERT_FILE` or
            `SSL_CERT_DIR` names, else those that come with the HTTP library. One that verifies
            nothing is refused.
        clock: Where time and chance come from; `wandb_runs.testing.FakeClock` waits in no time.

    Raises:
        InvalidArgumentError: An argument, or a value from the environment, that cannot be
            right.

    >>> from wandb_runs import Api
    >>> with Api(base_url=server.url, api_key="any-key") as api:
    ...     run = api.runs("sample/digits", order="-summary_metrics.accuracy")[0]
    >>> run.summary["accuracy"] > 0.9
    True
    """

    def __init__(
        self,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        entity: str | None = None,
        project: str | None = None,
        timeout: float = TIMEOUT,
        allow_http: bool = False,
        transport: Transport | None = None,
        overrides: Mapping[str, str | None] | None = None,
        max_retries: int = MAX_RETRIES,
        max_response_bytes: int = MAX_RESPONSE_BYTES,
        ssl_context: ssl.SSLContext | None = None,
        clock: Clock | None = None,
    ) -> None:
        try:
            key = ApiKey(api_key, source="argument") if api_key else None
        finally:
            # A traceback may be shown with the local variables of its frames.
            del api_key
        options = Options(timeout, max_retries, max_response_bytes)
        context = check_context(ssl_context)
        if context is not None and transport is not None:
            raise InvalidArgumentError(
                "ssl_context= is for this package's own connections, and transport= replaces "
                "them; pass one of the two"
            )
        try:
            self._settings = resolve_settings(
                base_url=base_url,
                api_key=key,
                entity=entity,
                project=project,
                allow_http=allow_http,
                overrides=overrides,
            )
        except InvalidArgumentError as error:
            # Either may hold credentials, and so do the frames below.
            del base_url, overrides
            raise error.with_traceback(None) from None
        self._client = RetryingClient(
            self._settings,
            transport=transport,
            options=options,
            ssl_context=context,
            clock=SYSTEM_CLOCK if clock is None else clock,
        )

    @override
    def __repr__(self) -> str:
        # A traceback may show an `Api` whose arguments were refused.
        settings = getattr(self, "_settings", None)
        return f"<Api {settings.base_url}>" if isinstance(settings, Settings) else "<Api, not made>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; a later request is refused. Closing twice does nothing.

        A copy that `with_options` made closes itself alone. What it was made of closes the
        connections that they share, and so the copy, too.
        """
        self._client.close()

    def with_options(
        self,
        *,
        timeout: float | None = None,
        max_retries: int | None = None,
        max_response_bytes: int | None = None,
    ) -> Self:
        """A copy with other options, for calls that need more patience than others, or less.

        It shares all else with this one: the connections, the key, the viewer, the numbers of
        `stats`, the retries in hand and the pace. What it lists (`runs`, `run`, `sweep`) keeps to
        its options.

        Args:
            timeout: Seconds for one call, retries included; None leaves it as it is here.
            max_retries: How many times a request is sent again at most; 0 for never. None leaves
                it as it is here.
            max_response_bytes: How long the body of an answer may be, decompressed. None leaves
                it as it is here.

        Raises:
            InvalidArgumentError: A value of the wrong type or out of bounds.

        >>> patient = api.with_options(timeout=300, max_retries=10)
        >>> len(patient.runs("sample/digits")) == len(api.runs("sample/digits"))
        True
        """
        changed = copy(self)
        changed._client = self._client.with_options(  # noqa: SLF001 - a copy of its own kind
            self._client.options.changed(
                timeout=timeout, max_retries=max_retries, max_response_bytes=max_response_bytes
            )
        )
        return changed

    @property
    def stats(self) -> Stats:
        """What was sent so far, by this `Api` and those that share its connections.

        A snapshot, which does not change. A request that was interrupted (Ctrl-C) is not counted.
        """
        return self._client.stats

    @property
    def client(self) -> RetryingClient:
        """What sends the requests; `Runs(api.client, entity, project)` takes it."""
        return self._client

    @property
    def base_url(self) -> str:
        """The server, without a trailing slash."""
        return self._settings.base_url

    @property
    def api_key_source(self) -> str | None:
        """Where the key came from: `argument`, `WANDB_API_KEY`, or a netrc file's path.

        None without a key. The key itself is shown by nothing.
        """
        key = self._client.api_key
        return None if key is None else key.source

    @property
    def default_entity(self) -> str:
        """The entity of paths that name none; the viewer's is asked for once.

        Raises:
            AuthenticationError: The viewer's is needed, and there is no key, or a wrong one.
        """
        return self._settings.entity or self._client.run(self._client.viewer.entity())

    @property
    def viewer(self) -> User:
        """The user whose key signs the requests, asked for once.

        Raises:
            AuthenticationError: No key, or one that the server does not know.
        """
        fields = self._client.run(self._client.viewer.fields())
        return User(
            username=fields.username, name=fields.name, email=fields.email, entity=fields.entity
        )

    def runs(
        self,
        path: str | None = None,
        filters: Filters | None = None,
        order: Order = "+created_at",
        per_page: int = 50,
        include_sweeps: bool = True,
        *,
        entity: str | None = None,
        project: str | None = None,
        client: RetryingClient | None = None,
        lazy: bool | None = None,
        config_keys: list[K] | tuple[K, ...] | None = None,
        summary_keys: list[K] | tuple[K, ...] | None = None,
        limit: int | None = None,
        checkpoint: Checkpoint | None = None,
        strict: bool = False,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
        on_invalid: OnInvalid = "raise",
    ) -> Runs[ConfigT, SummaryT]:
        """The runs of a project that fit a filter, in order: a new, lazy sequence each time.

        Args:
            path: `"entity/project"`, or `"project"` in the default entity.
            filters: A MongoDB query over runs: `{"state": "finished", "config.lr": {"$lt":
                0.1}}`; see `wandb_runs.filters`.
            order: `created_at`, `heartbeat_at`, `config.<key>.value` or
                `summary_metrics.<key>`, with `+` (ascending) or `-` (descending) in front.
            per_page: Runs per request, at least 1; more than 1000 is sent as 1000.
            include_sweeps: Whether `run.sweep` fetches the sweep when touched.
            entity: The entity, when `path` does not name it.
            project: The project, when `path` does not name it.
            client: Another client to send the requests with; it is used as it is.
            lazy: Ignored, with a warning. W&B's SDK needs it to choose between two queries;
                here listing always carries config and summary, undecoded.
            config_keys: The keys that `run.config` is to hold; None for all, an empty list for
                none. Only what is asked for travels: some projects have thousands.
            summary_keys: The keys that `run.summary` is to hold, likewise.
            limit: The most runs that the sequence has, whatever `per_page`; None for all.
            checkpoint: Where to begin: what `checkpoint()` of a loop over the same runs gave, or
                an error that ended it, as `error.checkpoint`.
            strict: Whether what a `DriftWarning` would say is a `DriftError`.
            config: What `run.config` is to be: a pydantic model, a dataclass or a `TypedDict`;
                by default a mapping of JSON values.
            summary: What `run.summary` is to be, likewise.
            on_invalid: What becomes of a run that does not fit them: `"raise"` a
                `RunValidationError` when its config or summary is touched, or `"skip"` the run,
                with a warning in the log.

        Raises:
            InvalidArgumentError: An argument that cannot be right; nothing was sent.

        >>> runs = api.runs("sample/digits", {"config.optimizer": "adam"}, per_page=100)
        >>> {run.config["optimizer"] for run in runs}
        {'adam'}
        """
        if lazy is not None:
            warnings.warn(
                "lazy= does nothing: listing carries config and summary, decoded when touched",
                DeprecationWarning,
                stacklevel=2,
            )
        parts = PathParts(None, None) if path is None else parse_path(path)
        entity = _agree("entity", parts.entity, entity) or self._settings.entity
        project = _agree("project", parts.project, project) or self._settings.project
        if project is None:
            raise InvalidArgumentError(
                "no project: pass a path like 'entity/project', or project=, or set WANDB_PROJECT"
            )
        chosen = self._client if client is None else client
        if entity is None:
            return runs_of_viewer(
                chosen,
                project,
                filters,
                order,
                per_page,
                include_sweeps,
                config_keys=config_keys,
                summary_keys=summary_keys,
                limit=limit,
                checkpoint=checkpoint,
                strict=strict,
                config=config,
                summary=summary,
                on_invalid=on_invalid,
            )
        return Runs(
            chosen,
            entity,
            project,
            filters,
            order,
            per_page,
            include_sweeps,
            config_keys=config_keys,
            summary_keys=summary_keys,
            limit=limit,
            checkpoint=checkpoint,
            strict=strict,
            config=config,
            summary=summary,
            on_invalid=on_invalid,
        )

    def run(
        self,
        path: str,
        *,
        config: type[ConfigT] | None = None,
        summary: type[SummaryT] | None = None,
    ) -> Run[ConfigT, SummaryT]:
        """One run, asked for now.

        Args:
            path: `"entity/project/run_id"`; leading parts that have a default may be left out.
            config: What `run.config` is to be, as for `runs`.
            summary: What `run.summary` is to be, as for `runs`.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or run, or the key may not see it.
        """
        models = check_models(config, summary, "raise")
        entity, project, run_id = self._complete(parse_path(path, kind="run"))
        client = self._client
        fields = client.run(fetch_run(entity, project, run_id))
        home = Home(client, client.settings, entity, project, Sweeps(client), models=models)
        return Run(home, node_of(fields))

    def sweep(self, path: str) -> Sweep:
        """One sweep, asked for now.

        Args:
            path: `"entity/project/sweep_id"`; leading parts that have a default may be left
                out.

        Raises:
            InvalidArgumentError: Not such a path; nothing was sent.
            NotFoundError: No such project or sweep, or the key may not see it.
        """
        entity, project, sweep_id = self._complete(parse_path(path, kind="sweep"))
        fields = self._client.run(fetch_sweep(entity, project, sweep_id))
        return Sweep(self._client, self._settings, entity, project, fields)

    def _complete(self, parts: PathParts) -> tuple[str, str, str]:
        project = parts.project or self._settings.project
        if project is None or parts.id is None:
            raise InvalidArgumentError(
                f"no project for {parts.id!r}: write 'entity/project/{parts.id}', or set "
                "WANDB_PROJECT"
            )
        return parts.entity or self.default_entity, project, parts.id


def _agree(what: str, from_path: str | None, argument: str | None) -> str | None:
    if argument is None:
        return from_path
    check_name(argument, what)
    if from_path is not None and from_path != argument:
        raise InvalidArgumentError(
            f"path names the {what} {from_path!r} and {what}= says {argument!r}; pass one of them"
        )
    return argument
