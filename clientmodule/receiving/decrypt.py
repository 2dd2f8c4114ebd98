"""Decrypting with the fetching user's key, and no other (KOM-LE-A_2042 to 2045, 2059 to 2063)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lxml import etree

from simulators.formats import enveloped_data, komle, recipient_emails
from simulators.formats.errors import FormatError
from simulators.formats.headers import same_address
from simulators.formats.recipient_emails import RecipientEmail

from ..konnektor import operations, requests
from ..konnektor.faults import (
    BAD_CIPHERTEXT,
    NOT_AVAILABLE,
    WRONG_KEY,
    KonnektorFault,
    KonnektorUnreachable,
    NoCard,
    PinNotVerified,
)
from .results import KEY_MISSING, KONNEKTOR_UNAVAILABLE, WRONG_FORMAT, NotDecrypted, other_fault

if TYPE_CHECKING:
    from ..installation import Installation
    from ..konnektor.konnektor import Konnektor
    from ..konnektor.operations import CardInfo
    from ..operation import Operation
    from ..user_name import UserName


@dataclass(frozen=True)
class Decrypted:
    """The decrypted entity, and recipient-emails as they stood outside the encryption."""

    entity: bytes
    recipients: frozenset[RecipientEmail]


async def decrypt(
    installation: Installation,
    operation: Operation,
    konnektor: Konnektor,
    user: UserName,
    message: bytes,
) -> Decrypted:
    """Decrypt *message* for *user*. Raises NotDecrypted with what the error mail tells."""
    compute = installation.compute
    try:
        cms, recipients = await compute(len(message), _open, message)
    except FormatError as error:
        raise NotDecrypted(WRONG_FORMAT) from error
    # KOM-LE-A_2045: without an entry for this user nothing is tried, whatever keys are at hand.
    wanted = {
        entry.certificate for entry in recipients if same_address(entry.address, user.address)
    }
    if not wanted:
        raise NotDecrypted(KEY_MISSING)

    async def use(card: CardInfo) -> etree._Element:
        request = await compute(len(cms), requests.decryption, card.handle, cms)
        return await operations.decrypt_document(konnektor.soap, operation, user.context, request)

    try:
        answer = await konnektor.cards.decrypt_with(
            operation, user.context, user.address, wanted, use
        )
        entity = await compute(len(cms), operations.document, answer, "Base64Data")
    except (NoCard, PinNotVerified) as error:
        raise NotDecrypted(KEY_MISSING) from error
    except KonnektorUnreachable as error:
        raise NotDecrypted(KONNEKTOR_UNAVAILABLE) from error
    except KonnektorFault as fault:
        raise _failure(fault) from fault
    return Decrypted(entity, recipients)


def _open(message: bytes) -> tuple[bytes, frozenset[RecipientEmail]]:
    cms = komle.encrypted_cms(message)
    envelope = enveloped_data.read(cms)
    return cms, recipient_emails.read(envelope.unauthenticated.get(recipient_emails.OID, ()))


def _failure(fault: KonnektorFault) -> NotDecrypted:
    if fault.code in NOT_AVAILABLE:
        return NotDecrypted(KONNEKTOR_UNAVAILABLE)
    if fault.code == WRONG_KEY:
        return NotDecrypted(KEY_MISSING)
    if fault.code in BAD_CIPHERTEXT:
        return NotDecrypted(WRONG_FORMAT)
    return NotDecrypted(other_fault(fault.code))
