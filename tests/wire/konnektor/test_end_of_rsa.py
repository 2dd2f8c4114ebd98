"""The day before and the day after RSA ends, by the clocks of Konnektor and OCSP responder."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.pki.cards import read_card
from tests.konnektor_site import ENVELOPING, HBA, SMCB, SMCB_G20, Site, context, document

# Later than the TI's days, which lie before the certificates of the tests may be used.
ENDS = {
    "qes": "2027-04-01",
    "qes_g20": "2027-07-01",
    "issued_before": "2027-01-01",
    "smcb": [{"day": "2027-07-01", "references": ["C.SIG"]}, {"day": "2027-10-01"}],
}


@dataclass(frozen=True)
class Rehearsal:
    """A responder, and two Konnektoren of PTV5: one refuses RSA by itself, the other does not."""

    responder: Any
    refusing: Site
    signing_on: Site

    def set_day(self, site: Site, day: str) -> Site:
        """Make it *day* for *site* and the responder."""
        for process in (site.role, self.responder):
            process.ask("POST", "/reset")
            status, body = process.ask("PUT", "/clock", {"now": f"{day}T00:00:00+00:00"})
            assert status == 200, body
        return site

    def days(self, ask: Any, before: str, after: str, *, signing_on: bool = False) -> list[Any]:
        """Return what *ask* finds on both days."""
        site = self.signing_on if signing_on else self.refusing
        return [ask(self.set_day(site, day)) for day in (before, after)]


@pytest.fixture(scope="module")
def rehearsal(start_site: Any, start_role: Any, site_certificates: Any) -> Rehearsal:
    settings = {"pki": str(site_certificates.directory), "rsa_ends": ENDS}
    responder = start_role("simulators.pki", {**settings, "listeners": {"ocsp": {}}})
    host, port = responder.address("ocsp")
    url = f"http://{host}:{port}/ocsp"

    def start(after_rsa: str) -> Site:
        make = {"after_rsa": after_rsa}
        site: Site = start_site(generation="PTV5", rsa_ends=ENDS, ocsp_url=url, make=make)
        return site

    return Rehearsal(responder, start("refuse"), start("sign"))


def qes(crypt: str) -> Any:
    def ask(site: Site) -> int | None:
        shown = document(b"x", short_text="x")
        user = context(user="u1")
        return site.sign(HBA, shown, ENVELOPING, crypt=crypt, context=user).code

    return ask


def test_qes_with_rsa_on_a_card_of_g21(rehearsal: Rehearsal) -> None:
    assert rehearsal.days(qes("RSA"), "2027-03-31", "2027-04-01") == [None, 4058]
    assert rehearsal.days(qes("ECC"), "2027-03-31", "2027-04-01") == [None, None]


def test_a_make_that_signs_on_meets_the_revoked_certificate(rehearsal: Rehearsal) -> None:
    found = rehearsal.days(qes("RSA"), "2027-03-31", "2027-04-01", signing_on=True)
    assert found == [None, 4123]
    assert qes("ECC")(rehearsal.set_day(rehearsal.signing_on, "2027-04-01")) is None


@pytest.mark.parametrize(("iccsn", "mandant"), [(SMCB, "m1"), (SMCB_G20, "m2")])
def test_an_smcb_signs_with_rsa_until_its_step(
    rehearsal: Rehearsal, iccsn: str, mandant: str
) -> None:
    def ask(site: Site) -> int | None:
        return site.sign(
            iccsn, document(b"x"), ENVELOPING, crypt="RSA", context=context(mandant)
        ).code

    assert rehearsal.days(ask, "2027-06-30", "2027-07-01") == [None, 4058]


def test_a_later_step_for_authentication(rehearsal: Rehearsal) -> None:
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()

    def ask(site: Site) -> int | None:
        return site.call(
            "AUTH",
            "ExternalAuthenticate",
            f"<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>{context()}"
            f"<SIG74:BinaryString><dss:Base64Data>{digest}</dss:Base64Data></SIG74:BinaryString>",
        ).code

    assert rehearsal.days(ask, "2027-07-01", "2027-10-01") == [None, 4058]


def certificate(site: Site, iccsn: str, reference: Any, crypt: Any = "RSA") -> str:
    found = read_card(site.pki.card(iccsn)).objects[reference, crypt].certificate
    return base64.b64encode(found.public_bytes(Encoding.DER)).decode()


def encrypt(site: Site) -> Any:
    """Encrypt for the RSA certificate of the SMC-B."""
    return site.call(
        "CRYPT",
        "EncryptDocument",
        f"{context()}<CRYPT:RecipientKeys><CRYPT:Certificate>"
        f"{certificate(site, SMCB, 'C.ENC')}</CRYPT:Certificate></CRYPT:RecipientKeys>"
        "<CONN:Document><dss:Base64Data>eA==</dss:Base64Data></CONN:Document>",
    )


def test_nobody_encrypts_for_a_revoked_certificate_but_mail_stays_readable(
    rehearsal: Rehearsal,
) -> None:
    before, after = "2027-09-30", "2027-10-01"
    old = encrypt(rehearsal.set_day(rehearsal.refusing, before))
    assert old.code is None
    site = rehearsal.set_day(rehearsal.refusing, after)
    assert encrypt(site).code == 4105
    opened = site.call(
        "CRYPT",
        "DecryptDocument",
        f"{context()}<CRYPT:PrivateKeyOnCard><CONN:CardHandle>{site.handle(SMCB)}"
        "</CONN:CardHandle></CRYPT:PrivateKeyOnCard><CONN:Document><dss:Base64Data>"
        f"{old.text('//dss:Base64Data')}</dss:Base64Data></CONN:Document>",
    )
    assert opened.binary("//dss:Base64Data") == b"x"


@pytest.mark.parametrize(
    ("iccsn", "reference", "before", "after"),
    [
        (HBA, "C.QES", "2027-03-31", "2027-04-01"),
        (SMCB, "C.SIG", "2027-06-30", "2027-07-01"),
        (SMCB_G20, "C.ENC", "2027-09-30", "2027-10-01"),
    ],
)
def test_certificates_are_revoked_from_the_day(
    rehearsal: Rehearsal, iccsn: str, reference: str, before: str, after: str
) -> None:
    def ask(crypt: str) -> Any:
        def verify(site: Site) -> tuple[str, int | None]:
            given = certificate(site, iccsn, reference, crypt)
            answer = site.call(
                "CERT",
                "VerifyCertificate",
                f"{context()}<CERTCMN:X509Certificate>{given}</CERTCMN:X509Certificate>",
            )
            return answer.text("//CERT:VerificationResult"), answer.code

        return verify

    assert rehearsal.days(ask("RSA"), before, after) == [("VALID", None), ("INVALID", 1047)]
    if iccsn != SMCB_G20:
        assert rehearsal.days(ask("ECC"), before, after) == [("VALID", None)] * 2


def test_certificates_are_read_from_cards_as_ever(rehearsal: Rehearsal) -> None:
    def ask(site: Site) -> int | None:
        return site.call(
            "CERT",
            "ReadCardCertificate",
            f"<CONN:CardHandle>{site.handle(SMCB)}</CONN:CardHandle>{context()}"
            "<CERT:CertRefList><CERT:CertRef>C.ENC</CERT:CertRef></CERT:CertRefList>"
            "<CERT:Crypt>RSA</CERT:Crypt>",
        ).code

    assert rehearsal.days(ask, "2027-09-30", "2027-10-01") == [None, None]
