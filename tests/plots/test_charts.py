"""Charts draw what frames hold, in each form of a frame, and tell what they leave out."""

from __future__ import annotations

import math
import re
import warnings
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Literal, cast

import altair as alt
import pandas as pd
import polars as pl
import pytest
import vl_convert
from hypothesis import HealthCheck, Phase, assume, example, given, settings
from hypothesis import strategies as st

from wandb_runs import InvalidArgumentError, UndrawnWarning, plots

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wandb_runs import Api
    from wandb_runs.testing import LocalServer

Rows = list[dict[str, Any]]
Chart = alt.Chart | alt.LayerChart


def svg_of(chart: Chart) -> str:
    return vl_convert.vegalite_to_svg(chart.to_dict())


def lines_in(svg: str) -> list[str]:
    """The paths of lines that have a point."""
    found = re.findall(r'aria-roledescription="line mark"[^>]* d="(M[^"]*)"', svg)
    return [str(each) for each in found]


def marks_in(svg: str, kind: str) -> int:
    return len(re.findall(rf'aria-roledescription="{kind}"', svg))


def texts_in(svg: str) -> list[str]:
    found = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    return [re.sub("&quot;", '"', str(each)).replace("&amp;", "&") for each in found]


def caption_of(chart: Chart) -> list[str]:
    title: Any = chart.to_dict().get("title", {"text": []})
    return [str(line) for line in title["text"]]


def data_of(chart: Chart) -> Rows:
    spec = chart.to_dict()
    (values,) = spec["datasets"].values()
    return cast("Rows", values)


def history(runs: int = 3, steps: int = 5) -> Rows:
    return [
        {"_step": step, "loss": 1 / (step + run + 1), "run_id": f"r{run}"}
        for run in range(runs)
        for step in range(steps)
    ]


def table(runs: int = 3) -> Rows:
    return [
        {
            "id": f"r{run}",
            "name": f"fox-{run}",
            "config.optimizer": ("adam", "sgd")[run % 2],
            "config.lr": 10.0 ** -(run + 1),
            "summary.loss": 1.0 / (run + 1),
        }
        for run in range(runs)
    ]


CHARTS: dict[str, Callable[[Any, Any], Chart]] = {
    "curves": lambda rows, _: plots.curves(rows, "loss"),
    "colored": lambda rows, about: plots.curves(
        rows, "loss", color="config.optimizer", table=about, smooth=0.5, log="y"
    ),
    "minmax": lambda rows, about: plots.curves(
        rows, "loss", color="config.optimizer", table=about, band="minmax"
    ),
    "std": lambda rows, _: plots.curves(rows, "loss", band="std"),
    "scatter": lambda _, about: plots.scatter(
        about, "config.lr", "summary.loss", color="config.optimizer", log="x"
    ),
    "bars": lambda _, about: plots.bars(about, "summary.loss", color="config.lr"),
    "groups": lambda _, about: plots.bars(about, "summary.loss", by="config.optimizer"),
    "parallel": lambda _, about: plots.parallel(
        about, ["config.optimizer", "config.lr", "summary.loss"], log=["config.lr"]
    ),
}


@pytest.mark.parametrize("name", CHARTS)
def test_each_form_of_a_frame_gives_the_same_chart(name: str) -> None:
    draw = CHARTS[name]
    charts = [
        draw(make(history()), make(table())).to_dict()
        for make in (list[dict[str, Any]], pl.DataFrame, pd.DataFrame)
    ]
    assert charts[0] == charts[1] == charts[2]
    assert charts[0]["$schema"] == alt.SCHEMA_URL


@pytest.mark.parametrize("name", CHARTS)
def test_no_chart_reads_or_changes_a_setting_of_altair(name: str) -> None:
    draw = CHARTS[name]
    with alt.data_transformers.enable("default", max_rows=1):
        before = alt.data_transformers.options
        assert draw(history(), table()).to_html()
        assert alt.data_transformers.options == before


def test_a_line_is_drawn_for_each_run_and_broken_at_nan() -> None:
    rows = history(runs=3, steps=9)
    rows[4]["loss"] = math.nan
    svg = svg_of(plots.curves(rows, "loss"))
    lines = lines_in(svg)
    assert [line.count("M") for line in lines] == [2, 1, 1]
    assert {"loss", "_step", "r0", "r1", "r2"} <= {*texts_in(svg)}


