"""EncryptDocument and DecryptDocument with XML encryption, and what XML may not hold."""

from __future__ import annotations

import base64
import re
from typing import Any

import pytest
from lxml import etree

from simulators.formats import enveloped_data, xml_encryption
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context
from tests.wire.konnektor.test_encryption import certificate, content, key, on_card

XENC = "http://www.w3.org/2001/04/xmlenc#"
XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<!-- vorn -->\n'
    "<brief xmlns='urn:x-kimulator:brief' art='ä'><satz>Grüße &amp; Befund</satz></brief>\n"
    "<!-- hinten -->"
).encode()


def xml(document: bytes) -> str:
    encoded = base64.b64encode(document).decode()
    return f"<CONN:Document><CONN:Base64XML>{encoded}</CONN:Base64XML></CONN:Document>"


def encrypt(site: Site, recipients: str, document: bytes = XML, options: str = "") -> Any:
    inputs = f"<CRYPT:OptionalInputs>{options}</CRYPT:OptionalInputs>" if options else ""
    keys = f"<CRYPT:RecipientKeys>{recipients}</CRYPT:RecipientKeys>"
    return site.call("CRYPT", "EncryptDocument", context() + keys + xml(document) + inputs)


def decrypt(site: Site, document: bytes, iccsn: str = SMCB, mandant: str = "m1") -> Any:
    named = on_card(site, iccsn, "PrivateKeyOnCard")
    return site.call("CRYPT", "DecryptDocument", context(mandant) + named + xml(document))


def xml_of(answer: Any) -> bytes:
    assert answer.status == 200, answer.code
    return bytes(answer.binary("//CONN:Document/CONN:Base64XML"))


def encrypted(site: Site, *crypts: str) -> bytes:
    """Return XML encrypted for the SMC-B's keys."""
    return xml_of(encrypt(site, "".join(certificate(key(site, SMCB, crypt=c)) for c in crypts)))


@pytest.mark.parametrize("crypts", [("RSA",), ("ECC",), ("RSA", "ECC")])
def test_for_a_certificate_and_back(site: Site, crypts: tuple[str, ...]) -> None:
    """Without EncryptionType; the root becomes EncryptedData, around it nothing changes."""
    document = encrypted(site, *crypts)
    assert b"Befund" not in document
    assert etree.fromstring(document).tag == f"{{{XENC}}}EncryptedData"
    assert document.startswith(XML[: XML.index(b"<brief")])
    assert xml_of(decrypt(site, document)) == XML


def test_for_several_cards(site: Site) -> None:
    chosen = [key(site, SMCB), key(site, SMCB_G20, crypt="RSA"), key(site, HBA)]
    document = xml_of(encrypt(site, "".join(certificate(found) for found in chosen)))
    assert len(xml_encryption.read(document).recipients) == 3
    assert xml_of(decrypt(site, document, SMCB_G20, mandant="m2")) == XML


def test_on_card_and_asked_for_by_name(site: Site) -> None:
    kind = "<CRYPT:EncryptionType>http://www.w3.org/TR/xmlenc-core/</CRYPT:EncryptionType>"
    answer = encrypt(site, on_card(site, SMCB, "CertificateOnCard", "RSA_ECC"), options=kind)
    document = xml_of(answer)
    assert len(xml_encryption.read(document).recipients) == 2
    assert xml_of(decrypt(site, document)) == XML


def test_an_element_named_plays_no_part(site: Site) -> None:
    options = f"<CRYPT:Element Type='{XENC}Element'>/brief/gibt-es-nicht</CRYPT:Element>"
    answer = encrypt(site, certificate(key(site, SMCB)), options=options)
    assert xml_of(decrypt(site, xml_of(answer))) == XML


def test_xml_in_cms_when_asked_for(site: Site) -> None:
    kind = "<CRYPT:EncryptionType>urn:ietf:rfc:5652</CRYPT:EncryptionType>"
    cms = content(encrypt(site, certificate(key(site, SMCB)), options=kind))
    assert len(enveloped_data.read(cms).recipients) == 1


