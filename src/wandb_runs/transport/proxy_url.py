"""`ProxyUrl`: the address of a proxy, whose password no message shows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from typing_extensions import override

if TYPE_CHECKING:
    from typing import Self

__all__ = ["ProxyUrl"]

_SHOWN: Final = re.compile(
    r"([a-z][a-z0-9+.-]*://)(?:[^/?#]*@)?((?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?)/?",
    re.IGNORECASE,
)
"""An address of which it is certain where a user and a password end."""


class ProxyUrl(str):
    """The address of a proxy; its repr is for messages, and hides the user and the password.

    Args:
        url: The address.
        variable: The environment variable that names it, which is all that is shown of an address
            whose parts are in doubt.

    >>> ProxyUrl("http://me:pass@proxy.example:3128", "HTTPS_PROXY")
    http://proxy.example:3128
    >>> ProxyUrl("http://me:pa/ss@proxy.example:3128", "HTTPS_PROXY")
    of HTTPS_PROXY
    """

    __slots__ = ("_variable",)

    _variable: str

    def __new__(cls, url: str, variable: str) -> Self:
        """Make one."""
        made = super().__new__(cls, url)
        made._variable = variable
        return made

    @property
    def variable(self) -> str:
        """The environment variable that names it."""
        return self._variable

    @property
    def is_http(self) -> bool:
        """Whether it passes requests on that are not encrypted, rather than connections."""
        return self.lower().startswith(("http:", "https:"))

    @override
    def __repr__(self) -> str:
        found = _SHOWN.fullmatch(self)
        return f"of {self._variable}" if found is None else f"{found[1]}{found[2]}"
