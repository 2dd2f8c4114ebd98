"""EncryptionService 6.1: EncryptDocument and DecryptDocument (TIP1-A_4621-05, 4622-05)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import enveloped_data
from simulators.formats.certificates import CertificateId
from simulators.formats.errors import FormatError, UnknownAlgorithm, WrongKey
from simulators.pki.cards import CardObject

from ..access.check import EGK_TYPES, Target
from ..cards.cards import InsertedCard
from ..cards.keys import CRYPTS, ENC
from ..documents import Document, read_cms_attributes, read_document, take_all
from ..encryption.recipients import Recipient
from ..faults import Code, fault, trace
from ..operation import Call, Service
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CONN, CONTEXT, DSS, ENCRYPTION, name
from ..soap.reading import Element, Parts, optional, required, several

CMS_TYPES = ("urn:ietf:rfc:5652",)
SMIME_TYPE = "urn:ietf:rfc:5751"
XML_TYPE = "http://www.w3.org/TR/xmlenc-core/"
MAX_CERTIFICATES = 1000
PROPERTY = name(DSS, "Property")


async def encrypt_document(call: Call) -> Element:
    """Encrypt a document for certificates, given or on a card (CMS AuthEnvelopedData)."""
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
    attributes = _unprotected(call, parts)
    _check_type(call, parts, document)
    on_card = keys.maybe(own("CertificateOnCard"))
    if len(keys.all(own("Certificate"))) > MAX_CERTIFICATES:
        raise fault(Code.TOO_MANY_RECIPIENTS)
    known = call.konnektor.recipients
    given = [known.of(reading.binary(entry)) for entry in keys.all(own("Certificate"))]
    if on_card is None and not given:
        raise fault(Code.SYNTAX, "RecipientKeys: kein Empfänger")
    process = call.konnektor.process
    (content,) = await take_all(process, [document])
    if on_card is None:
        call.check(parts, Target())
        recipients = given
    else:
        card, crypt = _key_on_card(call, parts, on_card)
        recipients = [*_of_card(call, card, crypt), *given]
    prepared = await _checked(call, recipients)
    encoded = await process.in_thread(_encrypt, content, prepared, attributes)
    return _document_answer(call, encoded, "application/pkcs7-mime")


def _encrypt(
    content: bytes, recipients: Sequence[enveloped_data.Recipient], attributes: list[bytes]
) -> str:
    try:
        cms = enveloped_data.encrypt(content, recipients, unauthenticated=attributes)
    except FormatError as error:
        raise fault(Code.ENCRYPTION_FAILED, str(error)) from None
    return base64.b64encode(cms).decode("ascii")


def _unprotected(call: Call, parts: Parts) -> list[bytes]:
    optional_inputs = parts.maybe(call.own("OptionalInputs"))
    if optional_inputs is None:
        return []
    inputs = reading.sequence(
        optional_inputs,
        optional(call.own("EncryptionType")),
        several(call.own("Element"), 0),
        optional(call.own("UnprotectedProperties")),
    )
    properties = inputs.maybe(call.own("UnprotectedProperties"))
    if properties is None:
        return []
    return read_cms_attributes(reading.sequence(properties, several(PROPERTY)).all(PROPERTY))


def _check_type(call: Call, parts: Parts, document: Document) -> None:
    """Only CMS is built: XML encryption answers 4105, S/MIME 4279 (which is allowed to)."""
    optional_inputs = parts.maybe(call.own("OptionalInputs"))
    element = None if optional_inputs is None else optional_inputs.find(call.own("EncryptionType"))
    if element is None:
        chosen = XML_TYPE if document.is_xml_element else CMS_TYPES[0]
    else:
        chosen = reading.choice(element, (*CMS_TYPES, SMIME_TYPE, XML_TYPE))
    if chosen == SMIME_TYPE:
        raise fault(Code.SMIME_UNSUPPORTED)
    if chosen == XML_TYPE:
        raise fault(Code.ENCRYPTION_FAILED, "XML-Verschlüsselung wird nicht unterstützt")


def _key_on_card(call: Call, parts: Parts, element: Element) -> tuple[InsertedCard, str | None]:
    """Read KeyOnCardType and check access to the card: 4058 for an eGK, then TUC_KON_000."""
    handle, crypt = _read_key(call, element)
    _refuse_egk(call, handle)
    grant = call.check(parts, Target(handle=handle, session=False))
    assert grant.card is not None
    return grant.card, crypt


def _read_key(call: Call, element: Element) -> tuple[str, str | None]:
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


def _refuse_egk(call: Call, handle: str) -> None:
    card = call.konnektor.cards.by_handle(handle)
    if card is not None and card.card.type in EGK_TYPES:
        raise fault(Code.CALL_NOT_ALLOWED)


def _of_card(call: Call, card: InsertedCard, crypt: str | None) -> list[Recipient]:
    """Return the encryption certificates of *card* that Crypt means.

    RSA_ECC means both (TAB_KON_900) unless the make does otherwise:
    4259 warns when only one of both exists, and is the fault when none does.
    """
    keys = call.konnektor.keys
    if crypt != "RSA_ECC":
        return [_known(call, keys.exactly(card, ENC, keys.for_reading(card, crypt)))]
    found: list[Recipient] = []
    for kind in keys.for_encrypting_both(card):
        entry = card.certificate_object(ENC, kind)
        if entry is None:
            call.warnings.append(trace(Code.CERTIFICATE_SKIPPED, value=f"{ENC} {kind}"))
        else:
            found.append(_known(call, entry))
    if not found:
        raise fault(Code.CERTIFICATE_SKIPPED, value=ENC)
    return found


def _known(call: Call, found: CardObject) -> Recipient:
    return call.konnektor.recipients.of(found.certificate.public_bytes(Encoding.DER))


async def _checked(call: Call, recipients: Sequence[Recipient]) -> list[enveloped_data.Recipient]:
    """Refuse keys that must not encrypt (4200) and certificates that are not to be trusted (4105).

    A status that nobody can say does not stop the encryption.
    """
    checker = call.konnektor.certificates
    now = call.konnektor.clock.now()
    usable = [recipient.prepared for recipient in recipients if recipient.prepared is not None]
    if len(usable) < len(recipients):
        raise fault(Code.KEY_NOT_USABLE)
    verdicts = await asyncio.gather(
        *(checker.check(r.certificate, now, imported=True) for r in recipients)
    )
    for recipient, verdict in zip(recipients, verdicts, strict=True):
        if verdict.is_invalid:
            named = f"{recipient.certificate.serial_number:x}"
            raise fault(Code.ENCRYPTION_FAILED, f"Empfängerzertifikat {named}: {verdict.reason}")
    return usable


async def decrypt_document(call: Call) -> Element:
    """Decrypt a document with a card's key: ECC first, then RSA (TIP1-A_4622-05)."""
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        required(own("PrivateKeyOnCard")),
        required(name(CONN, "Document")),
        optional(own("OptionalInputs")),
    )
    handle, _ = _read_key(call, parts.one(own("PrivateKeyOnCard")))
    document = read_document(parts.one(name(CONN, "Document")))
    if document.is_xml_element:
        raise fault(Code.DECRYPTION_FAILED, "XML-Verschlüsselung wird nicht unterstützt")
    _refuse_egk(call, handle)
    process = call.konnektor.process
    (content,) = await take_all(process, [document])
    grant = call.check(parts, Target(handle=handle))
    card, session = grant.required_card()
    if not (card.is_smb or card.is_hba):
        raise fault(Code.CALL_NOT_ALLOWED)
    if not card.is_open(card.access_pin, session):
        raise fault(Code.ACCESS_CONDITION)
    keys = call.konnektor.keys.for_decrypting(card)
    encoded = await process.in_thread(_decrypt, content, keys)
    return _document_answer(call, encoded, None)


