"""What charts have in common: sizes, texts, captions, and encodings of color."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

import altair as alt

from wandb_runs.errors import InvalidArgumentError, UndrawnWarning
from wandb_runs.errors.suggest import describe, did_you_mean
from wandb_runs.errors.text import printable
from wandb_runs.errors.warnings import warn
from wandb_runs.plots.tables import is_nan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wandb_runs.plots.tables import Cell

__all__ = [
    "HEIGHT",
    "WIDTH",
    "Caption",
    "Colors",
    "Datum",
    "LogAxes",
    "as_text",
    "as_title",
    "data_of",
    "log_axes",
    "opacity",
    "scale",
    "sizes",
    "undrawable",
]

WIDTH: Final = 600
HEIGHT: Final = 300
"""Pixels of a chart without its axes and its legend, by default."""

_SIZES: Final = range(20, 10_001)
"""The sizes in pixels that can be asked for."""

ChartT = TypeVar("ChartT", alt.Chart, alt.LayerChart)

LogAxes: TypeAlias = Literal["x", "y", "xy"]

Datum: TypeAlias = "dict[str, str | float | bool | None]"
"""A row of the data of a chart, by fields."""

_MOST_SWATCHES: Final = 20
"""The most entries of a legend: schemes have no more colors, and pictures no more room."""

_MOST_ORDERED: Final = 10
"""The most numbers that are a legend's entries; more are a gradient."""

_DECADES: Final = 2.5
"""From how many decades on a gradient of positive numbers is logarithmic."""

# What would end the element of a page in which the data of a chart stands, as notebooks show it.
_TAG: Final = re.compile(r"<(?=/|!--|script)", re.IGNORECASE)

# Properties that each object of JavaScript has: as a title, Vega takes them for operators.
_INHERITED: Final = frozenset(
    {"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString"}
    | {"toString", "valueOf", "__proto__"}
    | {f"__{verb}{what}__" for verb in ("define", "lookup") for what in ("Getter", "Setter")}
)

_LABEL: Final = 200
"""Characters of a text of data; no picture has room for more."""


def as_text(text: str) -> str:
    r"""A text of servers as charts show it: on one line, bounded, and no end of a script.

    >>> "</script>" in as_text("a</script>\n")
    False
    """
    shown = printable(text[: _LABEL + 1])
    shown = f"{shown[:_LABEL]}…" if len(text) > _LABEL else shown
    return f"{shown} " if shown in _INHERITED else _TAG.sub("\u2039", shown)


def as_title(text: str) -> str:
    r"""A text of servers as the title of an axis, a legend or an entry of a tooltip.

    Vega-Lite writes titles into expressions, and puts a backslash before their quotes alone. Those
    of the text itself are doubled, so that no text ends there, or is read as an escape.

    >>> as_title("loss\\")
    'loss\\\\'
    """
    return as_text(text).replace("\\", "\\\\")


def data_of(rows: Sequence[Datum]) -> alt.InlineData:
    """Rows as data that stands in the chart, which no setting of altair transforms or refuses."""
    return alt.InlineData(values=[*rows])


def log_axes(log: object, *, valid: Sequence[str] = ("x", "y", "xy")) -> str:
    """The axes of `log=`; empty for None.

    Raises:
        InvalidArgumentError: It is none of the valid words.
    """
    if log is None:
        return ""
    if not isinstance(log, str):
        raise InvalidArgumentError(
            f"log must be None or one of {', '.join(map(repr, valid))}; got {describe(log)}"
        )
    if log not in valid:
        raise InvalidArgumentError(f"log={log!r}{did_you_mean(log, valid)}")
    return log


def sizes(**pixels: object) -> None:
    """Check the width and the height of a chart.

    Raises:
        InvalidArgumentError: One is no number of pixels.
    """
    for name, value in pixels.items():
        if isinstance(value, bool) or not isinstance(value, int) or value not in _SIZES:
            raise InvalidArgumentError(
                f"{name} must be an int of {_SIZES[0]} to {_SIZES[-1]} pixels; got "
                f"{describe(value)}"
            )


def scale(*, is_log: bool, is_padded: bool = False) -> alt.Scale:
    """The scale of an axis of numbers, which shows the range of the data.

    Args:
        is_log: Whether it is logarithmic.
        is_padded: Whether marks at its ends need room.
    """
    padding = 8 if is_padded else alt.Undefined
    if is_log:
        return alt.Scale(type="log", nice=False, padding=padding)
    return alt.Scale(zero=False, nice=not is_padded, padding=padding)


def undrawable(value: float, *, is_log: bool) -> Literal["infinite", "nonpositive", ""]:
    """Why an axis cannot show a number that is not NaN; empty where it can."""
    if math.isinf(value):
        return "infinite"
    return "nonpositive" if is_log and value <= 0 else ""


def opacity(count: int) -> float:
    """How opaque each of some lines is, so that those below many others are seen.

    >>> opacity(1), opacity(100)
    (0.9, 0.4)
    """
    return round(max(0.15, min(0.9, 4 / math.sqrt(max(count, 1)))), 2)


