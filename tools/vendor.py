"""Fetch the scripts and style sheets of others that the pages of the local server load.

`npm pack` fetches each package by name and version; only the files named here are taken, without
what would load something from elsewhere. `npm` and the packages' registry are needed for this
alone: what it writes is committed, and `tests/local/test_vendored.py` looks at it without a
network.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, NotRequired, TypedDict, cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT: Final = Path(__file__).parents[1]
VENDOR: Final = ROOT / "src" / "wandb_runs" / "local" / "web" / "vendor"
VERSIONS: Final = VENDOR / "versions.json"
NOTICE: Final = ROOT / "THIRD-PARTY.md"

SOURCE_MAP: Final = re.compile(r"\s*(?://|/\*)# sourceMappingURL=\S*(?:\s*\*/)?\s*\Z")
FONT: Final = re.compile(r"@font-face\s*\{[^}]*\}")
MODULE: Final = re.compile(r"node_modules/((?:@[^/]+/)?[^/]+)")
LICENCE: Final = re.compile(r"(?:licen[cs]e|copying|notice)(?:[.-].*)?", re.IGNORECASE)

BUNDLED: Final = "LICENSES-BUNDLED.txt"
BUNDLED_HEAD: Final = """\
{bundle} {version} holds code of the packages below. Each text is theirs, unchanged.
"""
NO_TEXT: Final = "The package has no text of a licence; its metadata state {license}."


@dataclass(frozen=True)
class Package:
    """A package of npm's registry, and what is taken of it.

    Attributes:
        name: Its name.
        version: Its version.
        files: Files in the package, and the names under which they are kept.
        source_map: The map of its bundle, which names the packages that are part of it.
        beside: Packages that its bundle loads beside itself, for `npm install`.
    """

    name: str
    version: str
    files: Mapping[str, str]
    source_map: str | None = None
    beside: tuple[str, ...] = ()

    @property
    def spec(self) -> str:
        """The package as npm's command line names it."""
        return f"{self.name}@{self.version}"


REACT: Final = "18.3.1"
"""The last version with a bundle for browsers."""

