"""What `Runs` and `AsyncRuns` share of tables: the arguments, the requests and the columns."""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from wandb_runs.errors import (
    HiddenValueWarning,
    InvalidArgumentError,
    UnsupportedByServerError,
)
from wandb_runs.errors.suggest import describe, did_you_mean
from wandb_runs.errors.text import FieldsRepr
from wandb_runs.errors.warnings import warn
from wandb_runs.frames.flat import flatten
from wandb_runs.frames.histories import Gaps
from wandb_runs.frames.table import AttributeColumn, Section, build_table
from wandb_runs.graphql.documents import INTERNAL_KEYS
from wandb_runs.pagination.paginator import Drift
from wandb_runs.query.key_fields import ValueField
from wandb_runs.query.keys import KeySelection, check_unicode
from wandb_runs.query.mentions import key_mentions
from wandb_runs.runs.field_values import cell_of
from wandb_runs.runs.histories_base import HistoriesBase, check_output
from wandb_runs.runs.known_keys import Documents
from wandb_runs.runs.run_base import sent_config, sent_summary

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import pandas as pd
    import polars as pl

    from wandb_runs.frames.flat import Path
    from wandb_runs.frames.plan import Format
    from wandb_runs.frames.rows import Row
    from wandb_runs.frames.table import AttributeKind, TableRow
    from wandb_runs.graphql.flow import Flow
    from wandb_runs.graphql.scalars import JSONObject, JSONValue
    from wandb_runs.pagination.progress import OnProgress
    from wandb_runs.query.mentions import Section as SectionName
    from wandb_runs.runs.run_base import AnyRun

__all__ = ["RunsRead", "TableBase", "TablePlan"]


_ATTRIBUTES: Final[Mapping[str, AttributeKind]] = {
    "id": "text",
    "name": "text",
    "state": "text",
    "created_at": "moment",
    "heartbeat_at": "moment",
    "user": "text",
    "group": "text",
    "job_type": "text",
    "tags": "list",
    "sweep": "text",
    "notes": "text",
    "entity": "text",
    "project": "text",
    "url": "text",
    "updated_at": "moment",
    "description": "text",
    "commit": "text",
    "host": "text",
    "read_only": "boolean",
    "history_line_count": "integer",
    "storage_id": "text",
}
"""The attributes of a run that a table can have, and what they are."""

_BY_DEFAULT: Final = tuple(_ATTRIBUTES)[: 1 + [*_ATTRIBUTES].index("notes")]
"""Those that it has where none are named."""


@dataclass(frozen=True, slots=True, repr=False)
class TablePlan(FieldsRepr):
    """Arguments of `table`, as they were checked.

    Attributes:
        to: The format.
        attributes: The names of attributes.
        keys: The keys of config and summary.
        fields: The fields with a type among them.
        progress: The caller's progress callback.
    """

    to: Format
    attributes: tuple[str, ...]
    keys: KeySelection
    fields: tuple[ValueField[object], ...]
    progress: OnProgress | None


class RunsRead(NamedTuple):
    """The runs of a table.

    Attributes:
        runs: The runs, in order.
        drift: What is out of order or missing.
        gone: Runs that were listed before and no longer exist.
    """

    runs: Sequence[AnyRun]
    drift: Drift = Drift()
    gone: tuple[str, ...] = ()


class TableFound(NamedTuple):
    """A table, and what it lacks.

    Attributes:
        table: The table.
        gaps: The runs that it lacks.
        hidden: The values that it lacks, if any.
    """

    table: list[TableRow] | pd.DataFrame | pl.DataFrame
    gaps: Gaps
    hidden: HiddenValueWarning | None


class TableBase(HistoriesBase):
    """Makes a table of all runs of a listing."""

    @abstractmethod
    def _fetch_runs(self, keys: KeySelection, progress: OnProgress | None) -> Flow[RunsRead]:
        """Read all runs, with these keys of config and summary."""

    def _plan_table(
        self,
        format: Format,
        attributes: object,
        config: object,
        summary: object,
        progress: OnProgress | None,
    ) -> TablePlan:
        """Check the arguments of `table`.

        Raises:
            InvalidArgumentError: One of them cannot be right.
        """
        names = _check_names("attributes", attributes)
        for name in names or ():
            if name not in _ATTRIBUTES:
                raise InvalidArgumentError(
                    f"attributes: a table has no {name!r}{did_you_mean(name, _ATTRIBUTES)}"
                )
        listed = self._query.keys
        fields: list[ValueField[object]] = []
        config = _take_fields("config", config, fields)
        summary = _take_fields("summary", summary, fields)
        asked = _check_names("config", config), _check_names("summary", summary)
        keys = KeySelection(
            listed.config if asked[0] is None else asked[0],
            listed.summary if asked[1] is None else asked[1],
        )
        if names == () and asked == ((), ()):
            raise InvalidArgumentError(
                "the table would have no column; ask for attributes, config or summary"
            )
        chosen = _BY_DEFAULT if names is None else names
        return TablePlan(check_output(format, progress), chosen, keys, tuple(fields), progress)

    def _lists(self, plan: TablePlan) -> bool:
        """Whether a table is of what the listing asks for, which is then read, and kept."""
        return self._query.models.skips or plan.keys == self._query.keys

    def _fetch_table(self, plan: TablePlan) -> Flow[TableFound]:
        selection = yield from self._select()
        runs, drift, gone = yield from self._fetch_runs(plan.keys, plan.progress)
        hidden, asked, fields = _Hidden(), plan.keys, plan.fields
        sections: list[Section] = []
        if asked.config != ():
            rows = [hidden.add("config", run, sent_config(run), asked.config) for run in runs]
            _set_values(rows, runs, [each for each in fields if each.section == "config"])
            sections.append(Section("config", asked.config, rows))
        if asked.summary != ():
            rows = [hidden.add("summary", run, sent_summary(run), asked.summary) for run in runs]
            _set_values(rows, runs, [each for each in fields if each.section == "summary"])
            sections.append(Section("summary", asked.summary, rows))
        attributes = [
            AttributeColumn(name, _ATTRIBUTES[name], [_read_attribute(run, name) for run in runs])
            for name in plan.attributes
        ]
        table = build_table(attributes, sections, len(runs), to=plan.to)
        if runs or self._listed_ids() != []:
            missing = [
                mention
                for section in sections
                if section.keys != getattr(self._query.keys, section.name)
                for mention in key_mentions(section.name, section.name, section.missing)
            ]
            shown = (Documents(sent_config(run), sent_summary(run)) for run in runs)
            yield from self._names.after_call(
                selection, has_runs=bool(runs), keys=missing, shown=shown
            )
        return TableFound(table, Gaps({}, (), drift, gone), hidden.warning)

    def _finish_table(self, found: TableFound) -> list[TableRow] | pd.DataFrame | pl.DataFrame:
        """Report what a table lacks, and return it.

        Raises:
            DriftError: There is drift that cannot be corrected, and the listing is strict.
        """
        if found.hidden is not None:
            warn(found.hidden)
        return self._finish(found.gaps, found.table, None)