@dataclass(slots=True)
class Caption:
    """The lines above a picture that say what the picture does not show.

    Attributes:
        lines: The lines.
    """

    lines: list[str] = field(default_factory=list[str])

    def say(self, text: str) -> None:
        """Add a line."""
        self.lines.append(as_text(text))

    def drawable(
        self, values: Sequence[float | None], column: str, *, is_log: bool
    ) -> list[float | None]:
        """Values of an axis, with None for those that it cannot show, and lines that tell which.

        Args:
            values: The values; None and NaN have no place, and are not told.
            column: What they are.
            is_log: Whether the axis is logarithmic.
        """
        infinite = nonpositive = 0
        found: list[float | None] = []
        for value in values:
            reason = "" if value is None else undrawable(value, is_log=is_log)
            infinite += reason == "infinite"
            nonpositive += reason == "nonpositive"
            found.append(None if reason or is_nan(value) else value)
        self.undrawn(infinite, column, "infinite")
        self.undrawn(nonpositive, column, "nonpositive")
        return found

    def undrawn(self, rows: int, column: str, reason: Literal["infinite", "nonpositive"]) -> None:
        """Add a line, and warn, of rows that cannot be drawn; nothing where there are none."""
        if rows:
            warning = UndrawnWarning(rows, column, reason)
            self.say(str(warning))
            warn(warning)

    def on(self, chart: ChartT) -> ChartT:
        """A chart with the lines for a title, in small print."""
        if self.lines:
            chart.title = alt.TitleParams(
                text=self.lines, anchor="start", color="#555", fontSize=11, fontWeight="normal"
            )
        return chart


class Colors:
    """How the values of a column become colors, and whether a legend has room for them.

    A few numbers, and texts, are entries of a legend; many numbers are a gradient, in decades
    where they span some.

    Args:
        cells: The values.
        title: What they are.
        is_gradient: Whether many numbers are a gradient.

    Attributes:
        title: What they are, as charts show it.
        values: The entries of the legend, in order; empty for a gradient.
        is_gradient: Whether they are a gradient.
    """

    def __init__(self, cells: Iterable[Cell], title: str, *, is_gradient: bool = True) -> None:
        distinct = {*cells}
        numbers = sorted({each for each in map(_finite, distinct) if each is not None})
        present = distinct - {None}
        self._is_numeric = bool(numbers) and all(
            isinstance(each, int | float) and not isinstance(each, bool) for each in present
        )
        self.is_gradient: bool = is_gradient and self._is_numeric and len(numbers) > _MOST_ORDERED
        self.title: str = as_text(title)
        self._numbers = numbers
        if self.is_gradient:
            self.values: list[str] = []
        else:
            first = numbers if self._is_numeric else ()
            labels = (*map(_as_label, first), *sorted(map(_as_label, present)))
            self.values = [*dict.fromkeys(labels)]
        self._is_repeating = len(self.values) > _MOST_SWATCHES
        self._has_gray = self.is_gradient and any(_finite(each) is None for each in distinct)
        if None in distinct and not self.is_gradient:
            self.values.append(_NOTHING)

    @property
    def _has_legend(self) -> bool:
        """Whether there are several values, and each has an entry or a place in a gradient."""
        return self.is_gradient or 1 < len(self.values) <= _MOST_SWATCHES

    def fields(self, cell: Cell) -> Datum:
        """What the data of a chart has for a value: the field `color`.

        Vega leaves out marks without a number for a gradient. They have one, and `uncolored`.
        """
        if not self.is_gradient:
            return {"color": _NOTHING if cell is None else _as_label(cell)}
        number = _finite(cell)
        if number is None:
            return {"color": self._numbers[0], "uncolored": True}
        return {"color": number}

    def tell(self, caption: Caption) -> None:
        """Add lines of what colors do not show."""
        if self._is_repeating:
            caption.say(f"{len(self.values):,} values of {self.title}, whose colors repeat")
        if self._has_gray:
            caption.say(f"gray: without {self.title}")

    def encoding(
        self, name: str = "color", *, symbol: Literal["stroke", "circle", "square"] = "stroke"
    ) -> alt.Color:
        """The encoding of a field that holds them.

        Args:
            name: The field.
            symbol: What stands in the legend beside each value.
        """
        if self.is_gradient:
            low, high = self._numbers[0], self._numbers[-1]
            is_log = low > 0 and math.log10(high) - math.log10(low) >= _DECADES
            return alt.Color(
                field=name,
                type="quantitative",
                title=as_title(self.title),
                scale=alt.Scale(scheme=_VIRIDIS, type="log" if is_log else "linear"),
                legend=alt.Legend(gradientOpacity=1),
                condition={"test": "datum.uncolored", "value": _GRAY},
            )
        legend = alt.Legend(symbolType=symbol, symbolOpacity=1, symbolStrokeWidth=2.5)
        return alt.Color(
            field=name,
            type="ordinal" if self._is_numeric else "nominal",
            title=as_title(self.title),
            sort=self.values,
            scale=_scale_of_entries(len(self.values), is_numeric=self._is_numeric),
            legend=legend if self._has_legend else None,
        )


def _scale_of_entries(count: int, *, is_numeric: bool) -> alt.Scale:
    if is_numeric:
        return alt.Scale(scheme=_VIRIDIS)
    return alt.Scale(scheme="tableau10" if count <= _FEW_SWATCHES else "tableau20")


_FEW_SWATCHES: Final = 10
"""As many colors as the first scheme of texts has."""

_VIRIDIS: Final = alt.SchemeParams(name="viridis", extent=[0, 0.92])
"""Without its yellow end, which is not seen on white."""

_GRAY: Final = "#aaa"

_NOTHING: Final = "none"
"""The entry of runs without a value."""


def _finite(cell: Cell) -> float | None:
    if not isinstance(cell, int | float):
        return None
    try:
        number = float(cell)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def _as_label(cell: Cell) -> str:
    text = str(cell)
    is_whole = isinstance(cell, float) and text.endswith(".0")
    return as_text(text.removesuffix(".0") if is_whole else text)
