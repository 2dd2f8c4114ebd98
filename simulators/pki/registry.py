"""What the responder knows: the issued certificates, their status, and who signs the answers."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from pydantic import TypeAdapter, ValidationError

from simulators.process.errors import InputError, one_line
from simulators.process.settings import Settings

from .certificate import Authority
from .request import Crypt, Reference
from .rsa_end import RSA, RsaEnds

HASHES = ("sha1", "sha256", "sha384", "sha512")


class Status(StrEnum):
    """The status of a certificate (RFC 6960, 4.2.1)."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


class Issued(Settings):
    """An issued certificate as the index names it; ``sha256`` is the hash of its DER, hex."""

    serial: str
    authority: str
    profile: str
    crypt: str | None
    iccsn: str | None
    subject: str
    not_before: datetime | None = None
    not_after: datetime
    sha256: str


class RevokedAtStart(Settings):
    """Certificates of a card that are revoked from their beginning: all of it, or those named."""

    iccsn: str
    reference: Reference | None = None
    crypt: Crypt | None = None

    def means(self, issued: Issued) -> bool:
        """Whether *issued* is one of them."""
        kind = issued.profile.rpartition(".")[2].replace("OSIG", "SIG")
        return (
            issued.iccsn == self.iccsn
            and self.reference in (None, f"C.{kind}")
            and self.crypt in (None, issued.crypt)
        )


class _Index(Settings):
    authorities: list[str]
    certificates: list[Issued]


@dataclass(frozen=True)
class Entry:
    """An issued certificate and its status now."""

    issued: Issued
    status: Status = Status.GOOD
    revoked_at: datetime | None = None
    reason: str | None = None


@dataclass(frozen=True)
class AnsweringAuthority:
    """An authority, and the signer of the answers about its certificates.

    Of a *foreign* one only some certificates are known here, which issued others besides.
    """

    name: str
    certificate: x509.Certificate
    signer: Authority
    foreign: bool = False


class Registry:
    """The certificates of one tree, and own ones, by authority and serial number."""

    def __init__(
        self,
        authorities: list[AnsweringAuthority],
        issued: list[Issued],
        rsa_ends: RsaEnds | None = None,
        revoked: Sequence[RevokedAtStart] = (),
    ) -> None:
        self._revoked_at_start = revoked
        self._revoked_from = _ends(issued, rsa_ends) if rsa_ends is not None else {}
        self.authorities = {authority.name: authority for authority in authorities}
        self._issued = issued
        self._entries: dict[tuple[str, int], Entry] = {}
        self._by_hash = {
            (name, *_issuer_hashes(authority.certificate, name)): authority
            for authority in authorities
            for name in HASHES
        }
        self.reset()

    @classmethod
    def load(
        cls,
        pki: Path,
        rsa_ends: RsaEnds | None = None,
        *,
        own: Path | None = None,
        revoked: Sequence[RevokedAtStart] = (),
    ) -> Registry:
        """Read the registry of the tree *pki*; *rsa_ends* revokes certificates with RSA.

        *own* is the folder with the index of own test cards; *revoked* are revoked from the
        start. Raises InputError when an index cannot be read.
        """
        authorities, issued = _read_index(pki / "ocsp", foreign=False)
        if own is not None:
            more, certificates = _read_index(own, foreign=True)
            authorities, issued = authorities + more, issued + certificates
        return cls(authorities, issued, rsa_ends, revoked)

    def reset(self) -> None:
        """Make every certificate good again, but those that are revoked from the start."""
        self._entries = {
            (issued.authority, int(issued.serial)): self._at_start(issued)
            for issued in self._issued
        }

    def _at_start(self, issued: Issued) -> Entry:
        if any(revoked.means(issued) for revoked in self._revoked_at_start):
            since = issued.not_before or datetime(2000, 1, 1, tzinfo=UTC)
            return Entry(issued, Status.REVOKED, since)
        return Entry(issued)

    def authority(
        self, hash_name: str, name_hash: bytes, key_hash: bytes
    ) -> AnsweringAuthority | None:
        """Return the authority that a CertID names by the hashes of its name and key."""
        return self._by_hash.get((hash_name, name_hash, key_hash))

    def entry(self, authority: str, serial: int, now: datetime) -> Entry | None:
        """Return what is known of the certificate *now*, None for one that was never issued.

        A good one with RSA is revoked from the day on which RSA ends for it.
        """
        entry = self._entries.get((authority, serial))
        if entry is None or entry.status is not Status.GOOD:
            return entry
        revoked = self._revoked_from.get((authority, serial))
        if revoked is None or now < revoked:
            return entry
        return replace(entry, status=Status.REVOKED, revoked_at=revoked, reason="superseded")

    def entries(self, now: datetime) -> list[Entry]:
        """Return all certificates as they are *now*, in the order of their issue."""
        found = (self.entry(authority, serial, now) for authority, serial in self._entries)
        return [entry for entry in found if entry is not None]

    def set_status(
        self, serial: int, status: Status, at: datetime, reason: str | None = None
    ) -> list[Entry]:
        """Give the certificate with *serial* the *status* as of *at*; return what was changed.

        An empty list means that there is no such certificate.
        """
        changed = []
        for key, entry in self._entries.items():
            if key[1] == serial:
                revoked = status is Status.REVOKED
                changed.append(
                    replace(
                        entry,
                        status=status,
                        revoked_at=at.replace(microsecond=0) if revoked else None,
                        reason=reason if revoked else None,
                    )
                )
        for entry in changed:
            self._entries[entry.issued.authority, serial] = entry
        return changed


