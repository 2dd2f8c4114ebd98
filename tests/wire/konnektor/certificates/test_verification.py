"""VerifyCertificate (TIP1-A_5449): results, their reasons as gemSpec_PKI numbers them, roles."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from simulators.pki.authorities import SMCB_CA
from simulators.pki.profiles import HCI_AUT, HCI_ENC, KeyKind
from simulators.pki.trust import read_certificates
from tests.konnektor_site import PREFIXES, Answer, Site
from tests.own_test_cards import NOW, Foreign
from tests.wire.konnektor.certificates.conftest import EXPIRED, OWN, REVOKED_HBA, SOON, Worn

Verify = Callable[..., Answer]
RESULT = "//CERT:VerificationResult"


def reasons(answer: Answer) -> list[str]:
    path = "//CERT:VerificationStatus//GERROR:Code/text()"
    return [str(code) for code in answer.body.xpath(path, namespaces=PREFIXES)]


def at(moment: Any) -> str:
    return f"<CERT:VerificationTime>{moment.isoformat()}</CERT:VerificationTime>"


def test_valid_has_roles_and_no_reason(worn: Worn, verify: Verify) -> None:
    answer = verify(worn.site, worn.certificate(SOON, "C.AUT"))
    assert (answer.text(RESULT), reasons(answer)) == ("VALID", [])
    assert answer.text("//CONN:Result") == "OK"
    assert answer.text("//CERT:Role") == "1.2.276.0.76.4.50"


def test_not_in_time(worn: Worn, verify: Verify) -> None:
    """1021 today; valid at a time when it was."""
    expired = worn.certificate(EXPIRED, "C.ENC")
    answer = verify(worn.site, expired)
    assert (answer.text(RESULT), reasons(answer)) == ("INVALID", ["1021"])
    assert answer.text("//CONN:Result") == "Warning"
    then = expired.not_valid_after_utc - timedelta(days=1)
    assert verify(worn.site, expired, at(then)).text(RESULT) == "VALID"
    before = expired.not_valid_before_utc - timedelta(days=1)
    assert reasons(verify(worn.site, expired, at(before))) == ["1021"]


def test_the_virtual_clock_is_the_usual_time(worn: Worn, verify: Verify) -> None:
    soon = worn.certificate(SOON, "C.ENC")
    assert verify(worn.site, soon).text(RESULT) == "VALID"
    for process in (worn.site.role, worn.ocsp):
        process.ask("PUT", "/clock", {"advance_seconds": 40 * 86_400})
    assert reasons(verify(worn.site, soon)) == ["1021"]


def test_a_signature_that_does_not_hold(worn: Worn, verify: Verify) -> None:
    """1024: the issuer is one of ours by name only."""
    ours = next(
        authority
        for authority in read_certificates(worn.site.pki.trust)
        if SMCB_CA[KeyKind.BRAINPOOL] in authority.subject.rfc4514_string()
    )
    namesake = Foreign.new(ours.subject)
    answer = verify(worn.site, namesake.issue()[0])
    assert (answer.text(RESULT), reasons(answer)) == ("INVALID", ["1024"])


def test_revoked_and_unknown(worn: Worn, verify: Verify) -> None:
    """1047 from the start of the world, 1044 by the control API; a later revocation is none."""
    revoked = worn.certificate(REVOKED_HBA, "C.QES")
    assert reasons(verify(worn.site, revoked)) == ["1047"]
    unknown = worn.certificate(SOON, "C.SIG")
    worn.ocsp.ask("PUT", f"/certificates/{unknown.serial_number}", {"status": "unknown"})
    answer = verify(worn.site, unknown)
    assert (answer.text(RESULT), reasons(answer)) == ("INVALID", ["1044"])
    good = worn.certificate(SOON, "C.AUT")
    worn.ocsp.ask("PUT", f"/certificates/{good.serial_number}", {"status": "revoked"})
    assert reasons(verify(worn.site, good)) == ["1047"]
    assert verify(worn.site, good, at(NOW - timedelta(days=1))).text(RESULT) == "VALID"


@pytest.mark.parametrize("effect", [{"kind": "http_status"}, {"kind": "bad_signature"}])
def test_no_usable_answer_is_inconclusive(
    worn: Worn, verify: Verify, effect: dict[str, str]
) -> None:
    rule = {"id": "f", "operation": "OCSP", "effect": effect}
    worn.ocsp.ask("PUT", "/faults", [rule])
    answer = verify(worn.site, worn.certificate(SOON, "C.ENC"))
    assert (answer.text(RESULT), reasons(answer)) == ("INCONCLUSIVE", ["1032"])


def test_offline_is_tolerated(worn: Worn, verify: Verify) -> None:
    """1039 while the TI cannot be reached; nobody is asked."""
    worn.site.role.ask("PUT", "/operational-states/EC_No_VPN_TI_Connection", {"value": True})
    certificate = worn.certificate(SOON, "C.ENC")
    answer = verify(worn.site, certificate)
    assert (answer.text(RESULT), reasons(answer)) == ("INCONCLUSIVE", ["1039"])
    asked = [event["data"] for event in worn.ocsp.journal() if event["step"] == "OCSP"]
    assert not any(data["serial"] == str(certificate.serial_number) for data in asked)
    worn.site.role.ask("PUT", "/operational-states/EC_No_VPN_TI_Connection", {"value": False})
    assert verify(worn.site, certificate).text(RESULT) == "VALID"


def test_an_old_trust_list_stops_it(worn: Worn, verify: Verify) -> None:
    """4002 beyond the grace period of the TSL."""
    state = "/operational-states/EC_TSL_Out_Of_Date_Beyond_Grace_Period"
    worn.site.role.ask("PUT", state, {"value": True})
    answer = verify(worn.site, worn.certificate(SOON, "C.ENC"))
    assert (answer.status, answer.code) == (500, 4002)


def test_own_certificates_are_known_to_the_responder(worn: Worn, verify: Verify) -> None:
    """Good as registered, revoked as told; of others of that authority it says nothing."""
    own = worn.certificate(OWN, "C.ENC")
    answer = verify(worn.site, own)
    assert (answer.text(RESULT), reasons(answer)) == ("VALID", [])
    assert answer.text("//CERT:Role") == "1.2.276.0.76.4.51"
    answer = verify(worn.site, worn.foreign.issue()[0])
    assert (answer.text(RESULT), reasons(answer)) == ("INCONCLUSIVE", ["1032"])
    worn.ocsp.ask("PUT", f"/certificates/{own.serial_number}", {"status": "revoked"})
    worn.site.role.ask("POST", "/reset")  # no answer is kept
    assert reasons(verify(worn.site, own)) == ["1047"]


def test_imported_authorities(worn: Worn, verify: Verify) -> None:
    """Valid without anybody being asked (TIP1-A_5433); without import 1027 and 4260."""
    known, _ = worn.imported.issue(HCI_ENC, telematik_id=None)
    answer = verify(worn.site, known)
    assert (answer.text(RESULT), answer.text("//CERT:Role")) == ("VALID", "")
    old, _ = worn.imported.issue(HCI_ENC, days=(-90, -1))
    assert reasons(verify(worn.site, old)) == ["1021"]
    stranger, _ = Foreign.new().issue(HCI_AUT)
    foreign = Foreign.new(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Niemand")]))
    assert reasons(verify(worn.site, foreign.issue()[0])) == ["1027", "4260"]
    assert reasons(verify(worn.site, stranger)) == ["1024"]  # a namesake of the foreign one


def official(spec: Callable[[str], Path]) -> list[x509.Certificate]:
    folder = spec("certificates")
    return [
        x509.load_pem_x509_certificate(path.read_bytes())
        for path in sorted(folder.glob("*.crt.pem"))
    ]


def test_official_test_cards(site: Site, verify: Verify, spec: Callable[[str], Path]) -> None:
    """Their authorities are not ours: 1027; the role is read all the same."""
    found = {}
    for certificate in official(spec):
        answer = verify(site, certificate)
        assert (answer.text(RESULT), reasons(answer)) == ("INVALID", ["1027", "4260"])
        found[certificate.serial_number] = answer.text("//CERT:Role")
    assert len(found) == 18
    assert set(found.values()) == {f"1.2.276.0.76.4.{number}" for number in (30, 50, 55)}


def test_what_is_no_certificate(site: Site) -> None:
    from tests.konnektor_site import context

    bad = "<CERTCMN:X509Certificate>MAA=</CERTCMN:X509Certificate>"
    assert site.call("CERT", "VerifyCertificate", context() + bad).code == 4000