class _Hidden:
    """Collects the values that have no column of their own."""

    __slots__ = ("_columns", "_run_ids")

    def __init__(self) -> None:
        self._columns: defaultdict[str, dict[Path, None]] = defaultdict(dict)
        self._run_ids: list[str] = []

    def add(
        self,
        section: SectionName,
        run: AnyRun,
        document: JSONObject,
        keys: tuple[str, ...] | None,
    ) -> Row:
        """Flatten the document of a run."""
        if keys is None and section == "config":
            document = {key: document[key] for key in document if key not in INTERNAL_KEYS}
        flat = flatten(document, keys)
        for name, paths in flat.hidden.items():
            self._columns[f"{section}.{name}"].update(
                dict.fromkeys((section, *path) for path in paths)
            )
        if flat.hidden and self._run_ids[-1:] != [run.id]:
            self._run_ids.append(run.id)
        return flat.row

    @property
    def warning(self) -> HiddenValueWarning | None:
        """The warning of them, if there are any."""
        if not self._columns:
            return None
        hidden = {name: [*map(_spelt, paths)] for name, paths in self._columns.items()}
        return HiddenValueWarning(hidden, [*dict.fromkeys(self._run_ids)])


def _spelt(path: Path) -> str:
    section, *keys = path
    return section + "".join(f"[{key!r}]" for key in keys)


def _read_attribute(run: AnyRun, name: str) -> JSONValue | datetime:
    match name:
        case "user":
            return None if run.user is None else run.user.username
        case "sweep":
            return run.sweep_name
        case "tags":
            return [*run.tags]
        case _:
            try:
                value: JSONValue | datetime = getattr(run, name)
            except UnsupportedByServerError:
                return None  # a `DegradedServerWarning` has told what the server lacks
            return value


def _take_fields(argument: SectionName, names: object, taken: list[ValueField[object]]) -> object:
    """Replace the fields among names by what they are called, and keep those with a type.

    Raises:
        InvalidArgumentError: A field of the other document, or two types for one name.
    """
    if not isinstance(names, list | tuple):
        return names
    kinds: dict[str, str] = {}
    called: list[object] = []
    for index, name in enumerate(cast("Sequence[object]", names)):
        if not isinstance(name, ValueField):
            called.append(name)
            continue
        field = cast("ValueField[object]", name)
        if field.section != argument:
            raise InvalidArgumentError(
                f"{argument}[{index}] is of the {argument}; {field!r} belongs in {field.section}="
            )
        called.append(field.text)
        if field.value_type is None:
            continue
        if kinds.setdefault(field.text, repr(field)) != repr(field):
            raise InvalidArgumentError(
                f"{argument}: two types for one column: {kinds[field.text]} and {field!r}"
            )
        if repr(field) not in map(repr, taken):
            taken.append(field)
    return called


def _set_values(
    rows: Sequence[Row], runs: Sequence[AnyRun], fields: Sequence[ValueField[object]]
) -> None:
    """Give rows the values of fields, where these are scalars of JSON."""
    for row, run in zip(rows, runs, strict=True) if fields else ():
        for field in fields:
            value = cell_of(run, field)
            if value is None:
                row.pop(field.text, None)
            elif isinstance(value, str | int | float):
                row[field.text] = value


def _check_names(argument: str, names: object) -> tuple[str, ...] | None:
    """Check what a table is asked for.

    Returns:
        The names without duplicates; None for all of them.

    Raises:
        InvalidArgumentError: Neither a bool nor a list or tuple of names.
    """
    if isinstance(names, bool):
        return None if names else ()
    if isinstance(names, str):
        raise InvalidArgumentError(f"{argument} is a list of names; write {argument}=[{names!r}]")
    if not isinstance(names, list | tuple):
        raise InvalidArgumentError(
            f"{argument} is True, False or a list of names; got {describe(names)}"
        )
    given = cast("Sequence[object]", names)
    return tuple(
        dict.fromkeys(_check_name(f"{argument}[{index}]", name) for index, name in enumerate(given))
    )


def _check_name(argument: str, name: object) -> str:
    if not isinstance(name, str) or not name:
        raise InvalidArgumentError(f"{argument} is a name, a str; got {describe(name)}")
    check_unicode(f"{argument} is a name;", name)
    return name
