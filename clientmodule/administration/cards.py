"""The cards that can prove who asks: SMC-B and HBA in reach of a call context."""

from __future__ import annotations

from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.formats import certificates
from simulators.formats.errors import FormatError
from simulators.process.clock import Clock

from ..konnektor import requests
from ..konnektor.faults import KonnektorUnreachable, NoCard
from ..konnektor.konnektor import Konnektor
from ..konnektor.operations import CardInfo, external_authenticate, read_certificate
from ..operation import Operation
from ..user_name import CallContext
from . import json_web_token
from .json_web_token import BP256R1, PS256

ALGORITHMS = {"RSA": PS256, "ECC": BP256R1}
"""In this order: A_19457-02 asks for PS256, the other is for cards without an RSA key."""
SIGNATURE_TYPES = {PS256: requests.PKCS1, BP256R1: requests.ECDSA}


@dataclass(frozen=True)
class AuthenticationCard:
    """A card that can sign JWTs: its certificate C.AUT and whose it is."""

    card: CardInfo
    certificate: x509.Certificate
    algorithm: str

    @property
    def telematik_id(self) -> str:
        """The Telematik-ID of the holder, empty if the certificate names none."""
        try:
            return certificates.telematik_id(self.certificate) or ""
        except FormatError:
            return ""

    @property
    def holder(self) -> str:
        """The holder's name for the screen: as GetCards told it, else the certificate's."""
        names = self.certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return self.card.holder or (str(names[0].value) if names else "")


async def authentication_cards(
    konnektor: Konnektor, operation: Operation, context: CallContext
) -> list[AuthenticationCard]:
    """Return the cards in reach of *context* that can sign JWTs; an HBA needs the context's user.

    Raises KonnektorFault, KonnektorUnreachable.
    """
    found = []
    for card in await konnektor.cards.refresh(operation, context):
        if card.of_institution or (card.of_person and context.user is not None):
            able = await _read(konnektor, operation, context, card)
            if able is not None:
                found.append(able)
    return found


async def unlock(
    konnektor: Konnektor, operation: Operation, context: CallContext, iccsn: str
) -> None:
    """Have the card's PIN entered at the terminal if need be. Raises NoCard, PinNotVerified."""

    async def nothing(_: CardInfo) -> None:
        return None

    await konnektor.cards.authenticate_with(operation, context, iccsn, nothing)


async def signed_token(
    konnektor: Konnektor,
    operation: Operation,
    context: CallContext,
    iccsn: str,
    clock: Clock,
) -> str:
    """Return a JWT of this moment that the card *iccsn* signs (A_19457-02).

    Raises NoCard, PinNotVerified, KonnektorFault, KonnektorUnreachable.
    """

    async def sign(card: CardInfo) -> str:
        able = await _read(konnektor, operation, context, card)
        if able is None:
            raise NoCard("the card has no certificate C.AUT")
        der = able.certificate.public_bytes(Encoding.DER)
        text = json_web_token.signing_input(able.algorithm, der, clock.now())
        signature = await external_authenticate(
            konnektor.soap,
            operation,
            context,
            card,
            sha256=json_web_token.digest(text),
            signature_type=SIGNATURE_TYPES[able.algorithm],
        )
        try:
            return json_web_token.compact(text, able.algorithm, signature)
        except ValueError:
            raise KonnektorUnreachable("ExternalAuthenticate: no signature") from None

    return await konnektor.cards.authenticate_with(operation, context, iccsn, sign)


async def _read(
    konnektor: Konnektor, operation: Operation, context: CallContext, card: CardInfo
) -> AuthenticationCard | None:
    """Return *card* with the certificate that it signs JWTs with, None if it cannot."""
    for crypt, algorithm in ALGORITHMS.items():
        certificate = await read_certificate(
            konnektor.soap, operation, context, card, reference="C.AUT", crypt=crypt
        )
        if certificate is not None:
            return AuthenticationCard(card, certificate, algorithm)
    return None
