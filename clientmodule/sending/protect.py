"""Signing and encrypting a mail by the Konnektor (KOM-LE-A_2177, 2299-01)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from simulators.formats import enveloped_data, komle, signed_data
from simulators.formats.errors import FormatError

from ..konnektor import operations, requests
from ..konnektor.faults import KonnektorUnreachable

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..konnektor.operations import CardInfo
    from ..operation import Operation
    from ..user_name import CallContext

Entries = Sequence[tuple[str, x509.Certificate]]


@dataclass(frozen=True)
class Protection:
    """Who signs at which Konnektor, and how.

    ``crypt`` is SignDocument's Crypt; ``sender`` are the sender's certificates, which tell the
    right SM-B of several.
    """

    installation: Installation
    konnektor: Konnektor
    context: CallContext
    crypt: str
    sender: tuple[x509.Certificate, ...]

    async def sign(self, operation: Operation, mail: bytes, attribute: bytes) -> bytes:
        """Return the signed CMS around *mail* (KOM-LE-A_2020, 2190).

        *attribute* is recipient-emails, the same in both calls (KOM-LE-A_2127).
        Raises NoCard, PinNotVerified, KonnektorFault, KonnektorUnreachable.
        """
        konnektor = self.konnektor
        compute = self.installation.compute
        request = await compute(len(mail), _sign_request, mail, attribute)

        async def use(card: CardInfo) -> etree._Element:
            async def sign(number: str) -> etree._Element:
                return await operations.sign_document(
                    konnektor.soap,
                    operation,
                    self.context,
                    card,
                    crypt=self.crypt,
                    job_number=number,
                    request=request,
                )

            return await konnektor.job_numbers.use(operation, self.context, sign)

        answer = await konnektor.cards.sign_with(operation, self.context, self.sender, use)
        return await compute(len(mail), _signed, answer)

    async def encrypt(
        self, operation: Operation, signed: bytes, entries: Entries, attribute: bytes
    ) -> bytes:
        """Return the encrypted CMS around the *signed* one (KOM-LE-A_2022, 2191, 2027).

        Raises KonnektorFault; KonnektorUnreachable also for an answer that is nothing encrypted.
        """
        compute = self.installation.compute
        request = await compute(len(signed), _encryption_request, signed, entries, attribute)
        answer = await operations.encrypt_document(
            self.konnektor.soap, operation, self.context, request
        )
        return await compute(len(signed), _encrypted, answer)


def entries_of(holders: Sequence[tuple[str, Sequence[x509.Certificate]]]) -> Entries:
    """Return the entries of recipient-emails: each address with each certificate, none twice."""
    entries = {
        (address.lower(), certificate): (address, certificate)
        for address, certificates in holders
        for certificate in certificates
    }
    return list(entries.values())


def _signed(answer: etree._Element) -> bytes:
    cms = operations.document(answer, "Base64Signature")
    try:
        signed_data.read(cms, verify=False)
    except FormatError:
        raise KonnektorUnreachable("the answer is no signature") from None
    return cms


def _encrypted(answer: etree._Element) -> bytes:
    """Return the CMS in *answer*: whatever else it held would leave the house as it is."""
    cms = operations.document(answer, "Base64Data")
    try:
        enveloped_data.read(cms)
    except FormatError:
        raise KonnektorUnreachable("the answer is not encrypted") from None
    return cms


def _sign_request(mail: bytes, attribute: bytes) -> str:
    return requests.sign_request(komle.wrap_client_mail(mail), attribute)


def _encryption_request(signed: bytes, entries: Entries, attribute: bytes) -> str:
    certificates = dict.fromkeys(c.public_bytes(Encoding.DER) for _, c in entries)
    return requests.encryption(komle.signed_entity(signed), list(certificates), attribute)
