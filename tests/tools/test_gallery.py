"""Each picture of the gallery is that of the code that stands below it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

import gallery
from wandb_runs import plots

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Literal

    import altair as alt

    from wandb_runs.testing import LocalServer

DOCUMENT = (gallery.DOCUMENT).read_text(encoding="utf-8")
_, PICTURES = gallery.read_gallery(DOCUMENT)
MOST_BYTES = 60_000

MARKS: dict[str, dict[str, int]] = {
    "best.svg": {"line mark": 5},
    "groups.svg": {"line mark": 2, "area mark": 2},
    "seeds.svg": {"line mark": 1, "area mark": 1},
    "smoothed.svg": {"line mark": 2},
    "points.svg": {"circle": 26},
    "gradient.svg": {"circle": 26},
    "leaderboard.svg": {"bar": 10},
    "group-bars.svg": {"bar": 5, "rule mark": 5},
    "parallel.svg": {"line mark": 26, "rule mark": 5},
    "facets.svg": {"line mark": 8},
    "below.svg": {"line mark": 2},
    "titled.svg": {"line mark": 3, "area mark": 3},
}
"""How many marks of each kind a picture has."""

SMALL = """# A gallery

```python
>>> import altair as alt
>>> values = [{"x": 1}]

```

## One

![A point.](gallery/one.svg)

```python
>>> chart = alt.Chart(alt.InlineData(values=values)).mark_point().encode(x="x:Q")

```
"""


def set_server(monkeypatch: pytest.MonkeyPatch, server: LocalServer) -> None:
    monkeypatch.setenv("WANDB_BASE_URL", server.url)
    monkeypatch.setenv("WANDB_API_KEY", "any-key")


def marks_in(svg: str) -> dict[str, int]:
    kinds: Sequence[str] = re.findall(
        r'aria-roledescription="(line mark|area mark|rule mark|circle|bar)"', svg
    )
    return {kind: kinds.count(kind) for kind in kinds}


def test_pictures_are_those_of_the_code_beside_them(
    sample_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_server(monkeypatch, sample_server)
    assert gallery.problems(DOCUMENT, gallery.FOLDER) == [], "run `make gallery`"


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.file)
def test_a_picture_has_its_marks_and_is_light(picture: gallery.Picture) -> None:
    svg = (gallery.FOLDER / picture.file).read_text(encoding="utf-8")
    assert marks_in(svg) == MARKS[picture.file]
    assert len(svg.encode()) < MOST_BYTES
    assert gallery.digest_in(svg) is not None
    # On a dark page, too, dark letters stand on white.
    assert re.match(
        r'<svg [^>]*width="(\d+)" height="(\d+)"[^>]*><rect width="\1" height="\2" fill="white"/>',
        svg,
    )
    assert "<script" not in svg
    assert set(re.findall(r'https?://[^"\s]+', svg)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }


def test_there_are_as_many_pictures_as_promised_and_each_has_a_name() -> None:
    assert 8 <= len(PICTURES) <= 12
    assert len({picture.title for picture in PICTURES}) == len(PICTURES)
    assert all(len(picture.text.split()) > 4 for picture in PICTURES)


def test_a_changed_missing_or_left_over_picture_is_told(
    tmp_path: Path,
) -> None:
    ((_, chart),) = gallery.run(SMALL)
    (tmp_path / "one.svg").write_text(gallery.draw(chart), encoding="utf-8")
    assert gallery.problems(SMALL, tmp_path) == []

    changed = SMALL.replace('{"x": 1}', '{"x": 2}')
    assert gallery.problems(changed, tmp_path) == ["one.svg is not the picture of 'One'"]
    (tmp_path / "one.svg").rename(tmp_path / "two.svg")
    assert gallery.problems(SMALL, tmp_path) == [
        "one.svg is missing",
        "two.svg belongs to no section",
    ]


def test_digests_tell_charts_apart_and_no_machines() -> None:
    def chart(value: float, log: Literal["y"] | None = None) -> alt.Chart:
        rows = [{"_step": 0, "loss": value}, {"_step": 1, "loss": 0.5}]
        return plots.curves(rows, "loss", log=log)

    digest = gallery.digest_of(chart(1 / 3))
    assert gallery.digest_of(chart(1 / 3 + 1e-16)) == digest
    assert gallery.digest_of(chart(1 / 3 + 1e-6)) != digest
    assert gallery.digest_of(chart(1 / 3).properties(width=99)) != digest
    assert gallery.digest_of(chart(1 / 3, log="y")) != digest


@pytest.mark.parametrize(
    "section",
    [
        "## Two\n\n```python\n>>> chart = 1\n\n```\n",
        "## Two\n\n![Two.](gallery/two.svg)\n",
        "## Two\n\n![Two.](gallery/two.svg)\n\n![Three.](gallery/three.svg)\n\n"
        "```python\n>>> chart = 1\n\n```\n",
    ],
)
def test_a_section_without_its_picture_or_its_code_is_refused(section: str) -> None:
    with pytest.raises(ValueError, match="'Two' needs one picture"):
        gallery.read_gallery(f"{SMALL}\n{section}")


def test_the_check_fails_where_a_picture_is_another(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    document, folder = tmp_path / "gallery.md", tmp_path / "gallery"
    document.write_text(SMALL, encoding="utf-8")
    monkeypatch.setattr(gallery, "DOCUMENT", document)
    monkeypatch.setattr(gallery, "FOLDER", folder)
    for name in ("WANDB_BASE_URL", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "")  # what the program sets is put back
    assert gallery.main([]) == 0
    assert gallery.main(["--check"]) == 0
    (folder / "one.svg").write_text("<svg/>", encoding="utf-8")
    assert gallery.main(["--check"]) == 1
    assert "one.svg is not the picture of 'One'" in capsys.readouterr().out
    assert gallery.main([]) == 0
    assert gallery.main(["--check"]) == 0
