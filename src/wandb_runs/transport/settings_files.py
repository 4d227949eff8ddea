"""Settings files of W&B's SDK, which `wandb login --host` and `wandb init` write; only read."""

from __future__ import annotations

import errno
import stat
from configparser import ConfigParser
from configparser import Error as ConfigError
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from typing_extensions import override

from wandb_runs.errors import InvalidArgumentError
from wandb_runs.errors.text import FieldsRepr, as_message
from wandb_runs.transport.hosts import DEFAULT_BASE_URL
from wandb_runs.transport.urls import without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Setting", "SettingsFiles", "read_settings_files"]

_SECTION: Final = "default"
_KEYS: Final = ("base_url", "entity", "project")

_MOST_BYTES: Final = 64 * 1024
"""Longer files are refused: those of the SDK have a few lines."""


@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """A setting, and where it comes from.

    Attributes:
        value: The value; None if nothing gives one.
        source: `argument`, `overrides`, the name of an environment variable, the path of a
            settings file, `pickle`, `base_url` for what follows from that, or `default`; None
            without a value.
    """

    value: str | None = None
    source: str | None = None

    @override
    def __repr__(self) -> str:
        value = getattr(self, "value", None)
        if value is not None:
            # A base_url that was not checked may hold credentials.
            value = "(not shown)" if "@" in value else without_secrets(value)
        return f"Setting({value!r}, source={getattr(self, 'source', None)!r})"

    @property
    def place(self) -> str:
        """The settings file that it comes from, in the words of a message."""
        return f"the settings file '{as_message(self.source or '')}'"


Found: TypeAlias = "Mapping[str, Setting]"
"""The settings of a file, by name."""


@dataclass(frozen=True, slots=True, repr=False)
class SettingsFiles(FieldsRepr):
    """What the settings files say.

    Attributes:
        local: The settings of `wandb/settings` in the working directory, which a cloned
            repository may bring.
        own: Those of the user's own file.
    """

    local: Found
    own: Found

    @property
    def own_server(self) -> Setting:
        """The server that the user's own file names, or the default."""
        return self.own.get("base_url", Setting(DEFAULT_BASE_URL, "default"))


def read_settings_files(config_dir: str | None) -> SettingsFiles:
    """Read the settings files that there are.

    Args:
        config_dir: The folder of the user's own file; None for `~/.config/wandb`.

    Raises:
        InvalidArgumentError: A file that cannot be read; the message names it, with the line, and
            quotes nothing of it.
    """
    own = local = None
    with suppress(RuntimeError):  # a service account may have no home
        own = Path(config_dir or "~/.config/wandb").expanduser() / "settings"
    with suppress(OSError):  # the working directory may be gone
        local = Path.cwd() / "wandb" / "settings"
    with suppress(OSError, ValueError):
        if own is not None and local is not None and own.samefile(local):
            local = None  # what is the user's own is trusted wherever a program runs
    return SettingsFiles(_read(local), _read(own))


def _read(path: Path | None) -> Found:
    """The settings of a file; none if it is missing, or has no such section."""
    found = {} if path is None else _parse(path)
    if isinstance(found, dict):
        return {name: Setting(value, str(path)) for name, value in found.items() if value}
    # No frame of this traceback holds more of the file.
    raise InvalidArgumentError(
        f"the settings file '{as_message(str(path))}'{found}; fix it, or pass base_url=, entity= "
        "and project= (or set WANDB_BASE_URL, WANDB_ENTITY and WANDB_PROJECT)"
    )


def _parse(path: Path) -> dict[str, str] | str:
    """What a file says, or why it cannot be read, without a word of it."""
    try:
        content = _content(path)
        if content is None:
            return {}
        if len(content) > _MOST_BYTES:
            return f" has more than {_MOST_BYTES:,} bytes"
        parser = ConfigParser(interpolation=None)
        parser.read_string(content.decode("utf-8-sig"))
    except ConfigError as error:
        errors = getattr(error, "errors", None)
        line = errors[0][0] if errors else getattr(error, "lineno", None)
        return f"{f', line {line},' if line else ''} is no INI file"
    except OSError as error:
        return f" cannot be read ({error.strerror or type(error).__name__})"
    except ValueError:  # of which UnicodeDecodeError is one
        return " is no text in UTF-8"
    return {key: parser.get(_SECTION, key, fallback="") for key in _KEYS}


def _content(path: Path) -> bytes | None:
    """The content of a file, and a byte more than may be; None if there is none.

    Raises:
        OSError: It cannot be read.
    """
    try:
        # Opening a pipe would wait for a writer.
        if not stat.S_ISREG(path.stat().st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        with path.open("rb") as file:
            return file.read(_MOST_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return None