def _ends(issued: list[Issued], rsa_ends: RsaEnds) -> dict[tuple[str, int], datetime]:
    """Return when certificates of cards are revoked because RSA ends, where that happens."""
    with_ecc = {(one.iccsn, one.profile) for one in issued if one.crypt != RSA}
    days = {
        (one.authority, int(one.serial)): rsa_ends.revoked_at(
            one.profile, has_ecc=(one.iccsn, one.profile) in with_ecc, issued=one.not_before
        )
        for one in issued
        if one.crypt == RSA
    }
    return {key: day for key, day in days.items() if day is not None}


def _issuer_hashes(certificate: x509.Certificate, hash_name: str) -> tuple[bytes, bytes]:
    name = certificate.subject.public_bytes()
    key = certificate.public_key()
    assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
    return hashlib.new(hash_name, name).digest(), hashlib.new(hash_name, key_bits(key)).digest()


def key_bits(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey) -> bytes:
    """Return the content of the BIT STRING in the SubjectPublicKeyInfo of *key*."""
    if isinstance(key, rsa.RSAPublicKey):
        return key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def _read_index(folder: Path, *, foreign: bool) -> tuple[list[AnsweringAuthority], list[Issued]]:
    try:
        index = TypeAdapter(_Index).validate_json((folder / "index.json").read_bytes())
        authorities = [_read_authority(folder, name, foreign) for name in index.authorities]
    except ValidationError as error:
        raise InputError(f"{folder}: {one_line(str(error.errors()[0]['msg']))}") from None
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{folder}: no OCSP index: {one_line(str(error))}") from None
    return authorities, index.certificates


def _read_authority(folder: Path, name: str, foreign: bool) -> AnsweringAuthority:
    key = load_pem_private_key(
        (folder / f"{name}.key.pem").read_bytes(), None, unsafe_skip_rsa_key_validation=True
    )
    if not isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError(f"{name}: neither an RSA nor an elliptic curve key")
    signer = x509.load_pem_x509_certificate((folder / f"{name}.crt.pem").read_bytes())
    certificate = x509.load_pem_x509_certificate((folder / f"{name}.ca.pem").read_bytes())
    return AnsweringAuthority(name, certificate, Authority(signer, key), foreign)
