"""Our card certificates against gematik's public test cards, field by field."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from simulators.pki.cards import Card, Crypt, Reference
from simulators.pki.request import CardRequest
from tests.unit.pki.conftest import HBA, HOSPITAL, PRACTICE

KEYS: dict[str, Crypt] = {"R2048": "RSA", "E256": "ECC"}
SMCB: dict[str, Reference] = {"AUT": "C.AUT", "ENC": "C.ENC", "OSIG": "C.SIG"}
HP: dict[str, Reference] = {"AUT": "C.AUT", "ENC": "C.ENC", "QES": "C.QES"}
PAIRS = [
    *(
        (request, f"{request.iccsn}-C_SMCB_{name}_{key}_X509.crt.pem", (reference, crypt))
        for request in (PRACTICE, HOSPITAL)
        for name, reference in SMCB.items()
        for key, crypt in KEYS.items()
    ),
    *(
        (HBA, f"{HBA.iccsn}-C_HP_{name}_{key}.crt.pem", (reference, crypt))
        for name, reference in HP.items()
        for key, crypt in KEYS.items()
    ),
]
# gematik's cards name a distribution point for CRLs; the TI's status service is OCSP.
NOT_OURS = {ExtensionOID.CRL_DISTRIBUTION_POINTS}
# They differ by certificate, address or key; their form is compared by tests of their own.
INDIVIDUAL = {
    ExtensionOID.AUTHORITY_INFORMATION_ACCESS,
    ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
    ExtensionOID.SUBJECT_KEY_IDENTIFIER,
    ExtensionOID.CERTIFICATE_POLICIES,
}

pytestmark = pytest.mark.parametrize(
    ("request_", "file", "key"), PAIRS, ids=[file.split(".")[0] for _, file, _ in PAIRS]
)
Pair = tuple[x509.Certificate, x509.Certificate]


@pytest.fixture
def pair(
    request_: CardRequest,
    file: str,
    key: tuple[Reference, Crypt],
    spec: Callable[[str], Path],
    card: Callable[[CardRequest], Card],
) -> Pair:
    official = x509.load_pem_x509_certificate(spec(f"certificates/{file}").read_bytes())
    return card(request_).objects[key].certificate, official


def test_subject_is_the_same_to_the_byte(pair: Pair) -> None:
    ours, official = pair
    assert ours.subject.public_bytes() == official.subject.public_bytes()


def test_extensions_are_the_same_and_as_critical(pair: Pair) -> None:
    ours, official = pair
    assert {(e.oid, e.critical) for e in ours.extensions} == {
        (e.oid, e.critical) for e in official.extensions if e.oid not in NOT_OURS
    }


def test_extensions_have_the_same_content(pair: Pair) -> None:
    ours, official = pair
    compared = 0
    for extension in official.extensions:
        if extension.oid not in NOT_OURS | INDIVIDUAL:
            same = ours.extensions.get_extension_for_oid(extension.oid)
            assert same.value.public_bytes() == extension.value.public_bytes(), extension.oid
            compared += 1
    assert compared >= 3  # basicConstraints, keyUsage, Admission at least


def test_policies_are_the_same(pair: Pair) -> None:
    def policies(certificate: x509.Certificate) -> dict[str, int]:
        value = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
        return {p.policy_identifier.dotted_string: len(p.policy_qualifiers or []) for p in value}

    ours, official = pair
    assert policies(ours) == policies(official)


def test_status_is_asked_for_at_one_address_that_leads_nowhere(pair: Pair) -> None:
    def addresses(certificate: x509.Certificate) -> list[tuple[str, str]]:
        value = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess)
        return [(a.access_method.dotted_string, a.access_location.value) for a in value.value]

    ours, official = pair
    assert [method for method, _ in addresses(ours)] == [m for m, _ in addresses(official)]
    assert addresses(ours)[0][1] == "http://ocsp.kimulator.invalid/ocsp"


def test_issuer_has_the_form_of_gematiks_and_is_marked(pair: Pair) -> None:
    def parts(certificate: x509.Certificate) -> dict[str, str]:
        return {a.oid.dotted_string: str(a.value) for a in certificate.issuer}

    ours, official = parts(pair[0]), parts(pair[1])
    unit = NameOID.ORGANIZATIONAL_UNIT_NAME.dotted_string
    official.setdefault(unit, "Qualifizierter VDA der Telematikinfrastruktur")  # GEM.HBA-qCA24
    assert ours.keys() == official.keys()
    assert ours[unit] == official[unit]
    assert ours[NameOID.COMMON_NAME.dotted_string].startswith("KIMULATOR.")
    assert ours[NameOID.COMMON_NAME.dotted_string].endswith(" TEST-ONLY")
    assert ours[NameOID.ORGANIZATION_NAME.dotted_string].endswith(" NOT-VALID")


def test_key_signature_and_validity_are_of_the_same_kind(pair: Pair) -> None:
    def kind(certificate: x509.Certificate) -> tuple[object, ...]:
        key = certificate.public_key()
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        curve = key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else None
        years = (certificate.not_valid_after_utc - certificate.not_valid_before_utc) / timedelta(
            days=365.25
        )
        algorithm = certificate.signature_algorithm_oid.dotted_string
        return key.key_size, curve, algorithm, certificate.version, round(years)

    ours, official = pair
    assert kind(ours) == kind(official)


def test_serial_number_is_positive_and_short_enough(pair: Pair) -> None:
    assert all(0 < certificate.serial_number < 1 << 64 for certificate in pair)