def test_another_character_set_becomes_utf8(site: Site) -> None:
    document = "<?xml version='1.0' encoding='iso-8859-15'?><a>€</a>".encode("iso-8859-15")
    back = xml_of(decrypt(site, xml_of(encrypt(site, certificate(key(site, SMCB)), document))))
    assert etree.fromstring(back).text == "€"


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (b"<a>", 4105),
        (b"kein XML", 4105),
        (b"<a>" * 31 + b"</a>" * 31, 4280),
        (b"<a>" + b"<b/>" * 51 + b"</a>", 4280),
        (b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 4281),
        (
            b'<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
            b'<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">]><a>&d;</a>',
            4281,
        ),
        (b'<a xmlns:x="http://www.w3.org/2001/XInclude"><x:include href="/etc/passwd"/></a>', 4281),
    ],
)
def test_documents_that_are_refused(site: Site, document: bytes, code: int) -> None:
    assert encrypt(site, certificate(key(site, SMCB)), document).code == code


def test_the_document_is_looked_at_before_access(site: Site) -> None:
    keys = f"<CRYPT:RecipientKeys>{certificate(key(site, SMCB))}</CRYPT:RecipientKeys>"
    for document, code in ((b"<!DOCTYPE a [<!ENTITY b ''>]><a/>", 4281), (XML, 4021)):
        answer = site.call("CRYPT", "EncryptDocument", context("?") + keys + xml(document))
        assert answer.code == code


def test_nothing_encrypted_in_it(site: Site) -> None:
    assert decrypt(site, XML).code == 4103


def test_more_than_one_encrypted_element(site: Site) -> None:
    one = encrypted(site, "ECC")
    data = one[one.index(b"<xenc:EncryptedData") : one.index(b"\n<!-- hinten")]
    assert decrypt(site, b"<a>" + data + data + b"</a>").code == 4104
    within = xml_of(decrypt(site, b"<a>" + data + b"</a>"))
    assert within == b"<a>" + XML[XML.index(b"<brief") : XML.index(b"\n<!-- hinten")] + b"</a>"


def test_for_somebody_else(site: Site) -> None:
    document = xml_of(encrypt(site, certificate(key(site, HBA))))
    assert decrypt(site, document).code == 4106


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
def test_a_corrupt_key_entry(site: Site, crypt: str) -> None:
    document = encrypted(site, crypt)
    assert decrypt(site, turned(document, 0)).code == 4069


def test_rsa_opens_what_ecc_does_not(site: Site) -> None:
    assert xml_of(decrypt(site, turned(encrypted(site, "ECC", "RSA"), 0))) == XML


def test_altered_content(site: Site) -> None:
    assert decrypt(site, turned(encrypted(site, "ECC"), -1)).code == 4107


def turned(document: bytes, which: int) -> bytes:
    """Return *document* with another last-but-third byte in one of its CipherValues."""
    values = re.findall(rb"<xenc:CipherValue>([^<]+)<", document)
    raw = bytearray(base64.b64decode(values[which]))
    raw[-3] ^= 1
    return document.replace(values[which], base64.b64encode(raw))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"xmlenc11#aes256-gcm", b"xmlenc#aes256-cbc"),
        (b"xmlenc11#rsa-oaep", b"xmlenc#rsa-1_5"),
        (b"xmlenc11#mgf1sha256", b"xmlenc11#mgf1sha1"),
    ],
)
def test_algorithms_of_others(site: Site, old: bytes, new: bytes) -> None:
    document = encrypted(site, "RSA")
    assert old in document
    assert decrypt(site, document.replace(old, new)).code == 4201


@pytest.mark.parametrize(
    "document",
    [
        b"kein XML",
        b"<a/><b/>",
        b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
        f"<e:EncryptedData xmlns:e='{XENC}'><e:CipherData><e:CipherValue>!</e:CipherValue>"
        "</e:CipherData></e:EncryptedData>".encode(),
        b"<a>" + b"<b/>" * 310_000 + b"</a>",
    ],
)
def test_what_cannot_be_read(site: Site, document: bytes) -> None:
    assert decrypt(site, document).code == 4107


def test_no_entry_at_all(site: Site) -> None:
    document = (
        f"<e:EncryptedData xmlns:e='{XENC}'><e:CipherData><e:CipherReference URI='#x'/>"
        "</e:CipherData></e:EncryptedData>"
    )
    assert decrypt(site, document.encode()).code == 4106


def test_the_journal_says_how_and_for_how_many(site: Site) -> None:
    document = encrypted(site, "RSA", "ECC")
    decrypt(site, document)
    made, opened = (event["data"] for event in site.role.journal()[-2:])
    assert (made["encryption"], made["recipients"]) == ("xml", "2")
    assert (opened["encryption"], opened["result"]) == ("xml", "OK")
