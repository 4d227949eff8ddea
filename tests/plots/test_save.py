"""Files of charts are what their endings say, whole, and pages need no network."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, cast

import altair as alt
import pytest
from typing_extensions import override

from wandb_runs import InvalidArgumentError, plots

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

EVIL = "</script><script>document.title = 'taken'</script><!-- <script "


def chart() -> alt.Chart:
    rows = [{"_step": step, "loss": step / 2, "run_id": "r"} for step in range(3)]
    return plots.curves(rows, "loss")


class Page(HTMLParser):
    """The elements of a page, as browsers find them."""

    def __init__(self) -> None:
        super().__init__()
        self.scripts: list[str] = []
        self.loaded: list[str] = []
        self._is_in_script = False

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in {"src", "href"}]
        self._is_in_script = tag == "script"

    @override
    def handle_endtag(self, tag: str) -> None:
        self._is_in_script = False

    @override
    def handle_data(self, data: str) -> None:
        if self._is_in_script:
            self.scripts.append(data)


@pytest.mark.parametrize(
    ("name", "start"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n"),
        ("a.svg", b"<svg "),
        ("a.pdf", b"%PDF-"),
        ("a.html", b"<!DOCTYPE html>"),
        ("a.json", b"{"),
        ("A.PNG", b"\x89PNG\r\n\x1a\n"),
    ],
)
def test_the_ending_decides_what_is_written(name: str, start: bytes, tmp_path: Path) -> None:
    plots.save(chart(), tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    assert [each.name for each in tmp_path.iterdir()] == [name]


def test_a_picture_has_as_many_pixels_as_asked_for(tmp_path: Path) -> None:
    widths: list[int] = []
    for factor in (1, 3):
        plots.save(chart(), tmp_path / "a.png", scale_factor=factor)
        widths.append(int.from_bytes((tmp_path / "a.png").read_bytes()[16:20]))
    assert widths[1] == pytest.approx(3 * widths[0], abs=3)


def test_a_specification_reads_back(tmp_path: Path) -> None:
    plots.save(chart(), str(tmp_path / "a.json"))
    text = (tmp_path / "a.json").read_text(encoding="utf-8")
    assert json.loads(text) == chart().to_dict()
    assert alt.Chart.from_json(text).to_dict()["encoding"] == chart().to_dict()["encoding"]


def test_a_page_loads_nothing(tmp_path: Path) -> None:
    plots.save(chart() | chart(), tmp_path / "a.html")
    page = Page()
    page.feed((tmp_path / "a.html").read_text(encoding="utf-8"))
    assert page.loaded == []
    assert len(page.scripts) == 2
    assert "import(" not in page.scripts[1]
    bundle, drawing = page.scripts
    assert len(bundle) > 500_000
    assert "vegaEmbed(" in drawing


def test_no_text_ends_the_script_of_a_page(tmp_path: Path) -> None:
    theirs = alt.Chart(alt.InlineData(values=[{"a": EVIL}])).mark_point().encode(x="a:N")
    drawn: list[alt.Chart] = [plots.bars([{"name": EVIL, "b": 1}], "b"), theirs]
    text = ""
    for each in drawn:
        plots.save(each, tmp_path / "a.html")
        text = (tmp_path / "a.html").read_text(encoding="utf-8")
        assert len(re.findall(r"<script", text, re.IGNORECASE)) == 2
        assert len(re.findall(r"</script", text, re.IGNORECASE)) == 2
        assert "<!--" not in text
    spec = re.search(r'vegaEmbed\("#chart", (\{.*\}), \{mode', text)
    assert spec is not None
    assert json.loads(spec[1]) == theirs.to_dict()


def test_no_text_of_a_chart_ends_the_script_of_a_notebook() -> None:
    drawn: list[Any] = [
        plots.bars([{"name": EVIL, "b": 1}], "b"),
        plots.curves([{"_step": 1, EVIL: 1, "run_id": EVIL}], EVIL, color="run_id"),
        plots.scatter([{"a": 1, "b": 2, EVIL: EVIL}], "a", "b", color=EVIL),
        plots.parallel([{EVIL: EVIL, "b": 2, "id": EVIL}], [EVIL, "b"]),
    ]
    for each in drawn:
        assert not re.search(r"</|<!|<script", each.to_json(), re.IGNORECASE)


def test_a_file_is_replaced_in_one_step_and_keeps_its_mode(tmp_path: Path) -> None:
    target = tmp_path / "a.svg"
    target.write_text("before", encoding="utf-8")
    target.chmod(0o640)
    plots.save(chart(), target)
    assert target.stat().st_mode & 0o777 == 0o640
    assert target.read_bytes().startswith(b"<svg")


REFUSED: list[tuple[Callable[[Path], object], str]] = [
    (lambda folder: plots.save(chart(), folder / "a.bmp"), r"name a file in \.png, \.svg, \.pdf"),
    (lambda folder: plots.save(chart(), folder / "png"), r"unknown ending"),
    (lambda folder: plots.save(cast("Any", "chart"), folder / "a.png"), "must be a chart of alt"),
    (lambda folder: plots.save(chart(), folder / "a.png", scale_factor=0), "scale_factor must be"),
]


@pytest.mark.parametrize(("save", "told"), REFUSED)
def test_what_cannot_be_saved_is_refused(
    save: Callable[[Path], object], told: str, tmp_path: Path
) -> None:
    with pytest.raises(InvalidArgumentError, match=told):
        save(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_file_that_cannot_be_written_is_an_error_of_the_system(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        plots.save(chart(), tmp_path / "absent" / "a.json")
