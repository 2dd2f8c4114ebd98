"""What a PKCS#12 file holds: every private key with its certificate, and the other certificates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import pkcs12 as pfx
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_der_private_key, pkcs12

from simulators.process.bounded_file import FileTooLarge, read_bounded
from simulators.process.errors import InputError, one_line, reason

MAX_FILE_BYTES = 1 << 20
PFX_VERSION = b"\x02\x01\x03"  # INTEGER 3
_KEY_BAGS = ("key_bag", "pkcs8_shrouded_key_bag")


@dataclass(frozen=True)
class Pkcs12Content:
    """Keys with their certificates in the order of the file, and the certificates without key."""

    pairs: tuple[tuple[object, x509.Certificate], ...]
    others: tuple[x509.Certificate, ...]


def read_pkcs12(path: Path, password: str) -> Pkcs12Content:
    """Read the PKCS#12 file *path* with at least one key.

    Raises InputError in one German line: the file is missing or too large, is no PKCS#12, needs
    another password, or holds a key without its certificate.
    """
    content = _read(path)
    if content[:1] != b"\x30" or PFX_VERSION not in content[: len(PFX_VERSION) + 9]:
        raise InputError(f"{path}: keine PKCS#12-Datei")  # a SEQUENCE with the version, DER or BER
    secret = password.encode()
    try:
        first, certificate, more = pkcs12.load_key_and_certificates(content, secret)
        keys = [] if first is None else _unique([first, *_keys(content, secret)])
    except UnsupportedAlgorithm as error:
        raise InputError(f"{path}: nicht unterstützt verschlüsselt: {_told(error)}") from None
    except (ValueError, TypeError):
        raise InputError(f"{path}: das Passwort ist falsch, oder die Datei beschädigt") from None
    certificates = list(dict.fromkeys([*([certificate] if certificate else []), *more]))
    if not keys or not certificates:
        raise InputError(f"{path}: enthält keinen privaten Schlüssel mit seinem Zertifikat")
    pairs = []
    for key in keys:
        public = key.public_key()
        own = next((one for one in certificates if one.public_key() == public), None)
        if own is None:
            raise InputError(f"{path}: zu einem Schlüssel darin fehlt das Zertifikat")
        certificates.remove(own)
        pairs.append((key, own))
    return Pkcs12Content(tuple(pairs), tuple(certificates))


def _read(path: Path) -> bytes:
    try:
        return read_bounded(path, MAX_FILE_BYTES)
    except FileTooLarge as error:
        raise InputError(f"{path}: größer als {error.limit} Bytes, keine PKCS#12-Datei") from None
    except OSError as error:
        raise InputError(f"{path}: nicht lesbar: {reason(error)}") from None


def _keys(content: bytes, password: bytes) -> Iterator[PrivateKeyTypes]:
    """Yield the keys of a file with several, which the library does not give: only the first.

    They are shrouded by themselves, as OpenSSL and Java write them. Raises ValueError, TypeError,
    the latter also for an empty password.
    """
    bags = [
        bag
        for part in pfx.Pfx.load(content).authenticated_safe
        if part["content_type"].native == "data"
        for bag in pfx.SafeContents.load(part["content"].native)
        if bag["bag_id"].native in _KEY_BAGS
    ]
    for bag in bags if len(bags) > 1 else ():
        shrouded = bag["bag_id"].native != "key_bag"
        yield load_der_private_key(bag["bag_value"].untag().dump(), password if shrouded else None)


def _unique(keys: list[PrivateKeyTypes]) -> list[PrivateKeyTypes]:
    found: list[PrivateKeyTypes] = []
    for key in keys:
        if all(key.public_key() != known.public_key() for known in found):
            found.append(key)
    return found


def _told(error: Exception) -> str:
    return one_line(str(error.args[0] if error.args else error))
