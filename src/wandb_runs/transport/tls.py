"""The certificates that are trusted."""

from __future__ import annotations

import ssl

from wandb_runs.errors import InvalidArgumentError

__all__ = ["check_context", "default_context", "no_context"]


def check_context(context: object) -> ssl.SSLContext | None:
    """Refuse a context that would accept any server.

    Raises:
        InvalidArgumentError: It does not verify certificates, or not their names.
    """
    if context is None:
        return None
    if not isinstance(context, ssl.SSLContext):
        raise InvalidArgumentError(
            f"ssl_context must be an ssl.SSLContext, got {type(context).__name__}"
        )
    if context.verify_mode != ssl.CERT_REQUIRED or not context.check_hostname:
        raise InvalidArgumentError(
            "ssl_context does not verify the server's certificate or name, so that any server "
            "could take the API key; for a certificate of your own pass "
            "ssl.create_default_context(cafile=...), or set SSL_CERT_FILE"
        )
    return context


def default_context() -> ssl.SSLContext:
    """The certificates of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else those that come with httpx.

    Raises:
        OSError: The file or folder that the environment names cannot be read.
    """
    import httpx  # noqa: PLC0415 - with the first request: it takes long to import

    return httpx.create_ssl_context()


def no_context() -> ssl.SSLContext:
    """A context that trusts no certificate, for connections without encryption.

    httpx would load certificates for them, too, which takes longer than a request.
    """
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
