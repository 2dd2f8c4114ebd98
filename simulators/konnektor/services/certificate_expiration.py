"""CertificateService 6.0: CheckCertificateExpiration (TIP1-A_4699-03)."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..access.check import Target
from ..cards.card_pins import HBA_TYPES, SM_B_TYPES
from ..cards.inserted_card import InsertedCard
from ..cards.keys import AUT
from ..certificates import expiration
from ..certificates.expiration import Expiration, NoEccCertificate
from ..faults import Code, fault, trace
from ..operation import Call, read_handle
from ..soap import answers, reading
from ..soap.answers import add
from ..soap.namespaces import CERTIFICATE, CONN, CONTEXT, name
from ..soap.reading import Element, Parts, optional, required

_HANDLE = name(CONN, "CardHandle")
LISTED_TYPES = HBA_TYPES | SM_B_TYPES


async def check_certificate_expiration(call: Call) -> Element:
    """Say when certificates end: of one card, or of all that the Mandant reaches, of connected
    terminals (gSMC-KT) and the Konnektor (gSMC-K).

    Cards without ECC are left out where ECC is asked for, and named by the warning 4257
    (TAB_KON_603; the 4258 of ReadCardCertificate is no code of this operation). Without Crypt it
    is RSA, or what the generation prefers (``CardKeys.for_reading``).
    """
    parts = reading.sequence(
        call.body,
        optional(_HANDLE),
        required(name(CONTEXT, "Context")),
        optional(call.own("Crypt")),
    )
    asked = parts.maybe(call.own("Crypt"))
    crypt = None if asked is None else reading.choice(asked, ("RSA", "ECC"))
    one = parts.maybe(_HANDLE) is not None
    cards, devices = ([_one_card(call, parts)], []) if one else _everything(call, parts)
    found, without_ecc = await _expirations(call, cards, crypt, strict=one)
    found += devices
    if without_ecc:
        call.warnings.append(trace(Code.ECC_CERTIFICATES_SKIPPED, value=",".join(without_ecc)))
    call.facts["certificates"] = str(len(found))
    answer = call.answer()
    call.add_status(answer)
    for entry in found:
        _add(answer, entry)
    return answer


def _one_card(call: Call, parts: Parts) -> InsertedCard:
    """Return the card asked for: 4058 its type is none of these, then the access check.

    gemSpec_Kon asks for an access check of the card with allWorkplaces, which none of its rules
    covers: 4019 with a make that takes it by the word. Else, unconfirmed: the rule for the card's
    terminal (R2); then 4146 for a SM-B that is not the Mandant's (TUC_KON_034).
    """
    handle = read_handle(parts)
    card = call.konnektor.cards.by_handle(handle)
    if card is not None and card.card.type not in LISTED_TYPES:
        raise fault(Code.CALL_NOT_ALLOWED, card.card.type)
    call.note_card(handle)
    if card is None:
        call.check(parts, Target(handle=handle, session=False))  # 4008, or what comes before it
        raise fault(Code.CARD_NOT_INSERTED)
    if call.konnektor.settings.make.card_expiration == "4019":
        call.check(parts, Target(handle=handle, all_workplaces=True))
    grant = call.check(parts, Target(terminal=card.terminal, all_workplaces=True))
    if not _of_mandant(call, card, grant.mandant):
        raise fault(Code.CARD_HANDLE_MISSING, handle)
    return card


def _everything(call: Call, parts: Parts) -> tuple[list[InsertedCard], list[Expiration]]:
    """Return the HBAx and SM-B in the terminals that the Mandant reaches (rule R1), and the
    tuples of these terminals and of the Konnektor.
    """
    grant = call.check(parts, Target(all_workplaces=True))
    within = call.konnektor.relations.terminals_within_reach(
        grant.mandant, grant.clientsystem, None
    )
    cards = [
        card
        for card in call.konnektor.cards.inserted()
        if card.card.type in LISTED_TYPES
        and card.terminal in within
        and _of_mandant(call, card, grant.mandant)
    ]
    return cards, [*_terminals(call, within), *_konnektor(call)]


def _of_mandant(call: Call, card: InsertedCard, mandant: str) -> bool:
    return not card.is_smb or card.card.iccsn in call.konnektor.relations.mandanten[mandant].cards


async def _expirations(
    call: Call, cards: list[InsertedCard], crypt: str | None, *, strict: bool
) -> tuple[list[Expiration], list[str]]:
    """Return the tuples of *cards*, and the handles of those without ECC.

    A card that has no certificate with RSA is a fault (4147) only when it was asked for by its
    handle (*strict*). Cards are read off the event loop, and may be pulled meanwhile (4131).
    """
    keys, process = call.konnektor.keys, call.konnektor.process
    found: list[Expiration] = []
    without_ecc: list[str] = []
    for card in cards:
        chosen = keys.for_reading(card, crypt)
        if not strict and chosen == "RSA" and card.certificate_object(AUT, chosen) is None:
            continue
        try:
            found.append(await process.in_thread(expiration.of_card, card, chosen))
        except NoEccCertificate:
            without_ecc.append(card.handle)
    return found, without_ecc


def _terminals(call: Call, within: Collection[str]) -> Iterator[Expiration]:
    """Yield the tuples of connected terminals: each has one certificate, whatever the Crypt.

    A gSMC-KT has no CardHandle here, for it is in no slot that GetCards lists; real Konnektoren
    name one (gemILF_PS 4.4.4.1). Nothing with a make that leaves these tuples out.
    """
    if not call.konnektor.settings.make.lists_gsmckt:
        return
    terminals = call.konnektor.cards.terminals
    for found in call.konnektor.terminal_certificates:
        if found.terminal in within and terminals[found.terminal].connected:
            yield expiration.of_certificate(found.certificate, found.terminal, "", found.iccsn)


def _konnektor(call: Call) -> Iterator[Expiration]:
    gsmck = call.konnektor.gsmck
    if gsmck.certificate is not None:
        yield expiration.of_certificate(gsmck.certificate, "", "", gsmck.iccsn)


def _add(answer: Element, entry: Expiration) -> None:
    found = add(answer, CERTIFICATE, "CertificateExpiration")
    add(found, CERTIFICATE, "CtID", entry.terminal)
    add(found, CONN, "CardHandle", entry.handle)
    add(found, CERTIFICATE, "ICCSN", entry.iccsn)
    add(found, CERTIFICATE, "subject_commonName", answers.printable(entry.common_name))
    add(found, CERTIFICATE, "serialNumber", str(entry.serial_number))
    add(found, CERTIFICATE, "validity", f"{entry.validity.isoformat()}Z")
