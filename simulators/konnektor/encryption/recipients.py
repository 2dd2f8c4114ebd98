"""Recipients of encrypted documents: their certificates, read and prepared once."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulators.formats import enveloped_data
from simulators.formats.errors import FormatError

from ..faults import Code, fault

REMEMBERED = 512


@dataclass(frozen=True)
class Recipient:
    """A certificate to encrypt for; ``prepared`` is None when its key must not encrypt (4200)."""

    certificate: x509.Certificate
    prepared: enveloped_data.Recipient | None


class Recipients:
    """Knows the latest recipients by the bytes of their certificates."""

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, Recipient] = OrderedDict()

    def of(self, der: bytes) -> Recipient:
        """Return the recipient of a certificate in DER; fault 4000 when the bytes are none."""
        found = self._known.get(der)
        if found is None:
            found = self._known[der] = _read(der)
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(der)
        return found


def may_encrypt(certificate: x509.Certificate) -> bool:
    """Whether KeyUsage has keyEncipherment (RSA) or keyAgreement (ECC)."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        key = certificate.public_key()
    except (x509.ExtensionNotFound, ValueError):
        return False
    if isinstance(key, rsa.RSAPublicKey):
        return usage.key_encipherment
    return isinstance(key, ec.EllipticCurvePublicKey) and usage.key_agreement


def _read(der: bytes) -> Recipient:
    try:
        certificate = x509.load_der_x509_certificate(der)
    except ValueError:
        raise fault(Code.SYNTAX, "kein X.509-Zertifikat in DER") from None
    if not may_encrypt(certificate):
        return Recipient(certificate, None)
    try:
        return Recipient(certificate, enveloped_data.recipient(certificate))
    except FormatError:
        return Recipient(certificate, None)