@pytest.mark.parametrize("make", [list[dict[str, Any]], pl.DataFrame, pd.DataFrame])
def test_a_missing_value_of_an_outer_join_breaks_no_line(
    make: Callable[[Rows], Any],
) -> None:
    rows = [
        {"_step": step, "loss": 1.0, "val": step / 10 if step % 5 == 0 else None, "run_id": "r"}
        for step in range(50)
    ]
    (line,) = lines_in(svg_of(plots.curves(make(rows), "val")))
    assert line.count("M") == 1
    assert line.count("L") == 9


def test_pandas_breaks_a_line_at_nan_where_most_values_are_joined() -> None:
    rows = history(runs=1, steps=9)
    rows[4]["loss"] = math.nan
    (line,) = lines_in(svg_of(plots.curves(pd.DataFrame(rows), "loss")))
    assert line.count("M") == 2


def test_values_that_no_line_joins_are_dots() -> None:
    rows = [{"_step": step, "loss": (1.0, math.nan)[step % 2]} for step in range(9)]
    svg = svg_of(plots.curves(rows, "loss"))
    assert re.search(r'stroke-width="6"', svg)
    single = svg_of(plots.curves([{"_step": 3, "loss": 1.0, "run_id": "r"}], "loss"))
    assert lines_in(single)
    assert re.search(r'stroke-width="6"', single)


def test_the_runs_of_one_run_need_no_run_id(sample_api: Api) -> None:
    run = sample_api.runs("sample/digits")[0]
    frame = run.history(keys=["loss"], format="polars")
    assert "run_id" not in frame.columns
    assert len(lines_in(svg_of(plots.curves(frame, "loss")))) == 1


def test_a_long_history_is_thinned_and_the_caption_tells_it() -> None:
    frame = pl.DataFrame({"_step": range(200_000)}).with_columns(
        loss=(pl.col("_step") / 9000).sin(), run_id=pl.lit("r")
    )
    frame[123_456, "loss"] = 30.0
    chart = plots.curves(frame, "loss")
    drawn = data_of(chart)
    assert len(drawn) <= 1200
    assert {"x": 123_456, "y": 30.0, "run_id": "r", "run": "r"} in drawn
    assert caption_of(chart) == [
        f"200,000 rows, {len(drawn):,} drawn: the extremes of each part of a line"
    ]
    assert any("200,000 rows" in text for text in texts_in(svg_of(chart)))
    assert "123456" in chart.to_html()
    assert len(data_of(plots.curves(frame, "loss", width=100))) <= 200


def test_a_hundred_runs_are_readable() -> None:
    chart = plots.curves(history(runs=100, steps=300), "loss")
    assert len(data_of(chart)) <= 20_000
    svg = svg_of(chart)
    assert len(lines_in(svg)) == 100
    assert 'stroke-opacity="0.4"' in svg
    assert "r7" not in texts_in(svg), "no legend of a hundred entries"
    assert any("repeat" in line for line in caption_of(chart))


def test_runs_are_called_by_their_names_and_ids_tell_equal_ones_apart() -> None:
    about = table()
    about[1]["name"] = about[0]["name"]
    chart = plots.curves(history(), "loss", table=about)
    assert {row["run"] for row in data_of(chart)} == {"fox-0 (r0)", "fox-0 (r1)", "fox-2"}


def test_a_color_comes_from_the_histories_or_from_the_table() -> None:
    joined = pl.DataFrame(history()).join(pl.DataFrame(table()), left_on="run_id", right_on="id")
    for chart in (
        plots.curves(joined, "loss", color="config.optimizer"),
        plots.curves(history(), "loss", color="config.optimizer", table=table()),
    ):
        assert {(row["run_id"], row["color"]) for row in data_of(chart)} == {
            ("r0", "adam"),
            ("r1", "sgd"),
            ("r2", "adam"),
        }
        assert {"config.optimizer", "adam", "sgd"} <= {*texts_in(svg_of(chart))}


def test_runs_without_the_color_are_drawn_too() -> None:
    few = table()
    del few[1]["config.optimizer"]
    chart = plots.curves(history(), "loss", color="config.optimizer", table=few)
    assert {"adam", "none"} <= {*texts_in(svg_of(chart))}
    many = [{"id": f"r{run}", "lr": run / 7 if run else None} for run in range(30)]
    gradient = plots.curves(history(runs=30), "loss", color="lr", table=many)
    assert len(lines_in(svg_of(gradient))) == 30
    assert "gray: without lr" in caption_of(gradient)
    points = [{"id": run, "x": run, "y": run, "lr": run if run % 2 else None} for run in range(40)]
    assert marks_in(svg_of(plots.scatter(points, "x", "y", color="lr")), "circle") == 40


