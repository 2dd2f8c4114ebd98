"""Recipients of encrypted documents: their certificates, read and prepared once."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from simulators.formats import enveloped_data
from simulators.formats.enveloped_data import EccWay
from simulators.formats.errors import FormatError

from ..certificates.status import CertificateChecker
from ..faults import Code, fault

if TYPE_CHECKING:
    from ..operation import Call

REMEMBERED = 2048
MAX_CERTIFICATE = 32 << 10
_FEW = 8


@dataclass(frozen=True)
class Recipient:
    """A certificate to encrypt for; ``prepared`` is None when its key must not encrypt (4200)."""

    certificate: x509.Certificate
    prepared: enveloped_data.Recipient | None


class Recipients:
    """Knows the latest recipients by the bytes of their certificates.

    *ecc* is how content keys reach ECC keys in CMS.
    """

    def __init__(self, ecc: EccWay) -> None:
        self._ecc: EccWay = ecc
        self._known: OrderedDict[bytes, Recipient] = OrderedDict()

    async def all_of(self, call: Call, ders: Sequence[bytes]) -> list[Recipient]:
        """Return the recipients of certificates in DER; new ones are read in a thread if many.

        Fault 4000 for bytes that are no certificate.
        """
        new = [der for der in dict.fromkeys(ders) if der not in self._known]
        if len(new) > _FEW:
            read = await call.in_thread(lambda: [self._read(der) for der in new])
            for der, recipient in zip(new, read, strict=True):
                self._remember(der, recipient)
        return [self.of(der) for der in ders]

    def of(self, der: bytes) -> Recipient:
        """Return the recipient of a certificate in DER; fault 4000 when the bytes are none."""
        found = self._known.get(der)
        if found is None:
            return self._remember(der, self._read(der))
        self._known.move_to_end(der)
        return found

    def _remember(self, der: bytes, recipient: Recipient) -> Recipient:
        self._known[der] = recipient
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return recipient

    def _read(self, der: bytes) -> Recipient:
        if len(der) > MAX_CERTIFICATE:
            raise fault(Code.SYNTAX, f"ein Zertifikat hat mehr als {MAX_CERTIFICATE} Bytes")
        try:
            certificate = x509.load_der_x509_certificate(der)
        except ValueError:
            raise fault(Code.SYNTAX, "kein X.509-Zertifikat in DER") from None
        if not may_encrypt(certificate):
            return Recipient(certificate, None)
        try:
            return Recipient(certificate, enveloped_data.recipient(certificate, self._ecc))
        except FormatError:
            return Recipient(certificate, None)


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


async def usable(
    recipients: Sequence[Recipient], checker: CertificateChecker, now: datetime
) -> list[enveloped_data.Recipient]:
    """Refuse keys that must not encrypt (4200) and certificates that are not to be trusted (4105).

    A status that nobody can say does not stop the encryption. Certificates of a CA outside the TI
    count when that CA was imported (CERT_IMPORTED_CA_LIST).
    """
    prepared = [recipient.prepared for recipient in recipients if recipient.prepared is not None]
    if len(prepared) < len(recipients):
        raise fault(Code.KEY_NOT_USABLE)
    different = {recipient.certificate: None for recipient in prepared}
    verdicts = await asyncio.gather(*(checker.check(c, now, imported=True) for c in different))
    for certificate, verdict in zip(different, verdicts, strict=True):
        if verdict.is_invalid:
            named = f"{certificate.serial_number:x}"
            raise fault(Code.ENCRYPTION_FAILED, f"Empfängerzertifikat {named}: {verdict.reason}")
    return prepared
