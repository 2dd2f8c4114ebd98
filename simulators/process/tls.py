"""TLS contexts of all roles, from one place: protocol versions, client certificates, PKCS#12.

TLS 1.2 and 1.3 with the cipher suites and curves of OpenSSL's default, which holds those of
gemSpec_Krypt, for keys of RSA and ECC; as client ECDSA is offered first (KOM-LE-A_2064-02,
A_17239).
"""

from __future__ import annotations

import os
import ssl
import tempfile
from asyncio.sslproto import SSLProtocol
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from .bounded_file import read_bounded
from .errors import InputError, one_line
from .settings import TlsIdentity

MAX_PKCS12_BYTES = 1 << 20
READ_BYTES = 32 << 10


def keep_connections_small() -> None:
    """Have this process's TLS connections read into READ_BYTES each, where asyncio takes 256 KiB.

    asyncio writes to that buffer when it makes it: hundreds of idle sessions would hold hundreds
    of megabytes. To be called before the first connection.
    """
    SSLProtocol.max_size = READ_BYTES


def server_context(
    identity: TlsIdentity | None, client_ca: Path | None = None, *, require_client: bool = False
) -> ssl.SSLContext:
    """Return a TLS 1.2+ server context; with *client_ca* client certificates are checked.

    ``require_client`` refuses a handshake without client certificate. Without *identity* the
    caller loads one, as by ``load_pkcs12``.
    Raises InputError when a file cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.num_tickets = 0  # no client of ours resumes; tickets cost a packet a connection
    if identity is not None:
        _load_identity(context, identity)
    if client_ca is not None:
        _load_trust(context, client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    return context


def client_context(ca: Path | None, identity: TlsIdentity | None = None) -> ssl.SSLContext:
    """Return a TLS 1.2+ client context that trusts *ca* and checks the server's name.

    Without *ca* no server certificate is checked: only for peers whose certificate the caller
    checks itself.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca is None:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    else:
        _load_trust(context, ca)
    if identity is not None:
        _load_identity(context, identity)
    return context


def load_pkcs12(context: ssl.SSLContext, file: Path, password: str) -> bytes:
    """Load key and certificates of a PKCS#12 *file* into *context*; return the certificate, DER.

    The key is decrypted in memory only (KOM-LE-A_2065). Raises InputError for a wrong password
    or a file that is no PKCS#12.
    """
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(
            read_bounded(file, MAX_PKCS12_BYTES), password.encode()
        )
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as PKCS#12: {one_line(str(error))}") from None
    if key is None or certificate is None:
        raise InputError(f"{file}: holds no private key with its certificate")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    pem += b"".join(c.public_bytes(Encoding.PEM) for c in (certificate, *chain))
    with _private_file(pem) as path:
        context.load_cert_chain(path)
    return certificate.public_bytes(Encoding.DER)


@contextmanager
def _private_file(content: bytes) -> Iterator[str]:
    """Offer *content* under a path while the block runs: in memory where the system can."""
    if hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd"):
        descriptor = os.memfd_create("kimulator", os.MFD_CLOEXEC)
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    with tempfile.NamedTemporaryFile(prefix="kimulator-") as file:  # mode 0600
        file.write(content)
        file.flush()
        yield file.name


def _load_identity(context: ssl.SSLContext, identity: TlsIdentity) -> None:
    try:
        context.load_cert_chain(identity.certificate, identity.key)
    except (OSError, ssl.SSLError) as error:
        raise InputError(
            f"{identity.certificate}: certificate or key cannot be used: {one_line(str(error))}"
        ) from None


def _load_trust(context: ssl.SSLContext, ca: Path) -> None:
    try:
        context.load_verify_locations(ca)
    except (OSError, ssl.SSLError) as error:
        raise InputError(f"{ca}: cannot be used as trust: {one_line(str(error))}") from None