def test_a_band_is_the_range_of_each_group() -> None:
    rows = [
        {"_step": step, "loss": float(step + 10 * run), "run_id": f"r{run}"}
        for run in range(4)
        for step in range(3)
    ]
    chart = plots.curves(rows, "loss", color="config.optimizer", table=table(4), band="minmax")
    found = {(row["color"], row["x"]): row for row in data_of(chart)}
    assert found["adam", 1]["low"] == 1
    assert found["adam", 1]["high"] == 21
    assert found["adam", 1]["y"] == 11
    assert found["sgd", 2]["low"] == 12
    assert found["sgd", 2]["runs"] == 2
    svg = svg_of(chart)
    assert marks_in(svg, "area mark") == marks_in(svg, "line mark") == 2
    assert caption_of(chart) == ["mean and range of 4 runs by config.optimizer"]


def test_what_an_axis_cannot_show_is_told() -> None:
    rows = history(runs=2, steps=6)
    rows[3]["loss"], rows[4]["loss"], rows[8]["loss"] = math.inf, 0.0, -1.0
    with pytest.warns(UndrawnWarning) as caught:
        chart = plots.curves(rows, "loss", log="xy")
    told = [cast("UndrawnWarning", each.message) for each in caught]
    assert [(each.rows, each.column, each.reason) for each in told] == [
        (2, "_step", "nonpositive"),
        (1, "loss", "infinite"),
        (2, "loss", "nonpositive"),
    ]
    assert caption_of(chart) == [*map(str, told)]
    assert all(each.filename == __file__ for each in caught)
    assert all(row["x"] > 0 and (row["y"] is None or row["y"] > 0) for row in data_of(chart))


def test_a_scatter_has_a_point_for_each_run_and_tells_of_those_without() -> None:
    about = table(5)
    del about[2]["summary.loss"]
    chart = plots.scatter(about, "config.lr", "summary.loss", log="x")
    svg = svg_of(chart)
    assert marks_in(svg, "circle") == 4
    assert {"config.lr", "summary.loss"} <= {*texts_in(svg)}
    assert caption_of(chart) == ["1 of 5 runs has no config.lr or no summary.loss"]


def test_a_scatter_of_many_runs_keeps_the_ends() -> None:
    points = [
        {"x": math.sin(number * 1.7), "y": math.cos(number * 2.3) * number, "id": number}
        for number in range(30_000)
    ]
    chart = plots.scatter(points, "x", "y")
    drawn = data_of(chart)
    assert len(drawn) < 20_500
    for field in ("x", "y"):
        values = [row[field] for row in points]
        shown = [row[field] for row in drawn]
        assert (min(shown), max(shown)) == (min(values), max(values))
    assert caption_of(chart)[0].startswith("30,000 runs, ")


def test_bars_are_in_order_and_limited() -> None:
    chart = plots.bars(table(150), "summary.loss")
    assert [row["label"] for row in data_of(chart)][:3] == ["fox-0", "fox-1", "fox-2"]
    assert len(data_of(chart)) == 100
    assert caption_of(chart) == ["the 100 highest of 150 runs"]
    rising = plots.bars(table(5), "summary.loss", descending=False, limit=2)
    assert [row["label"] for row in data_of(rising)] == ["fox-4", "fox-3"]
    assert marks_in(svg_of(rising), "bar") == 2


def test_a_bar_of_a_group_has_its_mean_and_range() -> None:
    chart = plots.bars(table(4), "summary.loss", by="config.optimizer")
    assert data_of(chart) == [
        {"label": "adam", "value": 2 / 3, "low": 1 / 3, "high": 1.0, "runs": 2},
        {"label": "sgd", "value": 0.375, "low": 0.25, "high": 0.5, "runs": 2},
    ]
    svg = svg_of(chart)
    assert (marks_in(svg, "bar"), marks_in(svg, "rule mark")) == (2, 2)


def test_the_title_of_labels_is_above_them_however_few_bars_there_are() -> None:
    svg = svg_of(plots.bars(table(1), "summary.loss", by="config.optimizer"))
    (place,) = re.findall(r'<text[^>]*transform="([^"]*)"[^>]*>config.optimizer<', svg)
    assert "rotate" not in place


def test_captions_count_one_run_and_several() -> None:
    about = table(5)
    for row in about[:2]:
        del row["summary.loss"]
    assert caption_of(plots.bars(about, "summary.loss")) == ["2 of 5 runs have no summary.loss"]
    told = ["1 of 4 runs has no summary.loss"]
    assert caption_of(plots.bars(about[1:], "summary.loss")) == told


