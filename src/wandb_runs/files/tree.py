"""`Tree`: a folder into which files are written whose names others have chosen.

No symbolic link inside of it is followed, neither by a name nor by one that is put there meanwhile:
each folder is opened from the one above it, and files are made in an open folder. Where the
system cannot open a folder (Windows), each one is looked at instead.
"""

from __future__ import annotations

import base64
import errno
import hashlib
import os
import secrets
import stat
import sys
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NoReturn

from wandb_runs.files.replace import FLAGS, keep_access

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

__all__ = ["PartialFile", "Tree", "UnsafePathError"]

_NAME: Final = 20
"""Characters of the target's name in that of the partial file."""

_CHUNK: Final = 1 << 20

_OPENS_FOLDERS: Final = os.open in os.supports_dir_fd and hasattr(os, "O_DIRECTORY")

_NO_LINKS: Final = frozenset({
    errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EXDEV, errno.EACCES,
})  # fmt: skip
"""How a file system says that a file can have one name only."""


class UnsafePathError(OSError):
    """A name leads through a symbolic link, or to what is no regular file."""

    @property
    def problem(self) -> str:
        """What is wrong with the name, as the end of a sentence about it."""
        return f"meets {self.filename!r}, which is a symbolic link, or no folder or regular file"


class Tree:
    """A folder into which files are written whose names others have chosen. Thread-safe.

    Args:
        root: The folder. It may be a symbolic link itself; it is made when the first file is.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._open: set[PartialFile] = set()

    def close(self) -> None:
        """Leave nothing of the files that are not whole."""
        for each in [*self._open]:
            each.discard()

    def path(self, name: str) -> Path:
        """The path of a file."""
        return self._root.joinpath(*name.split("/"))

    def find(self, name: str) -> os.stat_result | None:
        """What is at a name; None for nothing.

        Raises:
            UnsafePathError: A symbolic link is on the way or at its end, or no regular file.
            OSError: It cannot be looked at.
        """
        try:
            with self._enter(name, makes=False) as (folder, last):
                return folder.file(last)
        except FileNotFoundError:
            return None

    def measure(self, name: str) -> tuple[int, str]:
        """The size, and the MD5 digest in base 64, of a file that is there.

        Raises:
            UnsafePathError: A symbolic link is on the way or at its end, or no regular file.
            OSError: It cannot be read.
        """
        with self._enter(name, makes=False) as (folder, last):
            folder.file(last)
            descriptor = folder.open(last)
            try:
                return measure(descriptor)
            finally:
                os.close(descriptor)

    def begin(self, name: str, *, replace: bool) -> PartialFile:
        """Begin a file, of which nothing is seen under its name until it is whole.

        Args:
            name: Its name, a path with slashes that `problem_of_name` finds nothing wrong with.
            replace: Whether it may take the place of one that is there.

        Raises:
            FileExistsError: One is there, which may not be replaced.
            UnsafePathError: A symbolic link is on the way or at its end, or no regular file.
            OSError: It cannot be written.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        with self._enter(name, makes=True) as (folder, last):
            before = folder.file(last, may_exist=replace)
            partial = PartialFile(folder.copy(), last, before, self._open.discard, replaces=replace)
        self._open.add(partial)
        return partial

    @contextmanager
    def _enter(self, name: str, *, makes: bool) -> Generator[tuple[_Folder, str]]:
        """The folder that a file is in, and the last part of its name."""
        *parts, last = name.split("/")
        folder = _Folder.of_root(self._root)
        try:
            for part in parts:
                below = folder.below(part, makes=makes)
                folder.close()
                folder = below
            yield folder, last
        finally:
            folder.close()


class PartialFile:
    """A file that is being written, beside its place. Thread-safe."""

    def __init__(
        self,
        folder: _Folder,
        name: str,
        before: os.stat_result | None,
        done: Callable[[PartialFile], None],
        *,
        replaces: bool,
    ) -> None:
        self._folder = folder
        self._name = name
        self._before = before
        self._done = done
        self._replaces = replaces
        self._lock = threading.Lock()
        self._partial = f".{name[:_NAME]}.{secrets.token_hex(8)}.part"
        try:
            self._descriptor = folder.create(self._partial)
        except BaseException:
            folder.close()
            raise
        self._is_open = True

    def write(self, offset: int, content: bytes) -> None:
        """Write a part.

        Raises:
            OSError: It cannot be written, or the file is done with.
        """
        with self._lock:
            self._check()
            # A lock is held, so that the place of the next byte is this thread's.
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            left = memoryview(content)
            while left:
                left = left[os.write(self._descriptor, left) :]

    def clear(self) -> None:
        """Begin anew.

        Raises:
            OSError: It cannot be written, or the file is done with.
        """
        with self._lock:
            self._check()
            os.ftruncate(self._descriptor, 0)

    def measure(self) -> tuple[int, str]:
        """The size, and the MD5 digest in base 64, of what is on the disk.

        Raises:
            OSError: It cannot be read, or the file is done with.
        """
        with self._lock:
            self._check()
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            return measure(self._descriptor)

    def commit(self) -> None:
        """Give the file its name.

        Raises:
            FileExistsError: There is one meanwhile, which may not be replaced.
            OSError: It cannot be written, or the file is done with.
        """
        with self._lock:
            self._check()
            if self._before is not None:
                keep_access(self._descriptor, self._before)
            os.fsync(self._descriptor)
            self._close()
            try:
                self._folder.rename(self._partial, self._name, replaces=self._replaces)
            finally:
                self._end()

    def discard(self) -> None:
        """Leave nothing of it; harmless when it is done with."""
        with self._lock:
            if self._is_open:
                self._close()
                self._end()

    def _check(self) -> None:
        if not self._is_open:
            raise OSError(errno.EBADF, "the file is done with", self._folder.shown(self._name))

    def _close(self) -> None:
        # Under the lock: the number may be that of another file from now on.
        self._is_open = False
        os.close(self._descriptor)

    def _end(self) -> None:
        with suppress(OSError):
            self._folder.remove(self._partial)
        self._folder.close()
        self._done(self)


