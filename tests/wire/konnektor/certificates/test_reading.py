"""ReadCardCertificate (TIP1-A_4700) where a card is worn, somebody else's, or not to be read."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography import x509

from tests.konnektor_site import PREFIXES, context
from tests.wire.konnektor.certificates.conftest import (
    EGK,
    EXPIRED,
    OWN,
    REVOKED_HBA,
    SOON,
    Worn,
)


def read(worn: Worn, iccsn: str, *references: str, crypt: str) -> Any:
    listed = "".join(f"<CERT:CertRef>{reference}</CERT:CertRef>" for reference in references)
    return worn.site.call(
        "CERT",
        "ReadCardCertificate",
        f"<CONN:CardHandle>{worn.site.handle(iccsn)}</CONN:CardHandle>{context()}"
        f"<CERT:CertRefList>{listed}</CERT:CertRefList><CERT:Crypt>{crypt}</CERT:Crypt>",
    )


@pytest.mark.parametrize(
    ("iccsn", "reference"),
    [(EXPIRED, "C.ENC"), (REVOKED_HBA, "C.QES"), (OWN, "C.SIG"), (OWN, "C.ENC")],
    ids=["expired", "revoked", "own C.SIG", "own C.ENC"],
)
def test_a_certificate_is_read_whatever_it_is_worth(worn: Worn, iccsn: str, reference: str) -> None:
    answer = read(worn, iccsn, reference, crypt="ECC")
    found = x509.load_der_x509_certificate(answer.binary("//CERTCMN:X509Certificate"))
    assert found == worn.certificate(iccsn, reference)


def test_the_holder_of_an_own_card_is_its_own(worn: Worn) -> None:
    answer = read(worn, OWN, "C.AUT", crypt="ECC")
    assert answer.text("//CERTCMN:X509SubjectName") == "Zahnarztpraxis Fremd TEST-ONLY"


def test_what_a_card_does_not_have_stays_empty(worn: Worn) -> None:
    answer = read(worn, SOON, "C.AUT", "C.ENC", crypt="RSA")
    assert answer.status == 200
    assert answer.body.xpath("//CERTCMN:CertRef/text()", namespaces=PREFIXES) == ["C.AUT", "C.ENC"]
    assert not answer.body.xpath("//CERTCMN:X509Data", namespaces=PREFIXES)


def test_cards_that_are_not_read(worn: Worn) -> None:
    assert read(worn, EGK, "C.AUT", crypt="ECC").code == 4090
    worn.site.role.ask("PUT", "/terminals/t1", {"condition": "silent"})
    assert read(worn, OWN, "C.AUT", crypt="ECC").code == 4094
