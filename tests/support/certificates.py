"""Certificates for one test."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import trustme

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Authority"]


# trustme's types name the context of pyOpenSSL as well, which is not installed.


class Authority:
    """Issues certificates that only its own contexts trust."""

    def __init__(self) -> None:
        self._authority = trustme.CA()

    def serving(self, name: str) -> ssl.SSLContext:
        """The context of a server of that name."""
        certificate = self._authority.issue_cert(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's type
        return context

    def trusting(self) -> ssl.SSLContext:
        """The context of a client that trusts what is issued here."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's type
        return context

    def write(self, file: Path) -> None:
        """Write what `SSL_CERT_FILE` may name."""
        self._authority.cert_pem.write_to_path(str(file))
