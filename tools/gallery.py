"""Draw the pictures of docs/gallery.md, each by the code that stands below it.

A section of the document has a link to a picture, and an example that makes a `chart`; the
examples run from the first to the last, against the sample project of the local server. A picture
ends with a digest of the specification that it was drawn from. With `--check`, draw nothing, and
fail where a picture is not that of its example, is missing, or belongs to no section.
"""

from __future__ import annotations

import argparse
import doctest
import hashlib
import json
import re
from os import environ
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from wandb_runs import plots
from wandb_runs.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import altair as alt

__all__ = [
    "DOCUMENT",
    "FOLDER",
    "Picture",
    "digest_in",
    "digest_of",
    "draw",
    "main",
    "problems",
    "read_gallery",
    "run",
]

DOCUMENT: Final = Path(__file__).resolve().parent.parent / "docs" / "gallery.md"
FOLDER: Final = DOCUMENT.with_suffix("")

_LINK: Final = re.compile(r"^!\[([^\]]+)\]\(gallery/([\w-]+\.svg)\)$", re.MULTILINE)
_DIGEST: Final = re.compile(r"\n<!-- specification: ([0-9a-f]{64}) -->\n\Z")
_DATA: Final = re.compile(r'"(data-[0-9a-f]{32})"')


class Picture(NamedTuple):
    """A section of the document.

    Attributes:
        title: Its heading.
        file: The name of the picture's file.
        text: What the picture shows, for readers who do not see it.
        code: The example that makes `chart`, statement by statement.
    """

    title: str
    file: str
    text: str
    code: Sequence[str]


def read_gallery(document: str) -> tuple[Sequence[str], Sequence[Picture]]:
    """The example before the first section, and the sections.

    Args:
        document: The text of the document.

    Raises:
        ValueError: A section does not have one picture, and an example that makes a chart.
    """
    start, *sections = re.split(r"^## ", document, flags=re.MULTILINE)
    pictures: list[Picture] = []
    for section in sections:
        title, links, code = section.partition("\n")[0], _LINK.findall(section), _code_of(section)
        if len(links) != 1 or not any(each.startswith("chart = ") for each in code):
            raise ValueError(f"{title!r} needs one picture, and an example that makes a chart")
        text, file = links[0]
        pictures.append(Picture(title, file, text, code))
    return _code_of(start), pictures


def _code_of(text: str) -> list[str]:
    return [each.source for each in doctest.DocTestParser().get_examples(text)]


def run(document: str) -> Iterator[tuple[Picture, alt.TopLevelMixin]]:
    """Run the examples of a document: each picture with its chart.

    `WANDB_BASE_URL` names the server.

    Args:
        document: The text of the document.
    """
    start, pictures = read_gallery(document)
    names: dict[str, Any] = {}
    for source in start:
        exec(source, names)  # noqa: S102 - of a document of this repository
    for picture in pictures:
        names.pop("chart", None)
        for source in picture.code:
            exec(source, names)  # noqa: S102 - likewise
        yield picture, cast("alt.TopLevelMixin", names["chart"])


def digest_of(chart: alt.TopLevelMixin) -> str:
    """A digest of what a chart draws.

    Floats count with nine digits, since the last ones may differ between machines, and data sets
    by their order, since altair names them by what they hold.
    """
    spec: dict[str, Any] = chart.to_dict()
    del spec["$schema"]
    text = json.dumps(_rounded(spec), allow_nan=False)
    for number, name in enumerate(dict.fromkeys(_DATA.findall(json.dumps(spec)))):
        text = text.replace(name, f"data-{number}")
    return hashlib.sha256(json.dumps(json.loads(text), sort_keys=True).encode()).hexdigest()


def _rounded(part: object) -> object:
    if isinstance(part, dict):
        return {name: _rounded(each) for name, each in cast("dict[str, object]", part).items()}
    if isinstance(part, list):
        return [*map(_rounded, cast("list[object]", part))]
    return float(f"{part:.9g}") if isinstance(part, float) else part


def digest_in(picture: str) -> str | None:
    """The digest at the end of a picture's text; None where there is none."""
    found = _DIGEST.search(picture)
    return None if found is None else found[1]


def draw(chart: alt.TopLevelMixin) -> str:
    """The text of a picture's file: an SVG, with its digest."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "chart.svg"
        plots.save(chart, path)
        svg = path.read_text(encoding="utf-8")
    return f"{svg.rstrip()}\n<!-- specification: {digest_of(chart)} -->\n"


def problems(document: str, folder: Path) -> list[str]:
    """What is wrong with the pictures of a document.

    Args:
        document: The text of the document.
        folder: Where the pictures are.
    """
    found: list[str] = []
    files = {each.name for each in folder.iterdir()}
    for picture, chart in run(document):
        if picture.file not in files:
            found.append(f"{picture.file} is missing")
            continue
        files.remove(picture.file)
        if digest_in((folder / picture.file).read_text(encoding="utf-8")) != digest_of(chart):
            found.append(f"{picture.file} is not the picture of {picture.title!r}")
    return [*found, *(f"{name} belongs to no section" for name in sorted(files))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0, or with `--check` 1 where a picture is not that of its example."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="draw nothing")
    is_check: bool = parser.parse_args(arguments).check
    document = DOCUMENT.read_text(encoding="utf-8")
    with LocalServer(sample=True) as server:
        environ.update(WANDB_BASE_URL=server.url, WANDB_API_KEY="any-key")
        if is_check:
            wrong = problems(document, FOLDER)
            print("\n".join(wrong) + "\nrun `make gallery`" if wrong else "all pictures are fresh")
            return 1 if wrong else 0
        FOLDER.mkdir(exist_ok=True)
        drawn = {picture.file: draw(chart) for picture, chart in run(document)}
    for name, svg in drawn.items():
        (FOLDER / name).write_text(svg, encoding="utf-8")
        print(f"{name}: {len(svg):,} bytes")
    for each in FOLDER.iterdir():
        if each.name not in drawn:
            each.unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
