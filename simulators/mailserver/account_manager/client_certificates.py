"""createCert: the client certificate C.CM.TLS-CS with which a client module meets the provider."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.hazmat.primitives.serialization.pkcs12 import (
    PBES,
    serialize_key_and_certificates,
)

from simulators.pki.certificate import Authority, Content, end_entity, new_key
from simulators.pki.profiles import CM_TLS, KeyKind
from simulators.pki.subjects import tls_subject
from simulators.process.errors import InputError, one_line
from simulators.process.settings import TlsIdentity

from .. import faults
from ..faults import RestRefused

SUFFIX = "#CM"
MAX_COMMON_NAME = 64 - len(SUFFIX)
"""ub-common-name of RFC 5280 holds the suffix, too."""
ROUNDS = 2048
EARLIER = timedelta(hours=1)


class ClientCertificates:
    """Issues client certificates in the name of the provider's authority."""

    def __init__(self, authority: TlsIdentity, days: int) -> None:
        self._authority = _load(authority)
        self._days = days

    def issue(self, common_name: str, password: str | None, now: datetime) -> bytes:
        """Return a PKCS#12 (DER) with a new key and its certificate, CN ``<common_name>#CM``.

        Protected with *password*, without one not at all, as the OpenAPI says. Takes the time of
        making a key: not for the event loop.
        """
        key = new_key(KeyKind.P256)
        # TLS libraries know no virtual clock: a certificate holds from now on for them, too.
        start = min(now, datetime.now(UTC)) - EARLIER
        end = min(now + timedelta(days=self._days), self._authority.certificate.not_valid_after_utc)
        content = Content(CM_TLS, tls_subject(common_name + SUFFIX), start, end)
        certificate = end_entity(content, key.public_key(), self._authority)
        return serialize_key_and_certificates(
            (common_name + SUFFIX).encode(),
            key,
            certificate,
            [self._authority.certificate],
            _encryption(password),
        )


def check_common_name(common_name: str | None) -> str:
    """Return a commonName that fits into a subject; raises RestRefused (400)."""
    if not common_name:
        raise RestRefused(faults.REST_INPUT.saying("commonName: missing"))
    if len(common_name) > MAX_COMMON_NAME or not common_name.isprintable():
        raise RestRefused(
            faults.REST_INPUT.saying(f"commonName: at most {MAX_COMMON_NAME} printable characters")
        )
    return common_name


def as_base64(pkcs12: bytes) -> str:
    """Return the container as the answer has it."""
    return b64encode(pkcs12).decode()


def _encryption(password: str | None) -> KeySerializationEncryption:
    if not password:
        return NoEncryption()
    return (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password.encode())
    )


def _load(identity: TlsIdentity) -> Authority:
    try:
        certificate = x509.load_pem_x509_certificate(identity.certificate.read_bytes())
        key = load_pem_private_key(identity.key.read_bytes(), None)
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{identity.certificate}: cannot be used as authority: {one_line(str(error))}"
        ) from None
    return Authority(certificate, key)  # type: ignore[arg-type]  # RSA or EC, as the tree has them
