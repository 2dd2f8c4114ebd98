"""When certificates of cards end: TUC_KON_033 (TIP1-A_4695) and TUC_KON_034 (TIP1-A_4697)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from cryptography import x509

from simulators.formats.certificates import common_name
from simulators.formats.errors import FormatError
from simulators.pki.cards import CardObject
from simulators.pki.request import Crypt

from ..cards.inserted_card import InsertedCard
from ..cards.keys import AUT
from ..faults import Code, fault


@dataclass(frozen=True, slots=True)
class Expiration:
    """One tuple of CheckCertificateExpiration; ``terminal`` and ``handle`` are empty for gSMC-K."""

    terminal: str
    handle: str
    iccsn: str
    common_name: str
    serial_number: int
    validity: date


class NoEccCertificate(Exception):
    """The warning 4257: ECC was asked for, and the card has RSA only (below G2.1)."""


def of_card(card: InsertedCard, crypt: Crypt) -> Expiration:
    """Return the end of the card's certificate C.AUT for *crypt*, as the real ones answer: one
    tuple for each card.

    Raises NoEccCertificate. Faults: 4131 the card was pulled meanwhile, 4094 its terminal does
    not answer, 4147 no such certificate, 4148 as ``of_certificate``.
    """
    if not card.present:
        raise fault(Code.NO_CARD_FOR_HANDLE, card.handle)
    card.require_answer()
    found: CardObject | None = card.certificate_object(AUT, crypt)
    if found is None:
        if crypt == "ECC":
            raise NoEccCertificate
        raise fault(Code.CERTIFICATE_MISSING, f"{AUT} {crypt} auf {card.handle}")
    return of_certificate(found.certificate, card.terminal, card.handle, card.card.iccsn)


def of_certificate(
    certificate: x509.Certificate, terminal: str, handle: str, iccsn: str
) -> Expiration:
    """Return the tuple for *certificate*.

    Fault 4148 when it has no common name, or one that cannot be read. (4132 has no cause here: no
    card is put in whose certificate has no readable validity.)
    """
    try:
        name = common_name(certificate)
    except FormatError as error:
        raise fault(Code.CERTIFICATE_UNREADABLE, str(error)) from None
    if not name:
        raise fault(Code.CERTIFICATE_UNREADABLE, "subject ohne commonName")
    validity = certificate.not_valid_after_utc.date()
    return Expiration(terminal, handle, iccsn, name, certificate.serial_number, validity)
