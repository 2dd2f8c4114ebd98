"""The client module's key store: what each account was given for TLS to its provider.

One PKCS#12 file for each address below ``keys`` in the data directory, encrypted with the
store's password, readable by the owner only (KOM-LE-A_2065). Nothing is shipped in it
(KOM-LE-A_2300): keys come from the provider by createCert (KOM-LE-A_2301-02) or are imported
(A_18783). A running client module sees what another process stored at its next connection.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from simulators.process.bounded_file import read_bounded
from simulators.process.errors import InputError, one_line, reason

from .settings import Account

PASSWORD_FILE = "password"  # noqa: S105 (the name of the file)
PASSWORD_BYTES = 32
MAX_FILE = 1 << 20
MAX_FILES = 10_000
PROBE = 16 << 10
"""Bytes that there must be room for: a key with its certificates."""
SUFFIX = ".p12"

Stamp = tuple[int, int, int] | None
"""What tells whether a file is still the one that was read: None for no file."""


@dataclass(frozen=True)
class KeyMaterial:
    """A private key with its certificate C.CM.TLS-CS and the certificates above it."""

    key: pkcs12.PKCS12PrivateKeyTypes
    certificate: x509.Certificate
    chain: tuple[x509.Certificate, ...] = ()


@dataclass(frozen=True)
class ClientIdentity:
    """The PKCS#12 file with which one address meets its provider, and until when it holds."""

    file: Path
    password: str
    certificate: x509.Certificate

    @property
    def expires(self) -> datetime:
        """Return the end of the certificate (notAfter)."""
        return self.certificate.not_valid_after_utc


class KeyStore:
    """Client identities by mail address: those that were stored here, and those of the settings.

    *password* encrypts what is stored; without one it is made at first use and kept beside the
    keys, where file permissions alone protect it. *given* are the accounts of the settings.
    Methods read files and decrypt keys: not for the event loop, but ``stamp``.
    """

    def __init__(self, directory: Path, password: str | None, given: Mapping[str, Account]) -> None:
        self._directory = directory
        self._password = password
        self._given = given

    def stamp(self, address: str) -> Stamp:
        """Return what changes whenever the stored identity of *address* does."""
        try:
            found = self._file(address).stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_ino, found.st_size

    def identity(self, address: str) -> ClientIdentity | None:
        """Return the identity of *address*, None without one (KOM-LE-A_2182-01).

        Where one is stored and one stands in the settings, it is the one that holds longer.
        Raises InputError for a file that cannot be used.
        """
        given = self._given.get(address.lower())
        found = [] if given is None else [_identity(given.pkcs12, given.password)]
        file = self._file(address)
        if file.exists():
            found.append(_identity(file, self._secret()))
        return max(found, key=lambda identity: identity.expires, default=None)

    def put(self, address: str, material: KeyMaterial) -> ClientIdentity:
        """Store *material* for *address* in place of what was stored; nobody sees half of it.

        Raises InputError when it cannot be written.
        """
        with self._writing():
            secret = self._begin()
            content = pkcs12.serialize_key_and_certificates(
                address.lower().encode(),
                material.key,
                material.certificate,
                material.chain,
                BestAvailableEncryption(secret.encode()),
            )
            _write_private(self._file(address), content, os.replace)
        return ClientIdentity(self._file(address), secret, material.certificate)

    def prepare(self) -> None:
        """See that something can be stored. Raises InputError if not."""
        with self._writing():
            self._begin()
            _write_private(self._directory / "probe", bytes(PROBE), lambda _, __: None)

    def addresses(self) -> tuple[str, ...]:
        """Return every address that has an identity, of the settings or stored.

        What cannot be read is left out.
        """
        known = dict.fromkeys(self._given)
        if self._directory.is_dir():
            for file in sorted(self._directory.glob(f"*{SUFFIX}"))[:MAX_FILES]:
                with suppress(OSError, ValueError, InputError):
                    name = _load(file, self._secret()).cert
                    if name is not None and name.friendly_name:
                        known[name.friendly_name.decode("utf-8")] = None
        return tuple(known)

    def owner_of_some_key(self, address: str, now: datetime) -> str | None:
        """Return *address* if its identity holds at *now*, else another address whose does.

        What a provider issued serves all addresses of a client module (3.7), until each has its
        own, and again when that has expired. Where none holds it is *address* with what it has,
        None if that is nothing. Raises InputError when its own cannot be used.
        """
        own = self.identity(address)
        if own is not None and own.expires > now:
            return address.lower()
        for other in self.addresses():
            with suppress(InputError):
                identity = self.identity(other)
                if identity is not None and identity.expires > now:
                    return other
        return None if own is None else address.lower()

    def _begin(self) -> str:
        """Make the directory if need be and return the password."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._secret()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise InputError(
                f"{self._directory}: der Schlüsselspeicher kann nicht geschrieben werden: "
                f"{reason(error)}"
            ) from None

    def _file(self, address: str) -> Path:
        name = hashlib.sha256(address.lower().encode()).hexdigest()[:32]
        return self._directory / (name + SUFFIX)

    def _secret(self) -> str:
        if self._password is not None:
            return self._password
        path = self._directory / PASSWORD_FILE
        if not path.exists():
            with suppress(FileExistsError):  # another process was faster: its password holds
                _write_private(path, secrets.token_urlsafe(PASSWORD_BYTES).encode(), os.link)
        try:
            secret = read_bounded(path, MAX_FILE).decode("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not readable: {one_line(str(error))}") from None
        if not secret:
            raise InputError(f"{path}: holds no password")
        return secret


def read_material(content: bytes, password: str) -> KeyMaterial:
    """Return key and certificates of a PKCS#12 (A_19513). Raises ValueError for anything else."""
    try:
        key, certificate, chain = pkcs12.load_key_and_certificates(content, password.encode())
    except (TypeError, UnsupportedAlgorithm, x509.InvalidVersion):
        raise ValueError("a kind of key or certificate that is not understood") from None
    if key is None or certificate is None:
        raise ValueError("no private key with its certificate")
    if not _belong_together(key, certificate):
        raise ValueError("the private key does not belong to the certificate")
    return KeyMaterial(key, certificate, tuple(chain))  # type: ignore[arg-type]  # no DH keys here


def _belong_together(key: PrivateKeyTypes, certificate: x509.Certificate) -> bool:
    return key.public_key() == certificate.public_key()


def _identity(file: Path, password: str) -> ClientIdentity:
    try:
        loaded = _load(file, password)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as PKCS#12: {one_line(str(error))}") from None
    if loaded.cert is None:
        raise InputError(f"{file}: holds no certificate")
    return ClientIdentity(file, password, loaded.cert.certificate)


def _load(file: Path, password: str) -> pkcs12.PKCS12KeyAndCertificates:
    return pkcs12.load_pkcs12(read_bounded(file, MAX_FILE), password.encode())


def _write_private(path: Path, content: bytes, give: Callable[[Path, Path], None]) -> None:
    """Write a file for the owner alone; it is on the disk when *give* gives it its name."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with os.fdopen(os.open(draft, flags, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        give(draft, path)
    finally:
        draft.unlink(missing_ok=True)
