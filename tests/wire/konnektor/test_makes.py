"""A make of its own: what differs between Konnektoren, and what no source confirms, can be set."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from simulators.formats import enveloped_data
from simulators.formats.certificates import certificate_id
from simulators.pki.cards import read_card
from tests.konnektor_site import ENVELOPING, HBA, SMCB, SMCB_G20, Site, context, document

DIGEST = hashlib.sha512(b"challenge").digest()


@pytest.fixture(scope="module")
def other(start_site: Any) -> Site:
    """Return a Konnektor of generation PTV6 that goes further than the usual one."""
    make = {
        "target_namespace": "wsdl",
        "encrypt_rsa_ecc": "ecc",
        "authenticate_rsa": "ecdsa",
        "texts": {"1047": "Zertifikat gesperrt"},
    }
    ends = {"qes": "2028-01-01", "qes_g20": "2028-07-01", "smcb": [{"day": "2028-07-01"}]}
    started: Site = start_site(make=make, rsa_ends=ends, authentication="none", client=None)
    return replace(started, plain=True)


def authenticate(site: Site, digest: bytes, iccsn: str = SMCB, **who: Any) -> Any:
    return site.call(
        "AUTH",
        "ExternalAuthenticate",
        f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>{context(**who)}"
        "<SIG74:BinaryString><dss:Base64Data>"
        f"{base64.b64encode(digest).decode()}</dss:Base64Data></SIG74:BinaryString>",
    )


def test_the_directory_names_the_bindings(other: Site, spec: Any) -> None:
    _, content = other.get("/connector.sds")
    found = {v.get("TargetNamespace") for v in etree.fromstring(content).iter("{*}Version")}
    wsdls = (
        *("EventService", "CardService_v8_1_2", "CertificateService_v6_0_1"),
        *("SignatureService_V7_4_2", "SignatureService_V7_5_6", "EncryptionService_v6_1_1"),
        "AuthSignatureService_v7_4_1",
    )
    files = [spec(f"api-telematik/conn/{name}.wsdl") for name in wsdls]
    assert found == {etree.parse(file).getroot().get("targetNamespace") for file in files}


def test_ecdsa_where_rsa_was_usual(other: Site) -> None:
    answer = authenticate(other, DIGEST[:32])
    assert answer.binary("//dss:Base64Signature[@Type='urn:bsi:tr:03111:ecdsa']")
    key: Any = read_card(other.pki.card(SMCB)).objects["C.AUT", "ECC"].certificate.public_key()
    hashed = ec.ECDSA(utils.Prehashed(hashes.SHA256()))
    key.verify(answer.binary("//dss:Base64Signature"), DIGEST[:32], hashed)


def test_a_card_without_ecc_goes_on_with_rsa(other: Site) -> None:
    answer = authenticate(other, DIGEST[:32], SMCB_G20, mandant="m2")
    assert answer.binary("//dss:Base64Signature[@Type='urn:ietf:rfc:3447']")


def test_encrypts_for_ecc_only(other: Site) -> None:
    answer = other.call(
        "CRYPT",
        "EncryptDocument",
        f"{context()}<CRYPT:RecipientKeys><CRYPT:CertificateOnCard><CONN:CardHandle>"
        f"{other.handle(SMCB)}</CONN:CardHandle><CRYPT:Crypt>RSA_ECC</CRYPT:Crypt>"
        "</CRYPT:CertificateOnCard></CRYPT:RecipientKeys><CONN:Document><dss:Base64Data>eA=="
        "</dss:Base64Data></CONN:Document>",
    )
    ecc = read_card(other.pki.card(SMCB)).objects["C.ENC", "ECC"].certificate
    assert answer.code is None
    cms = answer.binary("//dss:Base64Data")
    assert enveloped_data.read(cms).recipients == (certificate_id(ecc),)


def test_rsa_ends_by_the_virtual_clock(other: Site) -> None:
    def code(day: str) -> int | None:
        other.role.ask("PUT", "/clock", {"now": f"{day}T12:00:00+00:00"})
        return other.sign(SMCB_G20, document(b"x"), ENVELOPING, context=context("m2")).code

    assert [code("2028-06-30"), code("2028-07-01")] == [None, 4058]
    other.role.ask("POST", "/reset")


def test_its_own_words(other: Site, ocsp: Any) -> None:
    certificate = read_card(other.pki.card(HBA)).objects["C.AUT", "RSA"].certificate
    ocsp.ask("PUT", f"/certificates/{certificate.serial_number}", {"status": "revoked"})
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    answer = other.call(
        "CERT",
        "VerifyCertificate",
        f"{context()}<CERTCMN:X509Certificate>{encoded}</CERTCMN:X509Certificate>",
    )
    ocsp.ask("POST", "/reset")
    assert answer.code == 1047
    assert answer.text("//GERROR:ErrorText") == "Zertifikat gesperrt"
