"""A store is told from other files before anything is written, and older stores are read."""

from __future__ import annotations

import lzma
import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from wandb_runs import Api
from wandb_runs.errors import InvalidArgumentError
from wandb_runs.local.store import Store
from wandb_runs.local.store_file import APPLICATION_ID, VERSION
from wandb_runs.testing import LocalServer, log_run

if TYPE_CHECKING:
    from pathlib import Path

FOREIGN = {
    "marked": "CREATE TABLE users (a); PRAGMA application_id = 12345; PRAGMA user_version = 999",
    "marked and empty": "PRAGMA application_id = 12345; CREATE TABLE t (a); DROP TABLE t",
    "versioned": "CREATE TABLE users (a); PRAGMA user_version = 7",
    "plain": "CREATE TABLE users (a)",
    "of like names": "CREATE TABLE runs (id INTEGER PRIMARY KEY, a); CREATE TABLE files (a)",
    "of a view": "CREATE VIEW numbers AS SELECT 1",
    "of a name like SQLite's own": "CREATE TABLE sqlitedata (a)",
    "in write-ahead mode": "PRAGMA journal_mode = WAL; CREATE TABLE users (a)",
}


def make(path: Path, script: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(script)


def marks(path: Path) -> tuple[int, int]:
    with closing(sqlite3.connect(path)) as connection:
        [application] = connection.execute("PRAGMA application_id").fetchone()
        [version] = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN)
def test_another_programs_file_is_refused_and_left_as_it_is(tmp_path: Path, script: str) -> None:
    path = tmp_path / "browser history.db"
    make(path, script)
    before = contents(tmp_path)
    with pytest.raises(InvalidArgumentError, match=r"browser history\.db.* another program's"):
        LocalServer(store=path)
    assert contents(tmp_path) == before


def test_another_programs_open_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "open.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE users (a)")
        before = contents(tmp_path)
        assert before["open.db-wal"]  # only there is the table
        with pytest.raises(InvalidArgumentError, match="another program's"):
            Store(path)
        after = contents(tmp_path)
        assert after.keys() == before.keys()
        assert all(after[name] == before[name] for name in ("open.db", "open.db-wal"))


def test_another_programs_file_behind_a_link_is_left_as_it_is(tmp_path: Path) -> None:
    real, links = tmp_path / "real", tmp_path / "links"
    real.mkdir()
    links.mkdir()
    with closing(sqlite3.connect(real / "app.db")) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE users (a)")
        shutil.copytree(real, tmp_path / "dead")
    before = contents(tmp_path / "dead")
    (links / "store.db").symlink_to(tmp_path / "dead" / "app.db")
    with pytest.raises(InvalidArgumentError, match=r"links.store\.db .* another program's"):
        Store(links / "store.db")
    after = contents(tmp_path / "dead")
    assert all(after.get(name) == before[name] for name in ("app.db", "app.db-wal"))
    assert [path.name for path in links.iterdir()] == ["store.db"]


def test_a_store_may_be_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    link = tmp_path / "link.db"
    link.symlink_to(tmp_path / "folder" / "store.db")
    with LocalServer(store=link) as server:
        log_run(server, "me", "p", "r")
    assert ids(link) == ids(tmp_path / "folder" / "store.db") == ["r"]


def test_the_log_of_a_program_that_was_killed_is_left_for_it(tmp_path: Path) -> None:
    living, dead = tmp_path / "living", tmp_path / "dead"
    living.mkdir()
    with closing(sqlite3.connect(living / "app.db")) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE users (a)")
        shutil.copytree(living, dead)
    before = contents(dead)
    with pytest.raises(InvalidArgumentError, match="another program's"):
        Store(dead / "app.db")
    after = contents(dead)
    assert all(after.get(name) == before[name] for name in ("app.db", "app.db-wal"))


