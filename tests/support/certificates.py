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

    def serving(self, name: str, *, asks: bool = False) -> ssl.SSLContext:
        """The context of a server of that name.

        Args:
            name: The name.
            asks: Whether it asks clients for a certificate that is issued here.
        """
        certificate = self._authority.issue_cert(name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's type
        if asks:
            context.verify_mode = ssl.CERT_REQUIRED
            self._authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's type
        return context

    def trusting(self) -> ssl.SSLContext:
        """The context of a client that trusts what is issued here."""
        context = ssl.create_default_context()
        self._authority.configure_trust(context)  # pyright: ignore[reportUnknownMemberType] - pyOpenSSL's type
        return context

    def write(self, file: Path) -> None:
        """Write what `SSL_CERT_FILE` may name."""
        self._authority.cert_pem.write_to_path(str(file))

    def write_client(self, file: Path) -> None:
        """Write a certificate of a client, with its key."""
        self._authority.issue_cert(
            "client@example.org"
        ).private_key_and_cert_chain_pem.write_to_path(str(file))