class _Folder:
    """A folder that is open, where the system can open one; else its path."""

    def __init__(self, path: str, descriptor: int | None) -> None:
        self._path = path
        self._at = descriptor

    @classmethod
    def of_root(cls, root: Path) -> _Folder:
        path = os.fspath(root)
        if not _OPENS_FOLDERS:
            if not root.is_dir():
                kind = NotADirectoryError if root.exists() else FileNotFoundError
                raise kind(errno.ENOENT, "no such folder", path)
            return cls(path, None)
        return cls(path, os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def shown(self, name: str) -> str:
        return os.path.join(self._path, name)  # noqa: PTH118 - of texts

    def below(self, name: str, *, makes: bool) -> _Folder:
        """A folder in this one."""
        where = self._where(name)
        if makes:
            with suppress(FileExistsError):
                os.mkdir(where, dir_fd=self._at)
        found = os.stat(where, dir_fd=self._at, follow_symlinks=False)
        if not stat.S_ISDIR(found.st_mode) or _is_junction(found):
            self._refuse(name)
        if self._at is None:
            return _Folder(self.shown(name), None)
        try:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            return _Folder(self.shown(name), os.open(where, flags, dir_fd=self._at))
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.ENOTDIR}:  # it became one meanwhile
                self._refuse(name)
            raise

    def file(self, name: str, *, may_exist: bool = True) -> os.stat_result | None:
        """The regular file of a name in this folder; None for nothing."""
        try:
            found = os.stat(self._where(name), dir_fd=self._at, follow_symlinks=False)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            self._refuse(name)
        if not may_exist:
            raise _exists(self.shown(name))
        return found

    def open(self, name: str) -> int:
        flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        return os.open(self._where(name), flags, dir_fd=self._at)

    def copy(self) -> _Folder:
        return _Folder(self._path, None if self._at is None else os.dup(self._at))

    def create(self, name: str) -> int:
        return os.open(self._where(name), FLAGS & ~os.O_WRONLY | os.O_RDWR, 0o666, dir_fd=self._at)

    def rename(self, name: str, to: str, *, replaces: bool) -> None:
        source, target = self._where(name), self._where(to)
        if not replaces:
            try:
                # Which replaces nothing, unlike a renaming.
                os.link(source, target, src_dir_fd=self._at, dst_dir_fd=self._at)
            except FileExistsError:
                raise _exists(self.shown(to)) from None
            except (OSError, NotImplementedError) as error:
                if isinstance(error, OSError) and error.errno not in _NO_LINKS:
                    raise
                self.file(to, may_exist=False)
            else:
                self._sync()
                return
        self.file(to)
        os.replace(source, target, src_dir_fd=self._at, dst_dir_fd=self._at)
        self._sync()

    def remove(self, name: str) -> None:
        os.unlink(self._where(name), dir_fd=self._at)

    def close(self) -> None:
        if self._at is not None:
            os.close(self._at)
            self._at = None

    def _where(self, name: str) -> str:
        return name if self._at is not None else self.shown(name)

    def _sync(self) -> None:
        if self._at is not None:
            with suppress(OSError):
                os.fsync(self._at)

    def _refuse(self, name: str) -> NoReturn:
        raise UnsafePathError(
            errno.ELOOP,
            "a symbolic link, or no folder or regular file, is in the way",
            self.shown(name),
        )


def measure(descriptor: int) -> tuple[int, str]:
    """The size, and the MD5 digest in base 64, of a file from where it is read next."""
    digest, size = hashlib.md5(usedforsecurity=False), 0
    while chunk := os.read(descriptor, _CHUNK):
        digest.update(chunk)
        size += len(chunk)
    return size, base64.b64encode(digest.digest()).decode()


def _exists(path: str) -> FileExistsError:
    return FileExistsError(errno.EEXIST, "it is there already; pass replace=True", path)


def _is_junction(found: os.stat_result) -> bool:
    """Whether a folder of Windows leads elsewhere."""
    if sys.platform != "win32":
        return False
    return bool(found.st_file_attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)
