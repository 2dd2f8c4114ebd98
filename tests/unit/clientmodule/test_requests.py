"""What the Konnektor is asked, element by element as the specification has it."""

from __future__ import annotations

import base64

import pytest
from lxml import etree

from clientmodule.konnektor import requests
from clientmodule.user_name import CallContext

SIGNATURE = "http://ws.gematik.de/conn/SignatureService/v7.4"
ENCRYPTION = "http://ws.gematik.de/conn/EncryptionService/v6.1"
CONTEXT = CallContext("Mandant & Co", "PVS", "Raum <1>")
PREFIXES = {"CONN": requests.CONN, "CCTX": requests.CONTEXT, "dss": requests.DSS}
ATTRIBUTE = b"0\x03\x06\x01\x2a"
PROPERTY = "dss:Property[dss:Identifier='RecipientEmailsAttribute']/dss:Value/CMSAttribute"


def read(request: bytes, service: str) -> tuple[etree._Element, dict[str, str]]:
    (operation,) = etree.fromstring(request)[0]
    return operation, {**PREFIXES, "S": service}


@pytest.mark.requirement("KOM-LE-A_2177", "KOM-LE-A_2299-01", "KOM-LE-A_2190")
def test_sign_document() -> None:
    content = b"Content-Type: message/rfc822\r\n\r\nFrom: \xe4\r\n"
    operation, names = read(
        requests.envelope(
            *(SIGNATURE, "SignDocument"),
            requests.card_handle("card-1"),
            requests.context(CONTEXT),
            requests.sign_request(content, ATTRIBUTE),
        ),
        SIGNATURE,
    )
    assert operation.tag == f"{{{SIGNATURE}}}SignDocument"

    def text(path: str) -> str | None:
        return operation.findtext(path, namespaces=names)

    assert text("CONN:CardHandle") == "card-1"
    assert text("CCTX:Context/CONN:MandantId") == CONTEXT.mandant
    assert text("CCTX:Context/CONN:WorkplaceId") == CONTEXT.workplace
    inputs = "S:SignRequest/S:OptionalInputs"
    assert text(f"{inputs}/dss:SignatureType") == "urn:ietf:rfc:5652"
    assert text(f"{inputs}/S:IncludeEContent") == "true"
    attribute = text(f"{inputs}/dss:Properties/dss:SignedProperties/{PROPERTY}") or ""
    assert base64.b64decode(attribute) == ATTRIBUTE
    document = operation.find("S:SignRequest/S:Document/dss:Base64Data", names)
    assert document is not None
    assert document.get("MimeType") == "text/plain; charset=utf-8"
    assert base64.b64decode(document.text or "") == content


@pytest.mark.requirement("KOM-LE-A_2177", "KOM-LE-A_2299-01", "KOM-LE-A_2191")
def test_encrypt_document() -> None:
    certificates = [b"\x30\x01a", b"\x30\x01b"]
    operation, names = read(
        requests.envelope(
            *(ENCRYPTION, "EncryptDocument"),
            requests.context(CONTEXT),
            requests.encryption(b"\0signed\xff", certificates, ATTRIBUTE),
        ),
        ENCRYPTION,
    )
    keys = operation.findall("S:RecipientKeys/S:Certificate", names)
    assert [base64.b64decode(key.text or "") for key in keys] == certificates
    document = operation.findtext("CONN:Document/dss:Base64Data", namespaces=names) or ""
    assert base64.b64decode(document) == b"\0signed\xff"
    inputs = "S:OptionalInputs"
    assert operation.findtext(f"{inputs}/S:EncryptionType", namespaces=names) == "urn:ietf:rfc:5652"
    attribute = f"{inputs}/S:UnprotectedProperties/{PROPERTY}"
    assert base64.b64decode(operation.findtext(attribute, namespaces=names) or "") == ATTRIBUTE
