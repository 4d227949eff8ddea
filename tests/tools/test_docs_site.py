"""What the site is made of: names, links, markup, and the checks of what was built."""

from __future__ import annotations

from pathlib import Path

import pytest

from docs_site.built import problems_of
from docs_site.markup import (
    fence_examples,
    insert_before_sections,
    linked_documents,
    linked_names,
    sections_of,
    with_site_markup,
)
from docs_site.outside import linked_from_outside, page_of, page_text, site_links
from docs_site.public_names import (
    PUBLIC_MODULES,
    names_without_a_page,
    places_of_names,
    public_names,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A package whose modules export a name each."""
    for module in PUBLIC_MODULES:
        path = tmp_path.joinpath("src", *module.split("."))
        path.mkdir(parents=True, exist_ok=True)
        (path / "__init__.py").write_text(f'__all__ = ["{path.name.title()}"]\n')
    return tmp_path / "src"


def written(pages: Path, text: str) -> Path:
    pages.mkdir(exist_ok=True)
    (pages / "api.md").write_text(text)
    return pages


def test_a_public_name_without_a_directive_is_told(source: Path, tmp_path: Path) -> None:
    names = public_names(source)
    assert len(names) == len(PUBLIC_MODULES)
    all_but_one = "".join(f"::: {name}\n\n" for name in names[1:])
    pages = written(tmp_path / "reference", all_but_one)
    assert names_without_a_page(pages, source) == names[:1]
    written(pages, f"{all_but_one}::: {names[0]}\n")
    assert not names_without_a_page(pages, source)


def test_the_directive_of_a_module_stands_for_what_it_exports(source: Path, tmp_path: Path) -> None:
    pages = written(tmp_path / "reference", "".join(f"::: {name}\n" for name in PUBLIC_MODULES))
    assert not names_without_a_page(pages, source)


def test_a_name_in_prose_is_no_page(source: Path, tmp_path: Path) -> None:
    pages = written(tmp_path / "reference", "See `wandb_runs.Wandb_Runs`, or ::: it.\n")
    assert len(names_without_a_page(pages, source)) == len(PUBLIC_MODULES)


@pytest.mark.parametrize(
    ("path", "link", "becomes"),
    [
        ("docs/plots.md", "tables.md#rows", "tables.md#rows"),
        ("docs/plots.md", "../examples/runs.py", "examples/runs.py.md"),
        ("docs/plots.md", "../CHANGELOG.md", "CHANGELOG.md"),
        ("docs/plots.md", "../README.md", "index.md"),
        ("docs/decisions/0001.md", "../../tests/x.py", "../tests/x.py.md"),
        ("docs/decisions/0001.md", "../frames.md", "../frames.md"),
        ("CHANGELOG.md", "docs/filters.md#as-text", "filters.md#as-text"),
        ("CHANGELOG.md", "docs/decisions/README.md", "decisions/README.md"),
        ("docs/plots.md", "https://example.org/a.md", "https://example.org/a.md"),
        ("docs/plots.md", "#saving", "#saving"),
    ],
)
def test_links_lead_to_pages_of_the_site(path: str, link: str, becomes: str) -> None:
    assert site_links(f"[text]({link})", path) == f"[text]({becomes})"


def test_what_looks_like_a_link_inside_of_code_stays() -> None:
    text = "`f[0](../../x.py)`\n\n```python\nf[0](../../x.py)\n```\n"
    assert site_links(text, "docs/decisions/0001.md") == text


def test_files_that_documents_link_to_are_found_with_those_that_these_link_to(
    tmp_path: Path,
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("[one](../ONE.md) [b](b.md) [self](#a)")
    (tmp_path / "ONE.md").write_text("[two](two.py) [a](docs/a.md) [read](README.md)")
    (tmp_path / "two.py").write_text("x[0](y)")
    assert linked_from_outside(["docs/a.md"], tmp_path) == ["ONE.md", "two.py"]
    (tmp_path / "two.py").unlink()
    with pytest.raises(FileNotFoundError, match=r"^ONE.md: no file 'two.py' to link to$"):
        linked_from_outside(["docs/a.md"], tmp_path)


def test_code_is_shown_as_code() -> None:
    assert page_of("examples/runs.py") == "examples/runs.py.md"
    assert page_text("examples/runs.py", "x = 1\n").endswith("\n````python\nx = 1\n````\n")
    assert page_text("SECURITY.md", "# Security\n") == "# Security\n"


def test_blocks_inside_of_lists_have_the_indentation_of_the_site() -> None:
    text = "- item\n  more\n\n  ```python\n  def f():\n      pass\n  ```\n\nprose\n\n    code\n"
    expected = "- item\n    more\n\n    ```python\n    def f():\n        pass\n    ```\n"
    assert with_site_markup(text) == f"{expected}\nprose\n\n    code\n"


def test_examples_and_commands_have_highlighters() -> None:
    assert with_site_markup("```python\n>>> 1\n1\n```") == "```pycon\n>>> 1\n1\n```"
    assert with_site_markup("```python\nx = 1\n```") == "```python\nx = 1\n```"
    both = "```console\nmake docs\n```\n\n```console\n$ make\nhelp\n```"
    assert with_site_markup(both) == both.replace("console", "bash", 1)


def test_bars_inside_of_code_in_tables_are_bars() -> None:
    assert with_site_markup(r"| `a \| b` | x \| y |") == r"| `a | b` | x \| y |"


def test_examples_of_docstrings_are_fenced() -> None:
    text = "Text.\n\n>>> f(\n...     1\n... )\n1\n\nMore.\n\n>>> 2\n2"
    expected = (
        "Text.\n\n```pycon\n>>> f(\n...     1\n... )\n1\n```\n\nMore.\n\n```pycon\n>>> 2\n2\n```"
    )
    assert fence_examples(text) == expected


def test_a_paragraph_is_put_before_the_sections_of_a_docstring() -> None:
    assert insert_before_sections("Text.\n\nArgs:\n    x: It.", "P") == (
        "Text.\n\nP\n\nArgs:\n    x: It."
    )
    assert insert_before_sections("Text.", "P") == "Text.\n\nP"
    assert insert_before_sections("Text.", "") == "Text."


def test_a_section_of_a_docstring_has_descriptions_by_name() -> None:
    text = (
        "Text.\n\nAttributes:\n    a: One,\n        and more.\n    b: Two.\n\nRaises:\n    C: No."
    )
    assert sections_of(text, "Attributes") == {"a": "One, and more.", "b": "Two."}
    assert sections_of("Text.", "Attributes") == {}


def test_names_link_to_their_places_once() -> None:
    places = places_of_names(public_names(ROOT / "src"))

    def link(place: str, code: str) -> str:
        return f'<autoref identifier="{place}" optional>`{code}`</autoref>'

    runs = link("wandb_runs.Runs.histories", "runs.histories(samples=1)")
    assert linked_names("`runs.histories(samples=1)`, `Runs.histories`", places) == (
        f"{runs}, `Runs.histories`"
    )
    assert linked_names("`plots.curves`", places) == link("wandb_runs.plots.curves", "plots.curves")
    assert linked_names("`Api`", places) == link("wandb_runs.Api", "Api")
    own = "wandb_runs.runs.runs.Runs.histories"
    for text in ("`run`", "`None`", "# `Api`", "[`Api`](x.md)", "```\n`Api`\n```"):
        assert linked_names(text, places) == text
    assert linked_names("`Runs.histories`", places, own) == "`Runs.histories`"


def site(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(text)
    return folder


@pytest.mark.parametrize(
    "text",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/x.css">',
        '<img srcset="http://cdn.example/x.png 2x">',
        '<iframe src="https://cdn.example"></iframe>',
        '<script src="absent.js"></script>',
    ],
)
def test_what_is_loaded_from_elsewhere_is_a_problem(tmp_path: Path, text: str) -> None:
    (problem,) = problems_of(site(tmp_path, index=text))
    assert problem.startswith("index.html: loads ")
    assert problem.endswith(", which is not there") == ("absent" in text)


def test_styles_that_load_from_elsewhere_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text('@import "https://fonts.example/x";')
    (tmp_path / "b.css").write_text("a { background: url(//fonts.example/x) }")
    (tmp_path / "c.css").write_text("a { background: url(data:image/svg+xml;x) }")
    assert [each[:12] for each in problems_of(tmp_path)] == ["a.css: loads", "b.css: loads"]


def test_dead_links_and_anchors_are_problems(tmp_path: Path) -> None:
    page = '<a href="{}"></a><a href="https://example.org/">away</a><h1 id="here"></h1>'
    for good in ("#here", "b.html", "b.html#here", "mailto:a@b.example", "."):
        assert not problems_of(site(tmp_path, index=page.format(good), b=page.format("#here")))
    for bad, why in (
        ("#there", "leads to no anchor"),
        ("b.html#there", "leads to no anchor"),
        ("c.html", "leads to no page"),
        ("/b.html", "leaves the folder of the site"),
    ):
        (problem,) = problems_of(site(tmp_path, index=page.format(bad), b=page.format("#here")))
        assert problem == f"index.html: the link {bad} {why}"


def test_paths_of_documents_in_docstrings_become_links() -> None:
    text = "Errors; see `docs/reference/errors.md`. Not `docs/`, nor `docs/x.svg`."
    assert linked_documents(text, str.title) == (
        'Errors; see <a href="../reference/errors.html">Reference/Errors</a>. '
        "Not `docs/`, nor `docs/x.svg`."
    )