def test_a_store_with_a_foreign_table_is_no_store(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store(path):
        pass
    make(path, "PRAGMA application_id = 0; PRAGMA user_version = 0; CREATE TABLE users (a)")
    with pytest.raises(InvalidArgumentError, match="another program's"):
        Store(path)


def test_what_is_no_file_or_no_database_is_named(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("short")
    os.mkfifo(tmp_path / "pipe")
    for name, kind in [
        ("notes.txt", "not an SQLite file"),
        ("pipe", "not a regular file"),
        ("", "a directory"),
    ]:
        with pytest.raises(InvalidArgumentError, match=f"{name} cannot be used .* {kind}"):
            LocalServer(store=tmp_path / name)
    assert text.read_text() == "short"
    with pytest.raises(OSError, match=r"notes\.txt"):
        LocalServer(store=text / "store.db")


def test_a_broken_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "broken.db"
    make(path, f"PRAGMA application_id = {APPLICATION_ID}; CREATE TABLE runs (a)")
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 5000)
    with pytest.raises(InvalidArgumentError, match=r"broken\.db cannot be used"):
        LocalServer(store=path)


@pytest.mark.parametrize("name", ["a?b=c.db", "50%.db", "file:x.db", ":memory:", "ü #1.db"])
def test_a_store_may_have_any_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from pathlib import Path as AnyPath  # noqa: PLC0415 - relative to the folder that is current

    monkeypatch.chdir(tmp_path)
    with LocalServer(store=AnyPath(name)) as server:
        log_run(server, "me", "p", "r")
    assert marks(tmp_path / name) == (APPLICATION_ID, VERSION)
    assert ids(tmp_path / name) == ["r"]


def ids(path: Path) -> list[str]:
    with LocalServer(store=path) as server, Api(base_url=server.url, api_key="any") as api:
        return [run.id for run in api.runs("me/p")]


@pytest.mark.parametrize("start", ["missing", "of no bytes", "of no tables"])
def test_a_new_store_is_marked(tmp_path: Path, start: str) -> None:
    path = tmp_path / "store.db"
    if start == "of no bytes":
        path.touch()
    if start == "of no tables":
        make(path, "VACUUM")
    with Store(path):
        # In the file itself from the beginning, where a look at its first bytes finds it.
        assert path.read_bytes()[68:72] == APPLICATION_ID.to_bytes(4, "big")
    assert marks(path) == (APPLICATION_ID, VERSION)


def test_a_newer_store_is_refused_by_name_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with Store(path):
        pass
    make(path, f"PRAGMA user_version = {VERSION + 1}; CREATE TABLE later (a)")
    before = contents(tmp_path)
    with pytest.raises(InvalidArgumentError, match=r"store\.db is a store of a newer"):
        LocalServer(store=path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("version", [0, -1])
def test_a_store_of_a_version_that_never_was_is_refused(tmp_path: Path, version: int) -> None:
    path = tmp_path / "store.db"
    with Store(path):
        pass
    make(path, f"PRAGMA user_version = {version}")
    before = contents(tmp_path)
    with pytest.raises(InvalidArgumentError, match=rf"store\.db .* version is {version}"):
        LocalServer(store=path)
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "change",
    [
        "DROP TABLE runs; CREATE TABLE runs (id INTEGER PRIMARY KEY, a)",
        "DROP TABLE runs; CREATE VIEW runs AS SELECT 1 AS id",
        "ALTER TABLE files DROP COLUMN content",
    ],
)
def test_a_marked_store_with_another_table_is_refused(tmp_path: Path, change: str) -> None:
    path = tmp_path / "store.db"
    with Store(path):
        pass
    make(path, change)
    before = contents(tmp_path)
    with pytest.raises(InvalidArgumentError, match=r"store\.db .*table '(runs|files)'"):
        LocalServer(store=path)
    assert contents(tmp_path) == before


def test_a_store_from_before_the_mark_is_marked_and_read(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    packaged = resources.files("wandb_runs.local").joinpath("sample/sample.db.xz")
    path.write_bytes(lzma.decompress(packaged.read_bytes()))
    assert marks(path) == (0, 0)
    with LocalServer(store=path) as server, Api(base_url=server.url, api_key="any") as api:
        assert len(api.runs("sample/digits")) > 0
        log_run(server, "me", "p", "r")
    assert marks(path) == (APPLICATION_ID, VERSION)
    assert ids(path) == ["r"]


def test_tables_and_columns_that_a_store_lacks_are_added(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    with LocalServer(store=path) as server:
        log_run(server, "me", "p", "r", notes="gone")
    make(path, "DROP TABLE writers; ALTER TABLE runs DROP COLUMN notes")
    with LocalServer(store=path) as server:
        log_run(server, "me", "p", "s", notes="kept")
    with LocalServer(store=path) as server, Api(base_url=server.url, api_key="any") as api:
        assert [(run.id, run.notes) for run in api.runs("me/p")] == [("r", None), ("s", "kept")]


def test_servers_that_start_at_once_make_one_store(tmp_path: Path) -> None:
    for number in range(5):
        path = tmp_path / f"{number}.db"
        failed: list[Exception] = []

        def start(path: Path = path, failed: list[Exception] = failed) -> None:
            try:
                Store(path).close()
            except InvalidArgumentError as error:
                failed.append(error)

        threads = [Thread(target=start) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failed == []
        assert marks(path) == (APPLICATION_ID, VERSION)


def test_a_store_of_a_killed_server_is_read(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    command = [sys.executable, "-m", "wandb_runs.local", "--store", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            log_run(process.stdout.readline().strip(), "me", "p", "r")
        finally:
            process.kill()
    assert (tmp_path / "store.db-wal").stat().st_size
    assert ids(path) == ["r"]


def test_the_command_refuses_a_foreign_file_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    make(path, FOREIGN["plain"])
    command = [sys.executable, "-m", "wandb_runs.local", "--store", str(path)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert ended.stderr.startswith("Error: ")
    assert "another program's" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_command_says_that_the_name_of_a_store_is_empty() -> None:
    command = [sys.executable, "-m", "wandb_runs.local", "--store", ""]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 2
    assert "empty" in ended.stderr
    assert "--store" in ended.stderr
