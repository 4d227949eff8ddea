"""What others wrote and the wheel carries: as stated, licensed, and loading nothing elsewhere."""

from __future__ import annotations

import hashlib
import json
import re
from importlib import resources
from importlib.metadata import files
from pathlib import Path
from typing import TypedDict, cast

import pytest


class Entry(TypedDict):
    name: str
    version: str
    license: str
    integrity: str
    bundled: dict[str, str]
    files: dict[str, str]


ROOT = Path(__file__).parents[2]
FOLDER = Path(str(resources.files("wandb_runs.local.web"))) / "vendor"
ENTRIES = cast(
    "list[Entry]", json.loads((FOLDER / "versions.json").read_text(encoding="utf-8"))["packages"]
)
LISTED = {
    f"{entry['name']}/{name}": digest
    for entry in ENTRIES
    for name, digest in entry["files"].items()
}
CODE = sorted(name for name in LISTED if name.endswith((".js", ".css")))
PERMISSIVE = {"MIT", "BSD-2-Clause", "BSD-3-Clause", "ISC", "0BSD", "Apache-2.0"}
"""Licences of code that may be part of a package under the MIT licence."""

LOADS = {
    ".css": (r"sourceMappingURL", r"@import", r"url\(\s*+['\"]?+(?!data:image/)"),
    ".js": (
        r"sourceMappingURL",
        r"\bimport\s*\(",
        r"\bimportScripts\b",
        r"new\s+(?:Shared)?Worker\b",
        r"new\s+EventSource\b",
        r"serviceWorker",
        r"sendBeacon",
        r"(?<![\w.$])eval\s*\(",
        r"\bFunction\s*\(\s*[\"'`]",
        r"\.src\s*=\s*[\"'`](?!data:)",
        r"createElement\([\"'`](?:script|link|iframe)[\"'`]\)",
    ),
}
"""What loads a file, or makes code of a text."""


def test_the_folder_holds_what_is_stated_and_nothing_else() -> None:
    found = {
        path.relative_to(FOLDER).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in FOLDER.rglob("*")
        if path.is_file() and path.name != "versions.json"
    }
    assert found == LISTED


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["name"])
def test_each_package_states_its_version_and_has_its_licence(entry: Entry) -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", entry["version"])
    assert entry["integrity"].startswith("sha512-")
    text = (FOLDER / entry["name"] / "LICENSE").read_text(encoding="utf-8")
    assert "Copyright" in text
    assert {entry["license"], *entry["bundled"].values()} <= PERMISSIVE
    if entry["bundled"]:
        texts = (FOLDER / entry["name"] / "LICENSES-BUNDLED.txt").read_text(encoding="utf-8")
        assert set(entry["bundled"]) <= set(texts.splitlines())


@pytest.mark.parametrize("name", CODE)
def test_no_file_loads_another_one(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    patterns = LOADS[Path(name).suffix]
    assert [pattern for pattern in patterns if re.search(pattern, text)] == []


def test_the_wheel_has_the_licences_among_its_own() -> None:
    held = {str(each).partition("/licenses/")[2] for each in files("wandb-runs") or ()}
    licences = {f"src/wandb_runs/local/web/vendor/{name}" for name in LISTED if "/LICENSE" in name}
    assert {"LICENSE", "THIRD-PARTY.md", *licences} <= held


def test_the_notice_names_every_package() -> None:
    text = (ROOT / "THIRD-PARTY.md").read_text(encoding="utf-8")
    for entry in ENTRIES:
        assert f"| {entry['name']} | {entry['version']} | {entry['license']} |" in text
        assert all(f"`{name}`" in text for name in entry["bundled"])
