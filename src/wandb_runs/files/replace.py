"""Output files: whole or not there at all, with the access that was there before.

What is written goes to a new file beside the target, under a name that cannot be foreseen, which
then takes the target's place. A symbolic link is followed: what it points to is replaced. Devices,
pipes and what this process has open (`/dev/stdout`) have no place to take, and are written to.
"""

from __future__ import annotations

import errno
import os
import secrets
import signal
import stat
import sys
import threading
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import FrameType
    from typing import IO

__all__ = ["FLAGS", "keep_access", "replace_file", "sync_folder", "unless_terminated"]

_NAME: Final = 40
"""Characters of the target's name in that of the partial file: file systems limit names."""

_OPENED: Final = ("/dev", "/dev/fd", "/proc")
"""Folders of devices, and of what processes have open."""


def replace_file(path: Path, write: Callable[[IO[bytes]], object] | None) -> None:
    """Replace a file atomically, or write to a device or a pipe.

    A new file gets the mode that the umask gives; one that was there keeps its mode, and its owner
    and group where that is permitted. Nothing is left beside it after an error, an interrupt or a
    termination.

    Args:
        path: The file.
        write: Writes the content; None only checks that the file can be written.

    Raises:
        OSError: It cannot be written.
    """
    before = _existing(path)
    if before is not None and (not stat.S_ISREG(before.st_mode) or _is_opened(path)):
        if write is not None:
            content = BytesIO()  # what writes may want to seek
            write(content)
            with path.open("wb") as file:
                file.write(content.getbuffer())
        return
    target = Path(os.path.realpath(path))  # a link stays one
    with unless_terminated():
        partial = target.with_name(f".{target.name[:_NAME]}.{secrets.token_hex(8)}.part")
        descriptor = os.open(partial, FLAGS, 0o666 if before is None else 0o600)
        try:
            with _naming(path), os.fdopen(descriptor, "wb") as file:
                if write is None:
                    return
                write(file)
                file.flush()
                if before is not None:
                    keep_access(file.fileno(), before)
                os.fsync(file.fileno())
            partial.replace(target)
            sync_folder(target.parent)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def _naming(path: Path) -> Generator[None]:
    """Name the file in errors of writing to it, such as that of a full disk."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from error


# Never through a link that was put there, and never to a file that is there.
FLAGS: Final = (
    os.O_WRONLY
    | os.O_CREAT
    | os.O_EXCL
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


def _existing(path: Path) -> os.stat_result | None:
    """What is at a path; None for nothing.

    Raises:
        OSError: A folder is there, or what may not be written.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    # To rename over a file takes no permission to write to it.
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
    return found


def _is_opened(path: Path) -> bool:
    """Whether a path stands for what a process has open: `/dev/stdout`, also of a regular file."""
    while True:
        folder = os.path.realpath(path.parent)
        if folder in _OPENED or folder.startswith("/proc/"):
            return True
        if not path.is_symlink():
            return False
        path = path.parent / path.readlink()


def keep_access(descriptor: int, before: os.stat_result) -> None:
    """Give a new file the owner, the group and the mode of the one that it replaces."""
    if sys.platform == "win32":
        return
    mode = stat.S_IMODE(before.st_mode)
    now = os.fstat(descriptor)
    if now.st_gid != before.st_gid:
        try:
            os.fchown(descriptor, -1, before.st_gid)
        except OSError:
            # Its new group may do no more than all others may.
            mode &= ~stat.S_IRWXG | ((mode & stat.S_IRWXO) << 3)
    if now.st_uid != before.st_uid:
        with suppress(OSError):
            os.fchown(descriptor, before.st_uid, -1)
    os.fchmod(descriptor, mode)


def sync_folder(folder: Path) -> None:
    """Let the new name outlast a crash of the machine, where folders can be synced."""
    if sys.platform == "win32":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def unless_terminated() -> Generator[None]:
    """Let SIGTERM and SIGHUP unwind the block as Ctrl-C does, where nothing else handles them."""
    handled: list[int] = []
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) == signal.SIG_DFL:
                signal.signal(number, _exit)
                handled.append(number)
    try:
        yield
    finally:
        for number in handled:
            signal.signal(number, signal.SIG_DFL)


def _exit(number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + number)  # as shells report a command that a signal ended
