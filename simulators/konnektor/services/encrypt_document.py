"""EncryptDocument of EncryptionService 6.1 (TIP1-A_4621-05)."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from simulators.formats import enveloped_data, xml_encryption
from simulators.formats.errors import FormatError

from ..access.check import Target
from ..cards.inserted_card import InsertedCard
from ..documents import Checked, Document, read_cms_attributes, read_document, take_all
from ..encryption import card_key
from ..encryption.answer import CMS, XML, Way, answer_with
from ..encryption.recipients import Recipient, usable
from ..faults import Code, KonnektorFault, fault
from ..operation import Call
from ..soap import reading
from ..soap.namespaces import CONN, CONTEXT, DSS, name
from ..soap.reading import Element, Parts, optional, required, several

CMS_TYPE = "urn:ietf:rfc:5652"
SMIME_TYPE = "urn:ietf:rfc:5751"
XML_TYPE = "http://www.w3.org/TR/xmlenc-core/"
PROPERTY = name(DSS, "Property")


async def encrypt_document(call: Call) -> Element:
    """Encrypt a document for certificates, given or on a card, by CMS or XML encryption.

    The order is that of the specification: 4000, 4058 for an eGK, the document (4283, 4280,
    4281), access, then the recipients (4282, 4200, 4105).
    """
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        required(own("RecipientKeys")),
        required(name(CONN, "Document")),
        optional(own("OptionalInputs")),
    )
    keys = reading.sequence(
        parts.one(own("RecipientKeys")),
        optional(own("CertificateOnCard")),
        several(own("Certificate"), 0),
    )
    document = read_document(parts.one(name(CONN, "Document")))
    attributes, asked = _read_inputs(call, parts)
    on_card = keys.maybe(own("CertificateOnCard"))
    key = None if on_card is None else card_key.read_key(call, on_card)
    given = keys.all(own("Certificate"))
    if key is None and not given:
        raise fault(Code.SYNTAX, "RecipientKeys: kein Empfänger")
    most = call.konnektor.settings.make.max_recipients
    known = await call.konnektor.recipients.all_of(
        call, [reading.binary(entry) for entry in given[:most]]
    )
    if key is not None:
        card_key.refuse_egk(call, key[0])
    way = _way(asked, document)
    content = await _content(call, document)
    card, crypt = _access(call, parts, key)
    if len(given) > most:
        raise fault(Code.TOO_MANY_RECIPIENTS, f"höchstens {most}")
    recipients: list[Recipient] = []
    if card is not None:
        recipients += card_key.recipients_of(call, card, crypt)
    konnektor = call.konnektor
    prepared = await usable([*recipients, *known], konnektor.certificates, konnektor.clock.now())
    call.facts |= {"encryption": way.value, "recipients": str(len(prepared))}
    checked = document.checked if way is XML else None
    encoded = await call.in_thread(_encrypt, checked or content, prepared, attributes)
    return answer_with(call, way, encoded)


def _read_inputs(call: Call, parts: Parts) -> tuple[list[bytes], str | None]:
    """Return the attributes to be added and the EncryptionType; Element means nothing (6.1)."""
    own = call.own
    element = parts.maybe(own("OptionalInputs"))
    if element is None:
        return [], None
    inputs = reading.sequence(
        element,
        optional(own("EncryptionType")),
        several(own("Element"), 0),
        optional(own("UnprotectedProperties")),
    )
    chosen = inputs.maybe(own("EncryptionType"))
    asked = None
    if chosen is not None:
        asked = reading.choice(chosen, (CMS_TYPE, SMIME_TYPE, XML_TYPE))
    properties = inputs.maybe(own("UnprotectedProperties"))
    if properties is None:
        return [], asked
    found = reading.sequence(properties, several(PROPERTY)).all(PROPERTY)
    return read_cms_attributes(found), asked


def _way(asked: str | None, document: Document) -> Way:
    """Return how to encrypt: without EncryptionType a Base64XML as XML, all else by CMS.

    Faults: 4279 for S/MIME, which is optional; 4105 for XML encryption of what did not come as
    XML (which code it is then, is unconfirmed).
    """
    if asked == SMIME_TYPE:
        raise fault(Code.SMIME_UNSUPPORTED)
    if asked is None:
        return XML if document.is_xml_element else CMS
    if asked == XML_TYPE and not document.is_xml_element:
        raise fault(Code.ENCRYPTION_FAILED, "XML-Verschlüsselung gibt es nur für Base64XML")
    return XML if asked == XML_TYPE else CMS


async def _content(call: Call, document: Document) -> bytes:
    """Return the document; XML that is not well-formed cannot be encrypted (4105)."""
    try:
        (content,) = await take_all(call, [document])
    except KonnektorFault as raised:
        if raised.trace.code == Code.XML_NOT_WELL_FORMED:
            raise fault(Code.ENCRYPTION_FAILED, "kein wohlgeformtes XML") from None
        raise
    return content


def _access(
    call: Call, parts: Parts, key: tuple[str, str | None] | None
) -> tuple[InsertedCard | None, str | None]:
    """Check access: to the card, if there is one. Its certificates need no PIN."""
    if key is None:
        call.check(parts, Target())
        return None, None
    handle, crypt = key
    grant = call.check(parts, Target(handle=handle, session=False))
    assert grant.card is not None
    card_key.refuse_others(grant.card)
    return grant.card, crypt


def _encrypt(
    document: bytes | Checked,
    recipients: Sequence[enveloped_data.Recipient],
    attributes: Sequence[bytes],
) -> bytes:
    """Return the encrypted document in Base64: XML that was checked as XML, all else in CMS.

    Fault 4105 when a key or attribute does not fit.
    """
    try:
        if isinstance(document, bytes):
            encrypted = enveloped_data.encrypt(document, recipients, unauthenticated=attributes)
        else:
            certificates = [recipient.certificate for recipient in recipients]
            encrypted = document.with_root(xml_encryption.encrypt(document.root, certificates))
    except FormatError as error:
        raise fault(Code.ENCRYPTION_FAILED, str(error)) from None
    return base64.b64encode(encrypted)
