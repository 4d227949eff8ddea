"""Notebooks show runs and sweeps: without a request, escaped, in the colours of the page."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from IPython.core.formatters import HTMLFormatter
from support.printable import ODD, is_plain
from typing_extensions import override

from wandb_runs import AsyncApi, DegradedServerWarning
from wandb_runs.testing import log_run

if TYPE_CHECKING:
    from wandb_runs import Api
    from wandb_runs.graphql.scalars import JSONObject
    from wandb_runs.testing import LocalServer

TAGS = {
    "div",
    "b",
    "a",
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
    "span",
    "details",
    "summary",
    "pre",
}


class Page(HTMLParser):
    """The texts and tags of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.feed(html)
        self.close()

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    @override
    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def links(self) -> list[str]:
        return [value for name, value in self.attributes if name == "href"]


def shown(value: object) -> Page:
    """What a notebook shows of a value at the end of a cell."""
    html = HTMLFormatter()(value)
    assert html is not None
    return Page(html)


def test_runs_show_what_is_asked_for_and_what_has_been_read(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    runs = api.runs(
        many, {"state": "finished"}, "-created_at", per_page=25, limit=30, summary_keys=["loss"]
    )
    wandb_server.clear_operations()
    page = shown(runs)
    assert wandb_server.operations == ()
    assert {many, '{"state":"finished"}', "-created_at", "30"} <= {*page.texts}
    assert "No run has been read yet." in page.texts
    three = runs[:3]
    sent = wandb_server.operations
    page = shown(runs)
    assert wandb_server.operations == sent
    for run in three:
        assert run.url in page.links
        assert {run.name, run.id} <= {*page.texts}
        assert "loss" not in run.summary or f"{run.summary['loss']:.6g}" in page.texts
    assert "summary.loss" in page.texts
    read = [link for link in page.links if "/runs/" in link]
    assert page.texts[-1] == "Read so far: 25 runs; the first 20 are shown."
    assert len(read) == 20
    assert len(runs) == len(list(runs)) == 30
    assert shown(runs).texts[-1] == "All read: 30 of 30 runs; the first 20 are shown."


def test_no_runs_are_told(api: Api, many: str) -> None:
    runs = api.runs(many, {"state": "running"})
    assert len(runs) == 0
    assert "There is no run." in shown(runs).texts


def test_a_run_shows_its_attributes_and_documents(
    wandb_server: LocalServer, api: Api, many: str
) -> None:
    run = api.run(f"{many}/run10")
    wandb_server.clear_operations()
    page = shown(run)
    assert wandb_server.operations == ()
    assert {f"{many}/run10", "best, seed", "group-1", "config: 4 keys", "optimizer", "adam"} <= {
        *page.texts
    }
    assert '{"depth":1}' in page.texts
    assert page.links == [run.url]


def test_a_sweep_shows_its_definition(sample_server: LocalServer, sample_api: Api) -> None:
    run = next(run for run in sample_api.runs("sample/digits") if run.sweep_name)
    sweep = run.sweep
    assert sweep is not None
    sample_server.clear_operations()
    page = shown(sweep)
    assert sample_server.operations == ()
    assert sweep.config_yaml.strip() in "".join(page.texts)
    assert {"/".join(sweep.path), sweep.method} <= {*page.texts}
    assert page.links == [sweep.url]


def test_what_is_awaited_shows_the_same(wandb_server: LocalServer, api: Api, many: str) -> None:
    runs = AsyncApi(base_url=wandb_server.url, api_key="k" * 40).runs(many)
    assert HTMLFormatter()(runs) == HTMLFormatter()(api.runs(many))


odd = st.text(st.characters(codec="utf-8") | st.sampled_from(ODD + "<>&\"'`")).map(
    lambda text: text.replace("\0", "")
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(odd, odd)
@example('<script>alert(1)</script>"><img src=x onerror=y>', "</td></table><style>*{}</style>")
def test_no_text_of_a_run_is_markup(wandb_server: LocalServer, api: Api, a: str, b: str) -> None:
    config: JSONObject = {a or "a": b, "nested": {b or "b": [a]}}
    log_run(
        wandb_server, "team", "markup", "r", name=a, notes=b, group=a, tags=["t"], config=config
    )
    runs = api.runs("team/markup", {"display_name": a} if a else None, config_keys=["nested"])
    _ = list(runs)
    for value in (api.run("team/markup/r"), runs):
        page = shown(value)
        assert page.tags <= TAGS
        assert {name for name, _ in page.attributes} <= {"style", "href", "target", "rel"}
        assert all(link.startswith(wandb_server.url) for link in page.links)
        assert all(map(is_plain, page.texts))


def test_what_the_server_lacks_is_left_out(wandb_server: LocalServer, api: Api, many: str) -> None:
    with wandb_server.lack("Run.state", "Run.createdAt", "Run.user"):
        runs = type(api)(base_url=wandb_server.url, api_key="k" * 40).runs(many)
        with pytest.warns(DegradedServerWarning):
            first = runs[0]
    assert first.id in shown(runs).texts
    assert f"{many}/{first.id}" in shown(first).texts


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [x / 12.92 if x <= 0.03928 else ((x + 0.055) / 1.055) ** 2.4 for x in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_what_is_shown_stands_out_from_a_light_and_from_a_dark_page(
    api: Api, sample_api: Api, many: str
) -> None:
    runs = sample_api.runs("sample/digits")
    _ = list(runs), [*api.runs(many)]
    styles = [
        value
        for each in (runs, runs[0], api.run(f"{many}/run08"))
        for name, value in shown(each).attributes
        if name == "style"
    ]
    colours = {
        found for style in styles for found in re.findall(r"(?<![-\w])color: ([^;]+)", style)
    }
    assert "inherit" in colours
    backgrounds = {found for style in styles for found in re.findall(r"background: ([^;]+)", style)}
    assert backgrounds == {"transparent"}
    for colour in colours - {"inherit"}:
        for page in ("#ffffff", "#111111"):
            bright, dark = sorted((luminance(colour), luminance(page)), reverse=True)
            assert (bright + 0.05) / (dark + 0.05) >= 3, (colour, page)