def test_parallel_axes_reach_from_the_lowest_to_the_highest() -> None:
    about = table(4)
    about[3]["config.lr"] = None
    chart = plots.parallel(about, ["config.optimizer", "config.lr", "summary.loss"])
    rows = next(each for each in chart.to_dict()["datasets"].values() if "color" in each[0])
    at = {(row["id"], row["column"]): row["at"] for row in rows}
    assert [at[f"r{run}", "config.optimizer"] for run in range(4)] == [0, 1, 0, 1]
    assert [at[f"r{run}", "config.lr"] for run in (0, 2, 3)] == [1, 0, None]
    assert [at[f"r{run}", "summary.loss"] for run in (0, 3)] == [1, 0]
    svg = svg_of(chart)
    assert len(lines_in(svg)) == 4
    assert {"config.optimizer", "config.lr", "adam", "sgd", "0.1", "0.001"} <= {*texts_in(svg)}
    assert caption_of(chart) == ["1 of 4 runs lacks a value, and its line is broken"]


def test_many_parallel_lines_are_thinned() -> None:
    about = [{"id": run, "a": (run * 37) % 5003, "b": run % 7} for run in range(5003)]
    chart = plots.parallel(about, ["a", "b"])
    rows = next(each for each in chart.to_dict()["datasets"].values() if "color" in each[0])
    assert len({row["id"] for row in rows}) <= 2000
    assert {row["at"] for row in rows if row["column"] == "a"} >= {0, 1}


DRAWN = (Phase.explicit, Phase.reuse, Phase.generate)
"""Shrinking draws thousands of pictures."""

NAMES = st.text(min_size=1, max_size=8) | st.sampled_from(
    [
        *(
            "val/acc",
            "a.b.c",
            "a[0]",
            "a:b",
            "a'b",
            'a"b',
            "a\\b",
            "a\\.b",
            "a\nb",
            "${x}",
            "datum",
        ),
        *(
            "constructor",
            "__proto__",
            "a\u2028b",
            "</script>",
            "{{x}}",
            " ",
            "x:Q",
            "a|b",
            "x",
            "y",
        ),
    ]
)


@settings(suppress_health_check=[HealthCheck.too_slow], phases=DRAWN, max_examples=15)
@given(NAMES, NAMES, NAMES, NAMES)
@example("a\\.b", 'a"b', "constructor", "a\nb")
@example("a\\", 'b\\"', "c\\u", "d\\")  # which Vega would read as escapes
@example("constructor", "toString", "valueOf", "toString")
@example("__proto__", "__defineGetter__", "hasOwnProperty", "\ud83d")
def test_any_name_and_any_text_is_drawn(x: str, y: str, color: str, text: str) -> None:
    assume(len({x, y, color, "run_id", "id", "name"}) == 6)
    rows: Rows = [
        {x: step, y: step + run, color: f"{text}{run}", "run_id": f"{text}{run}"}
        for run in range(2)
        for step in range(3)
    ]
    assert len(lines_in(svg_of(plots.curves(rows, y, x=x, color=color)))) == 2
    band = svg_of(plots.curves(rows, y, x=x, color=color, band="minmax"))
    assert (marks_in(band, "area mark"), len(lines_in(band))) == (2, 2)
    assert marks_in(svg_of(plots.scatter(rows, x, y, color=color)), "circle") == 6
    assert marks_in(svg_of(plots.bars(rows, y, by=color)), "bar") == 2
    assert len(lines_in(svg_of(plots.parallel(rows, [x, y, color])))) == 2


CELLS = st.none() | st.floats() | st.integers(-5, 5) | st.integers()


@settings(suppress_health_check=[HealthCheck.too_slow], phases=DRAWN, max_examples=15)
@given(
    st.lists(
        st.fixed_dictionaries(
            {"_step": CELLS, "loss": CELLS, "run_id": st.sampled_from(["a", "b", "c"])}
        ),
        min_size=1,
        max_size=20,
    ),
    st.sampled_from(["x", "y", "xy", None]),
    st.sampled_from(["minmax", "std", None]),
    st.sampled_from([None, 0.6]),
)
def test_any_numbers_are_drawn_or_refused(
    rows: Rows,
    log: Literal["x", "y", "xy"] | None,
    band: plots.Band | None,
    smooth: float | None,
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UndrawnWarning)
        draws: tuple[Callable[[], Chart], ...] = (
            lambda: plots.curves(rows, "loss", log=log, band=band, smooth=smooth),
            lambda: plots.scatter(rows, "_step", "loss", log=log, color="loss"),
            lambda: plots.bars(rows, "loss"),
            lambda: plots.parallel(rows, ["_step", "loss"]),
        )
        for draw in draws:
            with suppress(InvalidArgumentError):
                assert "<svg" in svg_of(draw())


