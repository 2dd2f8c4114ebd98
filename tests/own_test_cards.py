"""Test cards of somebody else: a foreign authority and PKCS#12 files of what it issued."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import pkcs12 as pfx
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    serialize_key_and_certificates,
)

from simulators.pki.certificate import (
    AdmissionOf,
    Authority,
    Content,
    PrivateKey,
    authority_certificate,
    end_entity,
    new_key,
)
from simulators.pki.profiles import HCI_ENC, KeyKind, Profile
from simulators.pki.subjects import authority_subject

NOW = datetime.now(UTC).replace(microsecond=0)
YEAR = timedelta(days=365)
LEGACY = (
    PrivateFormat.PKCS12.encryption_builder()
    .kdf_rounds(2048)
    .key_cert_algorithm(PBES.PBESv1SHA1And3KeyTripleDESCBC)
    .hmac_hash(hashes.SHA1())
)


@dataclass(frozen=True)
class Foreign:
    """A foreign authority: of gematik's names, but nobody's."""

    authority: Authority

    @classmethod
    def new(cls, subject: x509.Name | None = None) -> Foreign:
        """Return a fresh authority, self-signed, with a brainpool key."""
        key = new_key(KeyKind.BRAINPOOL)
        subject = subject or authority_subject("FREMD.SMCB-CA1 TEST-ONLY", None)
        certificate = authority_certificate(subject, key, (NOW - YEAR, NOW + 9 * YEAR), None)
        return cls(Authority(certificate, key))

    def issue(
        self,
        profile: Profile = HCI_ENC,
        kind: KeyKind = KeyKind.BRAINPOOL,
        *,
        subject: x509.Name | None = None,
        telematik_id: str | None = "2-290002",
        days: tuple[int, int] = (-100, 900),
        policies: bool = True,
        key: PrivateKey | None = None,
    ) -> tuple[x509.Certificate, PrivateKey]:
        """Return a certificate of *profile* and its key, valid from *days* to *days* from now."""
        key = key or new_key(kind)
        admission = AdmissionOf("1.2.276.0.76.4.51", "Zahnarztpraxis", telematik_id)
        chosen = profile if policies else replace(profile, policies=(), hba=False)
        content = Content(
            chosen,
            subject or holder(),
            *(NOW + timedelta(days=number) for number in days),
            admission=admission if telematik_id else None,
        )
        return end_entity(content, key.public_key(), self.authority), key


def holder(
    common_name: str | None = "Zahnarztpraxis Fremd TEST-ONLY",
    number: str | None = "75.80276000000046290002",
) -> x509.Name:
    """Return the subject of a foreign card."""
    parts = [(x509.NameOID.COUNTRY_NAME, "DE"), (x509.NameOID.SERIAL_NUMBER, number)]
    parts.append((x509.NameOID.COMMON_NAME, common_name))
    return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])


def pkcs12_of(
    path: Path,
    issued: tuple[x509.Certificate | None, PrivateKey | None],
    password: str = "geheim",
    chain: tuple[x509.Certificate, ...] = (),
    *,
    legacy: bool = False,
) -> Path:
    """Write a PKCS#12 file and return its path; *legacy* encrypts with 3DES and SHA-1,
    an empty password not at all.
    """
    certificate, key = issued
    encryption: KeySerializationEncryption = NoEncryption()
    if password:
        secret = password.encode()
        encryption = LEGACY.build(secret) if legacy else BestAvailableEncryption(secret)
    path.write_bytes(
        serialize_key_and_certificates(b"karte", key, certificate, list(chain), encryption)
    )
    return path


def one_pkcs12(path: Path, files: list[Path]) -> Path:
    """Write the content of *files* as one PKCS#12 file and return its path, as Java's keytool does.

    It has no MAC, which is optional.
    """
    parts = [part for file in files for part in pfx.Pfx.load(file.read_bytes()).authenticated_safe]
    safe = pfx.AuthenticatedSafe(parts).dump()
    content = {"content_type": "data", "content": safe}
    path.write_bytes(pfx.Pfx({"version": "v3", "auth_safe": content}).dump())
    return path


def p384() -> PrivateKey:
    """Return a key that no card has."""
    return ec.generate_private_key(ec.SECP384R1())
