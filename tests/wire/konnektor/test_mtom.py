"""MTOM at signature and encryption, nowhere else (TIP1-A_5694-03, A_15610, A_15786)."""

from __future__ import annotations

import email
import email.policy
from typing import Any

import pytest
from lxml import etree

from tests.konnektor_site import CMS, PATHS, PREFIXES, SMCB, Site, context, envelope

CONTENT = b"Befund\r\n--b \x00\xff\r\n"
MTOM = 'multipart/related; type="application/xop+xml"; start="<e@x>"; start-info="text/xml"'
INCLUDE = '<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:d@x"/>'
ASKS = {"Accept": 'multipart/related; type="application/xop+xml", text/xml'}


def packed(inner: str, content: bytes = CONTENT, content_id: str = "d@x") -> bytes:
    kind = b'Content-Type: application/xop+xml; charset=UTF-8; type="text/xml"\r\n'
    return (
        b"--grenze\r\n"
        + kind
        + b"Content-ID: <e@x>\r\n\r\n"
        + envelope(inner)
        + b"\r\n--grenze\r\n"
        b"Content-Transfer-Encoding: binary\r\n"
        b"Content-ID: <" + content_id.encode() + b">\r\n\r\n" + content + b"\r\n--grenze--\r\n"
    )


def post(site: Site, service: str, body: bytes, content_type: str, headers: Any = None) -> Any:
    """POST *body*; return status, and the answer read by Python's own MIME package."""
    connection = site.connection()
    try:
        given = {"Content-Type": content_type, **(headers or {})}
        connection.request("POST", PATHS[service], body, given)
        response = connection.getresponse()
        head = f"Content-Type: {response.headers['Content-Type']}\r\n\r\n".encode()
        return response.status, email.message_from_bytes(
            head + response.read(), policy=email.policy.HTTP
        )
    finally:
        connection.close()


def taken_apart(answer: Any) -> tuple[Any, list[bytes]]:
    """Return the envelope and the contents of the parts."""
    assert answer.get_content_type() == "multipart/related"
    assert answer.get_param("type") == "application/xop+xml"
    root, *parts = answer.iter_parts()
    assert root["Content-ID"] == answer.get_param("start")
    return etree.fromstring(root.get_content()), [part.get_content() for part in parts]


def encrypt(site: Site, content: str) -> str:
    return (
        f"<CRYPT:EncryptDocument>{context()}<CRYPT:RecipientKeys><CRYPT:CertificateOnCard>"
        f"<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle></CRYPT:CertificateOnCard>"
        f"</CRYPT:RecipientKeys><CONN:Document><dss:Base64Data>{content}</dss:Base64Data>"
        "</CONN:Document><CRYPT:OptionalInputs><CRYPT:EncryptionType>urn:ietf:rfc:5652"
        "</CRYPT:EncryptionType></CRYPT:OptionalInputs></CRYPT:EncryptDocument>"
    )


def decrypt(site: Site, content: str) -> str:
    return (
        f"<CRYPT:DecryptDocument>{context()}<CRYPT:PrivateKeyOnCard>"
        f"<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle></CRYPT:PrivateKeyOnCard>"
        f"<CONN:Document><dss:Base64Data>{content}</dss:Base64Data></CONN:Document>"
        "</CRYPT:DecryptDocument>"
    )


def sign(site: Site, content: str) -> str:
    return (
        f"<SIG:SignDocument><CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>{context()}"
        f"<SIG:TvMode>NONE</SIG:TvMode><SIG:JobNumber>{site.job()}</SIG:JobNumber>"
        f'<SIG:SignRequest RequestID="r1"><SIG:OptionalInputs>{CMS}</SIG:OptionalInputs>'
        f'<SIG:Document ShortText="x"><dss:Base64Data>{content}</dss:Base64Data></SIG:Document>'
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo></SIG:SignRequest>"
        "</SIG:SignDocument>"
    )


BOUNDARY = MTOM + '; boundary="grenze"'