MISSPELT, NUMBER = cast("plots.Band", "minmx"), cast("plots.Band", 3)


def bars_anyhow(**options: object) -> object:
    return cast("Callable[..., object]", cast("object", plots.bars))(
        table(), "summary.loss", **options
    )


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: plots.curves(history(), "los"), "histories has no column 'los'; did you mean 'loss'?"),
    (lambda: plots.curves(history(), "loss", x="step"), "did you mean '_step'?"),
    (lambda: plots.curves(history(), "loss", color="config.optimiser", table=table()),
     "table has no column 'config.optimiser'; did you mean 'config.optimizer'?"),
    (lambda: plots.curves(history(), "loss", color="config.lr"), "histories has no column"),
    (lambda: plots.curves([], "loss"), "is empty"),
    (lambda: plots.curves(pl.DataFrame({"_step": [], "loss": []}), "loss"), "has no rows"),
    (lambda: plots.curves([{"_step": 1, "loss": math.nan}], "loss"), "no row has numbers for both"),
    (lambda: plots.curves(history(), "run_id"), "holds str 'r0', and only numbers"),
    (lambda: plots.curves(history(), cast("str", 3)), "must be the name of a column"),
    (lambda: plots.curves(cast("Any", "frame"), "loss"), "must be a frame of pandas or polars"),
    (lambda: plots.curves(cast("Any", [1]), "loss"), "list of dicts"),
    (lambda: plots.curves(history(), "loss", smooth=1), "smooth must be None or a number from 0"),
    (lambda: plots.curves(history(), "loss", band=MISSPELT), "did you mean 'minmax'?"),
    (lambda: plots.curves(history(), "loss", band=NUMBER), "None, 'minmax' or 'std'"),
    (lambda: plots.curves(history(), "loss", log=cast("Any", "z")), "expected one of 'x', 'y'"),
    (lambda: plots.curves(history(), "loss", log=cast("Any", 1)), "log must be None or one of"),
    (lambda: plots.curves(history(), "loss", width=0), "width must be an int of 20 to 10000"),
    (lambda: plots.curves(history(), "loss", color="_step"), "has several values of '_step'"),
    (lambda: plots.curves(history(), "loss", color="a", table=[{"a": 1}]), "'id' or 'run_id'"),
    (lambda: plots.scatter(table(), "config.lr", "summary.los"), "did you mean 'summary.loss'?"),
    (lambda: plots.scatter([{"a": 1, "b": None}], "a", "b"), "no row has numbers for both"),
    (lambda: plots.bars(table(), "summary.loss", limit=0), "limit must be an int of 1 or more"),
    (lambda: plots.bars([{"a": None}], "a"), "no row has a number for 'a'"),
    (lambda: bars_anyhow(band="std"), "by= names none"),
    (lambda: bars_anyhow(by="id", color="id"), "groups them"),
    (lambda: plots.parallel(table(), ["config.lr"]), "two or more"),
    (lambda: plots.parallel(table(), "config.lr"), "must be a list of names"),
    (lambda: plots.parallel(table(), ["config.lr", "config.lr"]), "names a column twice"),
    (lambda: plots.parallel(table(), ["id", "config.lr"], log=["config.l"]), "did you mean"),
    (lambda: plots.parallel(table(), ["id", "config.lr"], log=["id"]), "only numbers"),
    (lambda: plots.parallel([{"a": 1, "b": None}], ["a", "b"]), "no row has a value for 'b'"),
]  # fmt: skip


@pytest.mark.parametrize(("draw", "told"), REFUSED)
def test_what_cannot_be_drawn_is_refused(draw: Callable[[], object], told: str) -> None:
    with pytest.raises(InvalidArgumentError, match=re.escape(told)):
        draw()


def test_frames_of_a_project_are_drawn_and_nothing_is_sent(
    sample_api: Api, sample_server: LocalServer
) -> None:
    runs = sample_api.runs("sample/digits", {"state": "finished"})
    for format in ("pandas", "polars", "default"):  # noqa: A001 - W&B's name
        histories: Any = runs.histories(keys=["loss"], format=format)
        configs: Any = runs.configs(["optimizer", "learning_rate"], format=format)
        sample_server.clear_operations()
        svgs: Sequence[str] = [
            svg_of(plots.curves(histories, "loss", color="optimizer", table=configs)),
            svg_of(plots.curves(histories, "loss", color="optimizer", table=configs, band="std")),
        ]
        assert [len(lines_in(svg)) for svg in svgs] == [27, 2]
        assert marks_in(svg_of(plots.bars(configs, "learning_rate")), "bar") == 28
        assert sample_server.operations == ()
