"""What worn and own cards can still do: sign, encrypt for, decrypt."""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import enveloped_data, signed_data
from simulators.formats.certificates import certificate_id
from simulators.pki.profiles import HCI_ENC, HCI_OSIG
from tests.konnektor_site import ENVELOPING, Site, context, document
from tests.wire.konnektor.certificates.conftest import (
    EXPIRED,
    OWN,
    REVOKED_HBA,
    SOON,
    Worn,
)

CONTENT = b"ein Befund"


def encrypt(site: Site, *certificates: x509.Certificate) -> Any:
    given = "".join(
        f"<CRYPT:Certificate>{base64.b64encode(one.public_bytes(Encoding.DER)).decode()}"
        "</CRYPT:Certificate>"
        for one in certificates
    )
    encoded = base64.b64encode(CONTENT).decode()
    return site.call(
        "CRYPT",
        "EncryptDocument",
        f"{context()}<CRYPT:RecipientKeys>{given}</CRYPT:RecipientKeys>"
        f"<CONN:Document><dss:Base64Data>{encoded}</dss:Base64Data></CONN:Document>",
    )


def decrypt(site: Site, iccsn: str, content: bytes) -> Any:
    encoded = base64.b64encode(content).decode()
    return site.call(
        "CRYPT",
        "DecryptDocument",
        f"{context()}<CRYPT:PrivateKeyOnCard>"
        f"<CONN:CardHandle>{site.handle(iccsn)}</CONN:CardHandle></CRYPT:PrivateKeyOnCard>"
        f"<CONN:Document><dss:Base64Data>{encoded}</dss:Base64Data></CONN:Document>",
    )


def verify(site: Site, cms: bytes) -> Any:
    encoded = base64.b64encode(cms).decode()
    return site.call(
        "SIG",
        "VerifyDocument",
        f"{context()}<dss:SignatureObject><dss:Base64Signature Type='urn:ietf:rfc:5652'>"
        f"{encoded}</dss:Base64Signature></dss:SignatureObject>"
        "<SIG:IncludeRevocationInfo>false</SIG:IncludeRevocationInfo>",
    )


def test_a_revoked_hba_makes_no_qes(worn: Worn) -> None:
    """4123, and again a signature when the certificate is good."""
    who = context(user="eva")
    assert worn.site.sign(REVOKED_HBA, document(CONTENT), ENVELOPING, context=who).code == 4123
    number = worn.certificate(REVOKED_HBA, "C.QES").serial_number
    worn.ocsp.ask("PUT", f"/certificates/{number}", {"status": "good"})
    worn.site.role.ask("POST", "/reset")  # no answer is kept
    assert worn.site.sign(REVOKED_HBA, document(CONTENT), ENVELOPING, context=who).status == 200


@pytest.mark.parametrize(("iccsn", "reason"), [(REVOKED_HBA, "revoked"), (EXPIRED, "expired")])
def test_nothing_is_encrypted_for_a_worn_card(worn: Worn, iccsn: str, reason: str) -> None:
    answer = encrypt(worn.site, worn.certificate(SOON, "C.ENC"), worn.certificate(iccsn, "C.ENC"))
    assert answer.code == 4105
    assert reason in answer.text("//GERROR:Trace[last()]/GERROR:Detail")


def test_what_was_encrypted_before_is_decrypted_by_an_expired_card(worn: Worn) -> None:
    cms = enveloped_data.encrypt(CONTENT, [worn.certificate(EXPIRED, "C.ENC")])
    assert decrypt(worn.site, EXPIRED, cms).binary("//dss:Base64Data") == CONTENT


def test_an_own_card_signs_and_is_believed(worn: Worn) -> None:
    signed = worn.site.sign(OWN, document(CONTENT), ENVELOPING, crypt="ECC")
    cms = signed.binary("//dss:Base64Signature")
    signer = signed_data.read(cms).certificates[0]
    assert signer == worn.certificate(OWN, "C.SIG")
    assert verify(worn.site, cms).text("//SIG:HighLevelResult") == "VALID"


def test_imported_authorities_certify_no_signer(worn: Worn) -> None:
    """TIP1-A_5433: they count for encryption and VerifyCertificate only."""
    certificate, key = worn.imported.issue(HCI_OSIG, telematik_id=None)
    signer = signed_data.key_signer(certificate, key)
    cms = signed_data.sign(CONTENT, signer, signing_time=datetime.now(UTC))
    answer = verify(worn.site, cms)
    assert (answer.text("//SIG:HighLevelResult"), answer.code) == ("INVALID", 4206)


def test_own_and_imported_recipients(worn: Worn) -> None:
    """For the own card, and for somebody outside the TI whose authority was imported."""
    outside, _ = worn.imported.issue(HCI_ENC, telematik_id=None)
    own = worn.certificate(OWN, "C.ENC")
    cms = encrypt(worn.site, own, outside).binary("//dss:Base64Data")
    named = {certificate_id(own), certificate_id(outside)}
    assert set(enveloped_data.read(cms).recipients) == named
    assert decrypt(worn.site, OWN, cms).binary("//dss:Base64Data") == CONTENT