@pytest.mark.parametrize("size", [len(CONTENT), 200_000])
def test_encrypted_and_decrypted_byte_for_byte(site: Site, size: int) -> None:
    content = (CONTENT * (size // len(CONTENT) + 1))[:size]
    status, answer = post(site, "CRYPT", packed(encrypt(site, INCLUDE), content), BOUNDARY)
    assert status == 200
    _, (cms,) = taken_apart(answer)
    status, answer = post(site, "CRYPT", packed(decrypt(site, INCLUDE), cms), BOUNDARY)
    assert (status, taken_apart(answer)[1]) == (200, [content])


@pytest.mark.parametrize("service", ["SIG", "SIG74"])
def test_signature(site: Site, service: str) -> None:
    inner = sign(site, INCLUDE).replace("SIG:", f"{service}:")
    status, answer = post(site, service, packed(inner), BOUNDARY)
    root, (signature,) = taken_apart(answer)
    assert (status, signature[:1]) == (200, b"\x30")
    (include,) = root.iterfind(".//dss:Base64Signature/{*}Include", PREFIXES)
    assert include.get("href").startswith("cid:")


def test_who_does_not_ask_gets_none(site: Site) -> None:
    status, answer = post(site, "SIG", envelope(sign(site, "eA==")), "text/xml; charset=utf-8")
    assert (status, answer.get_content_type()) == (200, "text/xml")


def test_who_only_asks_gets_one(site: Site) -> None:
    body = envelope(sign(site, "eA=="))
    status, answer = post(site, "SIG", body, "text/xml; charset=utf-8", ASKS)
    assert (status, len(taken_apart(answer)[1])) == (200, 1)


@pytest.mark.parametrize(
    ("answers", "to_mtom", "to_accept"),
    [
        ("request", "multipart/related", "text/xml"),
        ("never", "text/xml", "text/xml"),
    ],
)
def test_makes_that_answer_otherwise(
    start_site: Any, answers: str, to_mtom: str, to_accept: str
) -> None:
    site = start_site(make={"mtom_answers": answers})
    for body, content_type, headers, expected in (
        (packed(sign(site, INCLUDE)), BOUNDARY, None, to_mtom),
        (envelope(sign(site, "eA==")), "text/xml; charset=utf-8", ASKS, to_accept),
    ):
        status, answer = post(site, "SIG", body, content_type, headers)
        assert (status, answer.get_content_type()) == (200, expected)


def test_faults_come_as_they_always_do(site: Site) -> None:
    body = packed(sign(site, INCLUDE).replace("m1", "m9"))
    status, answer = post(site, "SIG", body, BOUNDARY)
    assert (status, answer.get_content_type()) == (500, "text/xml")
    assert ">4021<" in answer.get_content()


@pytest.mark.parametrize(
    "body",
    [
        lambda site: packed(sign(site, INCLUDE), content_id="other@x"),
        lambda site: packed(sign(site, INCLUDE.replace("d@x", "e@x"))),
        lambda site: packed(sign(site, INCLUDE * 2)),
        lambda site: packed(sign(site, INCLUDE), content_id="e@x"),
        lambda site: packed(sign(site, INCLUDE))[:-20],
        lambda site: envelope(sign(site, INCLUDE)),
    ],
    ids=range(6),
)
def test_abuse(site: Site, body: Any) -> None:
    status, answer = post(site, "SIG", body(site), BOUNDARY)
    assert (status, ">4000<" in answer.get_content()) == (500, True)
    assert site.call("EVT", "GetCards", context()).status == 200


def test_an_include_without_mtom(site: Site) -> None:
    status, answer = post(site, "SIG", envelope(sign(site, INCLUDE)), "text/xml; charset=utf-8")
    assert (status, ">4000<" in answer.get_content()) == (500, True)


@pytest.mark.parametrize("service", ["EVT", "CARD", "CERT", "AUTH"])
def test_other_services_take_none(site: Site, service: str) -> None:
    body = packed(f"<EVT:GetCards>{context()}</EVT:GetCards>")
    assert post(site, service, body, BOUNDARY)[0] == 415


def test_other_services_give_none(site: Site) -> None:
    body = envelope(f"<EVT:GetCards>{context()}</EVT:GetCards>")
    status, answer = post(site, "EVT", body, "text/xml; charset=utf-8", ASKS)
    assert (status, answer.get_content_type()) == (200, "text/xml")


def test_attachments_that_are_no_mtom(site: Site) -> None:
    other = BOUNDARY.replace("application/xop+xml", "text/xml")
    status, answer = post(site, "SIG", packed(sign(site, INCLUDE)), other)
    assert (status, ">4000<" in answer.get_content()) == (500, True)
