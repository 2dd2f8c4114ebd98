"""The simulated practice: makes documents, signs them with the HBA, writes the mails."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ..documents import cda, eau, letter_pdf, mails, storno
from ..documents.cda import Letter
from ..documents.identities import Identities
from ..documents.mails import Attachment, Envelope, Extras, Mail
from ..documents.on_purpose import encoded, with_version
from ..documents.people import DOCTOR, PRACTICE, Author, Insurer
from ..documents.reading import EauDocument, read_document
from ..documents.virus import eicar
from ..pvs.konnektor import CMS, PADES
from ..scenario.cast import Document
from ..scenario.failure import StepFailed
from ..scenario.model import Send, Sign
from .certified import author_of, case_of, patient_of
from .faulty_module import altered
from .party import Party, konnektor_failures
from .stranger import signed_by_a_stranger

_OTHER_TITLE = (b"<title value=", b"<titel value=")
"""What is changed in a document after it was signed."""
SHORT_TEXTS = {
    "eau": "eAU",
    "eau-storno": "Storno eAU",
    "arztbrief-pdf": "Arztbrief",
    "given": "Dokument",
}


@dataclass(frozen=True)
class Made:
    """A document of the practice: its kind, its bytes, and what is known of an eAU."""

    kind: str
    content: bytes
    eau: EauDocument | None = None


def make_eau(
    sender: Party,
    identities: Identities,
    stated: Document,
    insurer: Party,
    now: datetime,
    *,
    uuid_of: Identities | None = None,
) -> Made:
    """Return an eAU of *sender*'s practice, as *stated*, for somebody insured by *insurer*.

    With *uuid_of* it wrongly has the UUID of that document.
    """
    case = case_of(stated, identities, _insurer(insurer), now, _author(sender))
    content = eau.bundle(identities, case, without=stated.without, identifier_of=uuid_of)
    return _made(stated, content)


def make_storno(
    sender: Party, identities: Identities, stated: Document, cancelled: EauDocument, now: datetime
) -> Made:
    """Return the Storno of *cancelled* by *sender*'s practice."""
    author = author_of(stated, _author(sender))
    content = storno.bundle(identities, cancelled.identifier, now, author, without=stated.without)
    return _made(stated, content)


def _made(stated: Document, content: bytes) -> Made:
    """Return the document with what is stated to be wrong about it."""
    known = read_document(content)
    wrong = encoded(with_version(content, stated.profile_version), stated.encoding)
    return Made(stated.kind, wrong, replace(known, content=wrong))


def make_letter(
    sender: Party,
    identities: Identities,
    stated: Document,
    insurer: Party,
    recipient: Party,
    *,
    now: datetime,
) -> Letter:
    """Return the facts of an eArztbrief, from which CDA and PDF are made."""
    name = recipient.site.name or recipient.address
    about = patient_of(stated.patient, identities)
    author = author_of(stated, _author(sender))
    return cda.letter(identities, _insurer(insurer), name, now, author, about=about)


def letter_as(kind: str, letter: Letter) -> Made:
    """Return *letter* as CDA or as PDF/A-2b."""
    if kind == "arztbrief-cda":
        return Made(kind, cda.document(letter))
    return Made(kind, letter_pdf.document(letter))


def sign(party: Party, made: Made, step: Sign, now: datetime) -> bytes:
    """Sign *made* as *step* says: CAdES-enveloping (P4-01), or PAdES inside the PDF (AF-eAB).

    Its ``crypt`` is ECC, RSA, or auto: what the card's generation has.
    """
    if made.kind not in SHORT_TEXTS:
        raise StepFailed(f"{made.kind} wird nicht signiert")
    if step.flaw is not None and made.kind in ("arztbrief-pdf", "given"):
        raise StepFailed("flaw: nur bei einer eAU und ihrem Storno")
    if step.flaw == "foreign-certificate":
        return signed_by_a_stranger(made.content, now)
    signature = _signed(party, made, card_type=step.card, crypt=step.crypt)
    return altered(signature, _OTHER_TITLE) if step.flaw == "altered" else signature


def _signed(party: Party, made: Made, *, card_type: str, crypt: str) -> bytes:
    pdf = made.content.startswith(b"%PDF-")
    card = party.card(card_type)
    if crypt == "auto":
        crypt = "RSA" if party.generation(card) == "G2.0" else "ECC"
    with konnektor_failures():
        return party.konnektor.sign(
            card,
            made.content,
            type_=PADES if pdf else CMS,
            mime="application/pdf-a" if pdf else "text/xml",
            text=SHORT_TEXTS[made.kind],
            crypt=crypt,
        )


def write_mail(
    kind: str,
    envelope: Envelope,
    *,
    signed: bytes | None = None,
    document: EauDocument | None = None,
    attached_cda: bytes | None = None,
    subject: str | None = None,
    text: str | None = None,
    extras: Extras | None = None,
) -> Mail:
    """Write a mail of the *kind* that a ``send`` step names."""
    if kind == "eau-lieferung" and signed is not None and document is not None:
        return mails.eau_delivery(envelope, document.bare_identifier, signed, extras or Extras())
    if kind == "eau-storno" and signed is not None and document is not None:
        return mails.eau_storno(envelope, document.bare_identifier, signed, extras or Extras())
    if kind == "arztbrief" and signed is not None and attached_cda is not None:
        return mails.arztbrief(envelope, subject, signed, attached_cda)
    if kind == "kim-mail":
        return mails.kim_mail(
            envelope, subject or "Rückfrage", text or "Bitte um Rückruf. Mit freundlichen Grüßen"
        )
    raise StepFailed(f"{kind}: das passende signierte Dokument fehlt")


def extras_of(step: Send) -> Extras:
    """Return what an eAU mail has otherwise than TA-eAU says, as *step* states."""
    virus = Attachment(eicar().encode(), "application/octet-stream", "eicar.com", "EICAR")
    return Extras(step.text or "", step.service, (virus,) if step.eicar else ())


def _insurer(party: Party) -> Insurer:
    site = party.site
    if not site.domain_ids:
        raise StepFailed(f"{party.name}: die Welt nennt kein IK (domain_ids)")
    return Insurer(site.domain_ids[0], site.name or party.address)


def _author(party: Party) -> Author:
    """Return doctor and practice as the world has them: holder of the HBA, BSNR, address."""
    site = party.site
    street, _, house = (site.street or "").rpartition(" ")
    place = replace(
        PRACTICE,
        name=site.name or PRACTICE.name,
        bsnr=site.domain_ids[0] if site.domain_ids else PRACTICE.bsnr,
        street=street or PRACTICE.street,
        house=house or PRACTICE.house,
        postal_code=site.postal_code or PRACTICE.postal_code,
        city=site.city or PRACTICE.city,
    )
    hba = next((card for card in site.cards if card.type == "HBA" and card.surname), None)
    if hba is None:
        return Author(DOCTOR, place)
    doctor = replace(
        DOCTOR,
        given=hba.given_name or DOCTOR.given,
        family=hba.surname or DOCTOR.family,
        title=hba.title or DOCTOR.title,
        lanr=hba.lanr or DOCTOR.lanr,
    )
    return Author(doctor, place)