PACKAGES: Final = (
    Package(
        "graphiql",
        "4.1.2",  # the last version with a bundle for browsers
        {
            "graphiql.min.js": "graphiql.min.js",
            "graphiql.min.css": "graphiql.min.css",
            "LICENSE": "LICENSE",
        },
        source_map="dist/index.umd.js.map",
        beside=(f"react@{REACT}", f"react-dom@{REACT}", "graphql@16"),
    ),
    Package(
        "react",
        REACT,
        {"umd/react.production.min.js": "react.production.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        "react-dom",
        REACT,
        {"umd/react-dom.production.min.js": "react-dom.production.min.js", "LICENSE": "LICENSE"},
    ),
    Package(
        "uplot",
        "1.6.32",
        {
            "dist/uPlot.iife.min.js": "uPlot.iife.min.js",
            "dist/uPlot.min.css": "uPlot.min.css",
            "LICENSE": "LICENSE",
        },
    ),
)


class Manifest(TypedDict):
    """What is read of a `package.json`."""

    version: str
    license: NotRequired[str]
    author: NotRequired[str | dict[str, str]]


class Entry(TypedDict):
    """One package in `versions.json`.

    Attributes:
        name: Its name.
        version: Its version.
        license: Its licence, as an SPDX expression.
        integrity: The digest of the package's archive, in npm's form.
        bundled: The packages that are part of its bundle, and their licences.
        files: The SHA-256 of each file.
    """

    name: str
    version: str
    license: str
    integrity: str
    bundled: dict[str, str]
    files: dict[str, str]


class Versions(TypedDict):
    """The whole of `versions.json`."""

    packages: list[Entry]


def npm(*arguments: str) -> None:
    """Run npm, without scripts of packages."""
    command = shutil.which("npm")
    if command is None:
        raise SystemExit("npm is not installed; it fetches the packages")
    subprocess.run([command, *arguments, "--silent", "--ignore-scripts"], check=True)


def without_references(name: str, text: str) -> str:
    """A file without what a browser would load for it: source maps and fonts."""
    text = SOURCE_MAP.sub("\n", text)
    return FONT.sub("", text) if name.endswith(".css") else text


def manifest(folder: Path) -> Manifest:
    """The `package.json` of an installed package."""
    return cast("Manifest", json.loads((folder / "package.json").read_text(encoding="utf-8")))


def stated(folder: Path) -> str:
    """The licence that an installed package states."""
    return manifest(folder).get("license", "none")


def texts(folder: Path) -> Iterator[str]:
    """The texts of an installed package's licences."""
    found = [each for each in sorted(folder.iterdir()) if LICENCE.fullmatch(each.name)]
    for each in found:
        yield each.read_text(encoding="utf-8").replace("\r\n", "\n").strip()
    if not found:
        author = manifest(folder).get("author")
        name = author["name"] if isinstance(author, dict) else author
        says = NO_TEXT.format(license=stated(folder))
        yield f"{says} Its author is {name}." if name else says


def bundled_licences(package: Package, source_map: str, folder: Path) -> tuple[dict[str, str], str]:
    """The packages in a bundle with their licences, and all texts of these.

    Args:
        package: The package that has the bundle.
        source_map: The bundle's map.
        folder: Where to install the packages.
    """
    sources = cast("list[str]", json.loads(source_map)["sources"])
    names = sorted({MODULE.findall(each)[-1] for each in sources if MODULE.search(each)})
    flags = ("--prefix", str(folder), "--no-package-lock", "--no-audit", "--no-fund")
    npm("install", *flags, package.spec, *package.beside)
    modules = folder / "node_modules"
    if absent := [name for name in names if not (modules / name).is_dir()]:
        npm("install", *flags, "--no-save", package.spec, *package.beside, *absent)
    users: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        for text in texts(modules / name):
            users[text].append(name)
    parts = ["\n".join([*each, "", text, ""]) for text, each in users.items()]
    head = BUNDLED_HEAD.format(bundle=package.name, version=package.version)
    line = f"\n{'-' * 80}\n\n"
    return {name: stated(modules / name) for name in names}, line.join([head, *parts])


def fetch(package: Package, scratch: Path, known: Mapping[str, Entry]) -> Entry:
    """Take a package's files, and return what is to be stated of it."""
    npm("pack", package.spec, "--pack-destination", str(scratch))
    archive = scratch / f"{package.name}-{package.version}.tgz"
    digest = hashlib.sha512(archive.read_bytes()).digest()
    integrity = f"sha512-{base64.b64encode(digest).decode()}"
    before = known.get(package.name)
    if before and before["version"] == package.version and before["integrity"] != integrity:
        raise SystemExit(f"{package.spec}: the archive is another one than before")
    with tarfile.open(archive) as opened:
        opened.extractall(scratch / package.name, filter="data")
    source = scratch / package.name / "package"
    written = {
        kept: without_references(kept, (source / name).read_text(encoding="utf-8"))
        for name, kept in package.files.items()
    }
    bundled: dict[str, str] = {}
    if package.source_map:
        source_map = (source / package.source_map).read_text(encoding="utf-8")
        installed = scratch / f"{package.name}-installed"
        bundled, written[BUNDLED] = bundled_licences(package, source_map, installed)
    target = scratch / "vendor" / package.name
    target.mkdir(parents=True)
    for name, text in written.items():
        (target / name).write_text(text, encoding="utf-8")
    return {
        "name": package.name,
        "version": package.version,
        "license": stated(source),
        "integrity": integrity,
        "bundled": bundled,
        "files": {
            name: hashlib.sha256(text.encode()).hexdigest()
            for name, text in sorted(written.items())
        },
    }


def notice(entries: Iterable[Entry]) -> str:
    """The text of `THIRD-PARTY.md`."""
    lines = [
        "# Code of others in the wheel",
        "",
        "The pages of the local server load these files, unchanged but for fonts and source maps, "
        "which are left out. `make vendor` fetches them from npm's registry, and writes this page.",
        "Each folder below `src/wandb_runs/local/web/vendor/` has the texts of the licences; the "
        "wheel carries them beside the files, and among its own.",
        "",
        "| package | version | licence | part of its files |",
        "|---|---|---|---|",
    ]
    for each in entries:
        users: defaultdict[str, list[str]] = defaultdict(list)
        for name, licence in each["bundled"].items():
            users[licence].append(f"`{name}`")
        parts = "; ".join(f"{licence}: {', '.join(names)}" for licence, names in users.items())
        lines.append(f"| {each['name']} | {each['version']} | {each['license']} | {parts} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Fetch all packages, and state what was fetched."""
    known: dict[str, Entry] = {}
    if VERSIONS.exists():
        before = cast("Versions", json.loads(VERSIONS.read_text(encoding="utf-8")))
        known = {each["name"]: each for each in before["packages"]}
    with tempfile.TemporaryDirectory() as scratch:
        entries = [fetch(package, Path(scratch), known) for package in PACKAGES]
        shutil.rmtree(VENDOR, ignore_errors=True)
        shutil.copytree(Path(scratch) / "vendor", VENDOR)
    versions: Versions = {"packages": entries}
    VERSIONS.write_text(json.dumps(versions, indent=2) + "\n", encoding="utf-8")
    NOTICE.write_text(notice(entries), encoding="utf-8")
    for each in entries:
        sys.stdout.write(f"{each['name']} {each['version']}: {len(each['files'])} files\n")


if __name__ == "__main__":
    main()
