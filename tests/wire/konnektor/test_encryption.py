"""EncryptDocument and DecryptDocument: recipients, keys, attributes, refusals."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import enveloped_data
from simulators.formats.certificates import certificate_id
from simulators.pki.cards import CardObject, read_card
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context

TEXT = b"Content-Type: text/plain\r\n\r\nBefund\r\n"
ATTRIBUTE = bytes.fromhex("300d06072a8214004c040131020c00")


def key(site: Site, iccsn: str, reference: str = "C.ENC", crypt: str = "ECC") -> CardObject:
    return read_card(site.pki.card(iccsn)).objects[reference, crypt]  # type: ignore[index]


def certificate(found: CardObject) -> str:
    encoded = base64.b64encode(found.certificate.public_bytes(Encoding.DER)).decode()
    return f"<CRYPT:Certificate>{encoded}</CRYPT:Certificate>"


def data(content: bytes) -> str:
    encoded = base64.b64encode(content).decode()
    return f"<CONN:Document><dss:Base64Data>{encoded}</dss:Base64Data></CONN:Document>"


def on_card(site: Site, iccsn: str, name: str, crypt: str | None = None) -> str:
    wanted = "" if crypt is None else f"<CRYPT:Crypt>{crypt}</CRYPT:Crypt>"
    handle = f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>"
    return f"<CRYPT:{name}>{handle}{wanted}</CRYPT:{name}>"


def encrypt(site: Site, recipients: str, options: str = "", **who: Any) -> Any:
    return site.call(
        "CRYPT",
        "EncryptDocument",
        f"{context(**who)}<CRYPT:RecipientKeys>{recipients}</CRYPT:RecipientKeys>{data(TEXT)}{options}",
    )


def decrypt(site: Site, cms: bytes, iccsn: str = SMCB, **who: Any) -> Any:
    inner = f"{context(**who)}{on_card(site, iccsn, 'PrivateKeyOnCard')}{data(cms)}"
    return site.call("CRYPT", "DecryptDocument", inner)


def content(answer: Any) -> bytes:
    assert answer.status == 200, answer.code
    return bytes(answer.binary("//CONN:Document/dss:Base64Data"))


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
def test_for_a_certificate_and_back(site: Site, crypt: str) -> None:
    cms = content(encrypt(site, certificate(key(site, SMCB, crypt=crypt))))
    assert cms[:2] == b"\x30\x82"
    assert content(decrypt(site, cms)) == TEXT


def test_for_several(site: Site) -> None:
    chosen = [key(site, SMCB), key(site, SMCB_G20, crypt="RSA"), key(site, HBA)]
    cms = content(encrypt(site, "".join(certificate(found) for found in chosen)))
    ids = enveloped_data.read(cms).recipients
    assert set(ids) == {certificate_id(found.certificate) for found in chosen}
    assert content(decrypt(site, cms, SMCB_G20, mandant="m2")) == TEXT


@pytest.mark.parametrize(
    ("crypt", "kinds"), [(None, ["ECC"]), ("RSA", ["RSA"]), ("RSA_ECC", ["RSA", "ECC"])]
)
def test_certificate_on_card(site: Site, crypt: str | None, kinds: list[str]) -> None:
    cms = content(encrypt(site, on_card(site, SMCB, "CertificateOnCard", crypt)))
    expected = {certificate_id(key(site, SMCB, crypt=kind).certificate) for kind in kinds}
    assert set(enveloped_data.read(cms).recipients) == expected


def test_both_wanted_but_one_there_warns(site: Site) -> None:
    answer = encrypt(site, on_card(site, SMCB_G20, "CertificateOnCard", "RSA_ECC"), mandant="m2")
    assert (answer.status, answer.code) == (200, 4259)
    assert answer.text("//CONN:Result") == "Warning"


def test_attributes_verbatim(site: Site) -> None:
    encoded = base64.b64encode(ATTRIBUTE).decode()
    options = (
        "<CRYPT:OptionalInputs><CRYPT:EncryptionType>urn:ietf:rfc:5652</CRYPT:EncryptionType>"
        "<CRYPT:UnprotectedProperties><dss:Property><dss:Identifier>RecipientEmailsAttribute"
        f"</dss:Identifier><dss:Value><CMSAttribute>{encoded}</CMSAttribute></dss:Value>"
        "</dss:Property></CRYPT:UnprotectedProperties></CRYPT:OptionalInputs>"
    )
    cms = content(encrypt(site, certificate(key(site, SMCB)), options))
    assert ATTRIBUTE in cms
    assert content(decrypt(site, cms)) == TEXT


def test_a_key_that_must_not_encrypt(site: Site) -> None:
    assert encrypt(site, certificate(key(site, SMCB, "C.SIG"))).code == 4200


def test_a_revoked_recipient(site: Site, ocsp: Any) -> None:
    found = key(site, HBA)
    ocsp.ask("PUT", f"/certificates/{found.certificate.serial_number}", {"status": "revoked"})
    assert encrypt(site, certificate(found)).code == 4105


def test_more_recipients_than_any_konnektor_takes(site: Site) -> None:
    one = certificate(key(site, SMCB))
    assert encrypt(site, one * 1000).status == 200
    assert encrypt(site, one * 1001).code == 4282


def test_no_recipient_and_no_certificate(site: Site) -> None:
    assert encrypt(site, "").code == 4000
    assert encrypt(site, "<CRYPT:Certificate>AAAA</CRYPT:Certificate>").code == 4000


@pytest.mark.parametrize(
    ("kind", "code"), [("urn:ietf:rfc:5751", 4279), ("http://www.w3.org/TR/xmlenc-core/", 4105)]
)
def test_other_encryption_types(site: Site, kind: str, code: int) -> None:
    options = (
        f"<CRYPT:OptionalInputs><CRYPT:EncryptionType>{kind}</CRYPT:EncryptionType>"
        "</CRYPT:OptionalInputs>"
    )
    assert encrypt(site, certificate(key(site, SMCB)), options).code == code


def test_wrong_key(site: Site) -> None:
    cms = content(encrypt(site, certificate(key(site, HBA))))
    assert decrypt(site, cms).code == 4106


def spoiled(cms: bytes, start: bytes) -> bytes:
    """Return *cms* with one bit turned in the first key entry that begins with *start*."""
    at = cms.index(start) + len(start) + 9
    return cms[:at] + bytes([cms[at] ^ 1]) + cms[at + 1 :]


def test_corrupt_key_entry(site: Site) -> None:
    cms = content(encrypt(site, certificate(key(site, SMCB, crypt="RSA"))))
    assert decrypt(site, spoiled(cms, b"\x04\x82\x01\x00")).code == 4069


def test_rsa_opens_what_ecc_does_not(site: Site) -> None:
    both = "".join(certificate(key(site, SMCB, crypt=crypt)) for crypt in ("RSA", "ECC"))
    cms = content(encrypt(site, both))
    wrapped_key = b"\x04\x28"  # 256 bits wrapped by AES are 40 bytes
    assert content(decrypt(site, spoiled(cms, wrapped_key))) == TEXT


def test_altered_ciphertext(site: Site) -> None:
    cms = bytearray(content(encrypt(site, certificate(key(site, SMCB)))))
    cms[-30] ^= 1
    assert decrypt(site, bytes(cms)).code == 4107


def test_no_cms(site: Site) -> None:
    assert decrypt(site, b"no CMS").code == 4107


def test_pin_not_raised(site: Site) -> None:
    cms = content(encrypt(site, certificate(key(site, HBA))))
    assert decrypt(site, cms, HBA, user="eva").code == 4085
    site.call(
        "CARD",
        "VerifyPin",
        f"{context(user='eva')}<CONN:CardHandle>{site.handle(HBA)}</CONN:CardHandle>"
        "<CARDCMN:PinTyp>PIN.CH</CARDCMN:PinTyp>",
    )
    assert content(decrypt(site, cms, HBA, user="eva")) == TEXT


def test_large_document(site: Site) -> None:
    large = bytes(range(256)) * (12 << 12)  # 12 MiB: beyond libxml2's usual text nodes
    recipients = f"<CRYPT:RecipientKeys>{certificate(key(site, SMCB))}</CRYPT:RecipientKeys>"
    cms = content(site.call("CRYPT", "EncryptDocument", context() + recipients + data(large)))
    assert content(decrypt(site, cms)) == large


def test_document_beyond_the_limit(site: Site) -> None:
    recipients = f"<CRYPT:RecipientKeys>{certificate(key(site, SMCB))}</CRYPT:RecipientKeys>"
    too_large = data(bytes(26_214_401))
    assert site.call("CRYPT", "EncryptDocument", context() + recipients + too_large).code == 4283
