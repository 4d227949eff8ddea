"""Files of charts: pictures, pages and specifications, written whole or not at all."""

from __future__ import annotations

import json
from os import PathLike, fspath
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Final, cast

import altair as alt
import vl_convert

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.suggest import describe
from wandb_runs.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["content_of", "save", "suffix_of"]

_MOST_SCALED: Final = 20
"""The largest factor: pictures take memory by its square."""


def save(chart: alt.TopLevelMixin, path: str | PathLike[str], *, scale_factor: float = 2) -> None:
    """Write a chart to a file: a picture, or a page that needs no network.

    No browser is started. The file is written whole or not at all; one that is there is replaced in
    one step and keeps its mode. What altair's own `chart.save("x.html")` writes loads its scripts
    from the network, unless it gets `inline=True`.

    Args:
        chart: A chart of this package, or any of altair's.
        path: The file: `.png`, `.svg`, `.pdf`, `.html`, or `.json` for the Vega-Lite
            specification.
        scale_factor: The pixels of a PNG for each pixel of the chart.

    Raises:
        InvalidArgumentError: The ending is none of these, or the chart none of altair's.
        OSError: The file cannot be written.

    >>> from wandb_runs import plots
    >>> chart = plots.curves([{"_step": 0, "loss": 1.0}, {"_step": 1, "loss": 0.5}], "loss")
    >>> plots.save(chart, "curves.bmp")
    Traceback (most recent call last):
    wandb_runs.errors.InvalidArgumentError: curves.bmp: unknown ending; name a file in .png, .svg, \
.pdf, .html, .json
    """
    target = Path(fspath(path))
    suffix = suffix_of(target)
    if not isinstance(cast("object", chart), alt.TopLevelMixin):
        raise InvalidArgumentError(f"chart must be a chart of altair; got {describe(chart)}")
    if isinstance(scale_factor, bool) or not 0 < scale_factor <= _MOST_SCALED:
        raise InvalidArgumentError(
            f"scale_factor must be a number over 0, up to {_MOST_SCALED}; got "
            f"{describe(scale_factor)}"
        )
    content = content_of(chart, suffix, scale_factor)
    replace_file(target, lambda file: file.write(content))


def content_of(chart: alt.TopLevelMixin, suffix: str, scale_factor: float = 2) -> bytes:
    """What a file of a chart holds.

    Args:
        chart: The chart.
        suffix: The ending of the file, as `suffix_of` returns it.
        scale_factor: The pixels of a PNG for each pixel of the chart.
    """
    return _WRITERS[suffix](chart.to_dict(), scale_factor)


def suffix_of(path: Path) -> str:
    """The ending of a file that a chart can be written to.

    Raises:
        InvalidArgumentError: It has another one.
    """
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise InvalidArgumentError(f"{path}: unknown ending; name a file in {', '.join(_WRITERS)}")
    return suffix


def _version() -> str:
    """The version of Vega-Lite in which the installed altair writes."""
    return "_".join(alt.SCHEMA_VERSION.split(".")[:2])


def _html(spec: dict[str, Any], _scale: float) -> bytes:
    """A page with all scripts in it.

    Texts of the chart may hold what ends the element of a script; as JSON has escapes, none does.
    """
    text = json.dumps(spec, allow_nan=False)
    for character, escape in (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026")):
        text = text.replace(character, escape)
    bundle = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", _version())
    return _PAGE.substitute(bundle=bundle, spec=text).encode()


_PAGE: Final = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Chart</title>
<script>
$bundle
</script>
</head>
<body>
<div id="chart"></div>
<script>
vegaEmbed("#chart", $spec, {mode: "vega-lite", renderer: "svg", actions: {editor: false}});
</script>
</body>
</html>
"""
)

_WRITERS: Final[dict[str, Callable[[dict[str, Any], float], bytes]]] = {
    ".png": lambda spec, scale: vl_convert.vegalite_to_png(spec, _version(), scale=scale),
    ".svg": lambda spec, _: vl_convert.vegalite_to_svg(spec, _version()).encode(),
    ".pdf": lambda spec, _: vl_convert.vegalite_to_pdf(spec, _version()),
    ".html": _html,
    ".json": lambda spec, _: json.dumps(spec, indent=1, allow_nan=False).encode(),
}
