"""What certificates are trusted."""

from __future__ import annotations

import os
import ssl

import httpcore

from wandb_runs.errors import InvalidArgumentError

__all__ = ["check_context", "default_context"]


def check_context(context: object) -> ssl.SSLContext | None:
    """Refuse a context that would talk to anybody.

    Raises:
        InvalidArgumentError: It does not verify certificates, or not whose they are.
    """
    if context is None:
        return None
    if not isinstance(context, ssl.SSLContext):
        raise InvalidArgumentError(
            f"ssl_context must be an ssl.SSLContext, got {type(context).__name__}"
        )
    if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
        raise InvalidArgumentError(
            "ssl_context does not verify the server's certificate or name, so that anybody could "
            "take the API key; for a certificate of your own pass "
            "ssl.create_default_context(cafile=...), or set SSL_CERT_FILE"
        )
    return context


def default_context() -> ssl.SSLContext:
    """The certificates that the environment names, else those that come with the HTTP library.

    Raises:
        OSError: The file or folder that the environment names cannot be read.
    """
    if file := os.environ.get("SSL_CERT_FILE"):
        return ssl.create_default_context(cafile=file)
    if folder := os.environ.get("SSL_CERT_DIR"):
        return ssl.create_default_context(capath=folder)
    return httpcore.default_ssl_context()
