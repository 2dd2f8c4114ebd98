"""ReadCardCertificate, VerifyCertificate and ExternalAuthenticate."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, utils
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats.signed_data import Signer
from simulators.pki.cards import read_card
from tests.konnektor_site import HBA, SMCB, SMCB_G20, Site, context


def read(site: Site, iccsn: str, reference: str, crypt: str = "", **who: Any) -> Any:
    wanted = f"<CERT:Crypt>{crypt}</CERT:Crypt>" if crypt else ""
    return site.call(
        "CERT",
        "ReadCardCertificate",
        f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>{context(**who)}"
        f"<CERT:CertRefList><CERT:CertRef>{reference}</CERT:CertRef></CERT:CertRefList>{wanted}",
    )


def check(site: Site, certificate: x509.Certificate, more: str = "") -> Any:
    encoded = base64.b64encode(certificate.public_bytes(Encoding.DER)).decode()
    return site.call(
        "CERT",
        "VerifyCertificate",
        f"{context()}<CERTCMN:X509Certificate>{encoded}</CERTCMN:X509Certificate>{more}",
    )


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
@pytest.mark.parametrize(
    ("iccsn", "reference"),
    [(SMCB, "C.AUT"), (SMCB, "C.ENC"), (SMCB, "C.SIG"), (HBA, "C.AUT"), (HBA, "C.QES")],
)
def test_certificates_of_cards(site: Site, iccsn: str, reference: str, crypt: str) -> None:
    card = read_card(site.pki.card(iccsn))
    answer = read(site, iccsn, reference, crypt)
    found = x509.load_der_x509_certificate(answer.binary("//CERTCMN:X509Certificate"))
    assert found == card.objects[reference, crypt].certificate  # type: ignore[index]
    assert answer.text("//CERTCMN:X509SubjectName") == card.holder


def test_references_that_do_not_fit(site: Site) -> None:
    assert read(site, SMCB, "C.QES").code == 4149
    assert read(site, HBA, "C.SIG").code == 4149
    assert read(site, SMCB, "C.XYZ").code == 4000
    assert read(site, SMCB_G20, "C.AUT", "ECC", mandant="m2").code == 4258


def test_valid_certificate_and_its_roles(site: Site) -> None:
    certificate = read_card(site.pki.card(SMCB)).objects["C.AUT", "ECC"].certificate
    answer = check(site, certificate)
    assert answer.text("//CERT:VerificationResult") == "VALID"
    assert answer.text("//CERT:Role") == "1.2.276.0.76.4.50"


def test_revoked(site: Site, ocsp: Any) -> None:
    certificate = read_card(site.pki.card(HBA)).objects["C.AUT", "RSA"].certificate
    ocsp.ask("PUT", f"/certificates/{certificate.serial_number}", {"status": "revoked"})
    answer = check(site, certificate)
    assert answer.text("//CERT:VerificationResult") == "INVALID"
    assert answer.text("//CERT:VerificationStatus//GERROR:Code") == "1047"


def test_an_answer_serves_for_the_grace_period(site: Site, ocsp: Any) -> None:
    certificate = read_card(site.pki.card(HBA)).objects["C.AUT", "ECC"].certificate
    assert check(site, certificate).text("//CERT:VerificationResult") == "VALID"
    ocsp.ask("PUT", f"/certificates/{certificate.serial_number}", {"status": "unknown"})
    assert check(site, certificate).text("//CERT:VerificationResult") == "VALID"
    for process in (site.role, ocsp):
        process.ask("PUT", "/clock", {"advance_seconds": 700})
    assert check(site, certificate).text("//CERT:VerificationResult") == "INVALID"


def test_out_of_time_and_foreign(site: Site, foreign_signer: Signer) -> None:
    certificate = read_card(site.pki.card(SMCB)).objects["C.AUT", "ECC"].certificate
    later = "<CERT:VerificationTime>2090-01-01T00:00:00Z</CERT:VerificationTime>"
    answer = check(site, certificate, later)
    assert answer.text("//CERT:VerificationStatus//GERROR:Code") == "1021"
    answer = check(site, foreign_signer.certificate)
    assert answer.text("//CERT:VerificationStatus//GERROR:Code") == "1027"
    assert answer.text("//CERT:VerificationStatus//GERROR:Trace[last()]/GERROR:Code") == "4260"


def authenticate(
    site: Site, digest: bytes, options: str = "", iccsn: str = SMCB, **who: Any
) -> Any:
    encoded = base64.b64encode(digest).decode()
    return site.call(
        "AUTH",
        "ExternalAuthenticate",
        f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle>{context(**who)}"
        f"<SIG74:OptionalInputs>{options}</SIG74:OptionalInputs><SIG74:BinaryString>"
        f'<dss:Base64Data MimeType="application/octet-stream">{encoded}</dss:Base64Data>'
        "</SIG74:BinaryString>",
    )


V15 = "<SIG74:SignatureSchemes>RSASSA-PKCS1-v1_5</SIG74:SignatureSchemes>"
ECDSA = "<dss:SignatureType>urn:bsi:tr:03111:ecdsa</dss:SignatureType>"


def test_pss_is_usual(site: Site) -> None:
    digest = hashlib.sha256(b"challenge").digest()
    answer = authenticate(site, digest)
    key: Any = read_card(site.pki.card(SMCB)).objects["C.AUT", "RSA"].certificate.public_key()
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    key.verify(
        answer.binary("//dss:Base64Signature"), digest, pss, utils.Prehashed(hashes.SHA256())
    )


@pytest.mark.parametrize("name", ["sha256", "sha384", "sha512"])
def test_pkcs1_with_three_hashes(site: Site, name: str) -> None:
    digest = hashlib.new(name, b"challenge").digest()
    answer = authenticate(site, digest, V15)
    key: Any = read_card(site.pki.card(SMCB)).objects["C.AUT", "RSA"].certificate.public_key()
    algorithm = getattr(hashes, name.upper())()
    signature = answer.binary("//dss:Base64Signature")
    key.verify(signature, digest, padding.PKCS1v15(), utils.Prehashed(algorithm))


def test_ecdsa(site: Site) -> None:
    digest = hashlib.sha256(b"challenge").digest()
    answer = authenticate(site, digest, ECDSA)
    key: Any = read_card(site.pki.card(SMCB)).objects["C.AUT", "ECC"].certificate.public_key()
    signature = answer.binary("//dss:Base64Signature")
    key.verify(signature, digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))


def test_refused_authentication(site: Site) -> None:
    sha256 = bytes(32)
    assert authenticate(site, bytes(20)).code == 4000
    assert authenticate(site, bytes(48)).code == 4000
    other = "<dss:SignatureType>urn:ietf:rfc:5652</dss:SignatureType>"
    assert authenticate(site, sha256, other).code == 4111
    assert authenticate(site, sha256, ECDSA, SMCB_G20, mandant="m2").code == 4258
    assert authenticate(site, sha256, iccsn=HBA, user="eva").code == 4085