def _decrypt(content: bytes, keys: Sequence[tuple[CertificateId, CardObject]]) -> str:
    """Decrypt with the first of *keys* that opens its entry.

    Faults: 4106 no entry for any of them, 4069 an entry that its key does not open, 4201 an
    unknown algorithm, 4107 no CMS, or altered.
    """
    corrupt = ""
    try:
        enveloped = enveloped_data.read(content)
        recipients = set(enveloped.recipients)
        for key_id, key in keys:
            if key_id not in recipients:
                continue
            try:
                plain = enveloped.decrypt(key_id, key.private_key)
            except WrongKey as error:
                corrupt = str(error)
                continue
            return base64.b64encode(plain).decode("ascii")
    except UnknownAlgorithm as error:
        raise fault(Code.ALGORITHM, str(error)) from None
    except FormatError as error:
        raise fault(Code.DECRYPTION_FAILED, str(error)) from None
    if corrupt:
        raise fault(Code.KEY_ENTRY_CORRUPT, corrupt)
    raise fault(Code.WRONG_KEY, "für keinen Schlüssel der Karte verschlüsselt")


def _document_answer(call: Call, encoded: str, mime_type: str | None) -> Element:
    answer = call.answer()
    call.add_status(answer)
    data = add(add(answer, CONN, "Document"), DSS, "Base64Data", encoded)
    if mime_type is not None:
        data.set("MimeType", mime_type)
    return answer


SERVICE = Service(
    name="EncryptionService",
    version="6.1.1",
    namespace=ENCRYPTION,
    prefix="CRYPT",
    abstract="Verschlüsselungsdienst",
    path="/EncryptionService",
    operations={"EncryptDocument": encrypt_document, "DecryptDocument": decrypt_document},
)
