"""CRYPT:KeyOnCardType: which key C.ENC of which card a request means."""

from __future__ import annotations

from cryptography.hazmat.primitives.serialization import Encoding

from simulators.pki.cards import CardObject

from ..access.check import EGK_TYPES
from ..cards.inserted_card import InsertedCard
from ..cards.keys import CRYPTS, ENC
from ..faults import Code, fault, trace
from ..operation import Call
from ..soap import reading
from ..soap.namespaces import CONN, name
from ..soap.reading import Element, optional, required
from .recipients import Recipient


def read_key(call: Call, element: Element) -> tuple[str, str | None]:
    """Return card handle and Crypt. Fault 4000, also for another KeyReference than C.ENC."""
    own = call.own
    parts = reading.sequence(
        element,
        required(name(CONN, "CardHandle")),
        optional(own("KeyReference")),
        optional(own("Crypt")),
    )
    reference = parts.text(own("KeyReference")) or ENC
    if reference != ENC:
        raise fault(Code.SYNTAX, f"KeyReference: {reference!r:.40} ist nicht {ENC}")
    crypt = parts.maybe(own("Crypt"))
    handle = reading.bounded(parts.one(name(CONN, "CardHandle")), 128)
    return handle, None if crypt is None else reading.choice(crypt, CRYPTS)


def refuse_egk(call: Call, handle: str) -> None:
    """Raise 4058 for an eGK, before anything else is looked at (TIP1-A_4621-05, 4622-05)."""
    card = call.konnektor.cards.by_handle(handle)
    if card is not None and card.card.type in EGK_TYPES:
        raise fault(Code.CALL_NOT_ALLOWED)


def refuse_others(card: InsertedCard) -> None:
    """Raise 4058 for a card that is neither HBAx nor SM-B."""
    if not (card.is_smb or card.is_hba):
        raise fault(Code.CALL_NOT_ALLOWED)


def recipients_of(call: Call, card: InsertedCard, crypt: str | None) -> list[Recipient]:
    """Return the encryption certificates of *card* that Crypt means.

    RSA_ECC means both (TAB_KON_900) unless the make does otherwise: 4259 warns when only one of
    both exists. Faults: 4258 no ECC certificate, 4058 no RSA one; 4105 neither of both (which
    code it is then, is unconfirmed).
    """
    keys = call.konnektor.keys
    if crypt != "RSA_ECC":
        return [_known(call, keys.exactly(card, ENC, keys.for_reading(card, crypt)))]
    found: list[Recipient] = []
    missing: list[str] = []
    for kind in keys.for_encrypting_both(card):
        entry = card.certificate_object(ENC, kind)
        if entry is None:
            missing.append(f"{ENC} {kind}")
        else:
            found.append(_known(call, entry))
    if not found:
        raise fault(Code.ENCRYPTION_FAILED, f"die Karte hat kein {ENC}")
    call.warnings += [trace(Code.CERTIFICATE_SKIPPED, value=which) for which in missing]
    return found


def _known(call: Call, found: CardObject) -> Recipient:
    return call.konnektor.recipients.of(found.certificate.public_bytes(Encoding.DER))
