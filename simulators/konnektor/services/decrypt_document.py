"""DecryptDocument of EncryptionService 6.1 (TIP1-A_4622-05)."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import enveloped_data, xml_encryption
from simulators.formats.certificates import CertificateId
from simulators.formats.errors import FormatError, UnknownAlgorithm, WrongKey
from simulators.formats.xml_encoding import in_utf8
from simulators.pki.cards import CardObject

from ..access.check import Target
from ..documents import read_document, take_all
from ..encryption import card_key
from ..encryption.answer import CMS, XML, Way, answer_with
from ..faults import Code, fault
from ..operation import Call
from ..soap import reading
from ..soap.namespaces import CONN, CONTEXT, name
from ..soap.reading import Element, optional, required

_SMIME = re.compile(rb"^content-type\s*:\s*application/(x-)?pkcs7-mime", re.IGNORECASE | re.M)
_HEADERS_WITHIN = 64 << 10
Keys = Sequence[tuple[CertificateId, CardObject]]


async def decrypt_document(call: Call) -> Element:
    """Decrypt a document with a card's key: the ECC key is tried first, then RSA.

    Crypt says nothing here. Faults in their order: 4000, 4058 for an eGK, 4283, access with the
    session's 4093 and 4094, 4058 for other cards, 4085 without PIN, 4079 when the card has no key
    C.ENC, then those of ``_decrypt``.
    """
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        required(own("PrivateKeyOnCard")),
        required(name(CONN, "Document")),
        optional(own("OptionalInputs")),
    )
    handle, _ = card_key.read_key(call, parts.one(own("PrivateKeyOnCard")))
    document = read_document(parts.one(name(CONN, "Document")))
    way = XML if document.is_xml_element else CMS
    call.facts["encryption"] = way.value
    card_key.refuse_egk(call, handle)
    (content,) = await take_all(call, [document], xml_rules=False)
    card, session = call.check(parts, Target(handle=handle)).required_card()
    card_key.refuse_others(card)
    if not card.is_open(card.access_pin, session):
        raise fault(Code.ACCESS_CONDITION)
    keys = call.konnektor.keys.for_decrypting(card)
    if not keys:
        raise fault(Code.KEY_DATA_MISSING, "die Karte hat keinen Schlüssel C.ENC")
    encoded = await call.in_thread(_decrypt, way, content, keys)
    return answer_with(call, way, encoded, decrypted=True)


def _decrypt(way: Way, content: bytes, keys: Keys) -> bytes:
    """Return the document in Base64.

    Faults: 4279 for S/MIME; 4106 no entry for any of the keys, 4069 an entry that its key does
    not open, 4201 an unknown algorithm; of XML 4103 without EncryptedData and 4104 with several
    (what real ones do then, is unconfirmed); 4107 for anything else.
    """
    if way is CMS and _SMIME.search(content[:_HEADERS_WITHIN]):
        raise fault(Code.SMIME_UNSUPPORTED)
    try:
        return base64.b64encode(_open(_openings(way, content, keys)))
    except xml_encryption.NotEncrypted:
        raise fault(Code.XML_ELEMENT_MISSING) from None
    except xml_encryption.Ambiguous:
        raise fault(Code.XML_ELEMENT_AMBIGUOUS) from None
    except UnknownAlgorithm as error:
        raise fault(Code.ALGORITHM, str(error)) from None
    except FormatError as error:
        raise fault(Code.DECRYPTION_FAILED, str(error)) from None


def _open(openings: Iterator[bytes | WrongKey]) -> bytes:
    """Return the first that succeeds; faults 4106 if there are none, 4069 if none succeeds."""
    failed: WrongKey | None = None
    for opened in openings:
        if isinstance(opened, bytes):
            return opened
        failed = opened
    if failed is not None:
        raise fault(Code.KEY_ENTRY_CORRUPT, str(failed))
    raise fault(Code.WRONG_KEY, "für keinen Schlüssel der Karte verschlüsselt")


def _openings(way: Way, content: bytes, keys: Keys) -> Iterator[bytes | WrongKey]:
    """Try every key for which there is an entry."""
    if way is XML:
        encrypted = xml_encryption.read(in_utf8(content))
        for _, key in keys:
            der = key.certificate.public_bytes(Encoding.DER)
            if der in encrypted.recipients:
                try:
                    yield encrypted.decrypt(der, key.private_key)
                except WrongKey as error:
                    yield error
        return
    enveloped = enveloped_data.read(content)
    recipients = set(enveloped.recipients)
    for key_id, key in keys:
        if key_id in recipients:
            try:
                yield enveloped.decrypt(key_id, key.private_key)
            except WrongKey as error:
                yield error
