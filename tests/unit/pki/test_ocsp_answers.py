"""OCSP answers made and judged: what is believed, what is not, and bytes that are none."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
from asn1crypto import ocsp as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.formats.errors import FormatError
from simulators.pki.cards import Card, Crypt, Reference
from simulators.pki.control import Reason
from simulators.pki.ocsp import (
    CERT_HASH,
    MAX_REQUESTS,
    ResponseStatus,
    answer,
    read_request,
    refusal,
)
from simulators.pki.ocsp_client import OcspStatus, read_answer
from simulators.pki.registry import Registry, Status
from simulators.pki.request import CardRequest
from simulators.pki.tree import PkiTree
from simulators.pki.trust import Trust
from simulators.process.errors import InputError
from tests.unit.pki.conftest import HBA, PRACTICE

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
NONCE = b"n" * 32


@pytest.fixture
def registry(tree: PkiTree) -> Registry:
    return Registry.load(tree.directory)


@pytest.fixture(scope="session")
def of(
    tree: PkiTree, card: Callable[[CardRequest], Card]
) -> Callable[..., tuple[x509.Certificate, x509.Certificate]]:
    """Return a function to a card's certificate and its issuer."""
    trust = Trust.load(tree.trust)

    def find(
        request: CardRequest, reference: Reference, crypt: Crypt
    ) -> tuple[x509.Certificate, x509.Certificate]:
        certificate = card(request).objects[reference, crypt].certificate
        issuer = trust.issuer_of(certificate)
        assert issuer is not None
        return certificate, issuer

    return find


Of = Callable[..., tuple[x509.Certificate, x509.Certificate]]


def request_for(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    algorithm: hashes.HashAlgorithm | None = None,
    nonce: bytes | None = NONCE,
) -> bytes:
    builder = ocsp.OCSPRequestBuilder().add_certificate(
        certificate, issuer, algorithm or hashes.SHA256()
    )
    if nonce is not None:
        builder = builder.add_extension(x509.OCSPNonce(nonce), False)
    return builder.build().public_bytes(Encoding.DER)


def ask(
    registry: Registry,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    outdated: bool = False,
) -> bytes:
    questions = read_request(request_for(certificate, issuer), registry, NOW)
    return answer(questions, NOW, outdated=outdated)


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
@pytest.mark.parametrize(("request_", "reference"), [(PRACTICE, "C.SIG"), (HBA, "C.QES")])
def test_a_good_certificate(
    registry: Registry, of: Of, request_: CardRequest, reference: Reference, crypt: Crypt
) -> None:
    certificate, issuer = of(request_, reference, crypt)
    der = ask(registry, certificate, issuer)
    assert read_answer(der, certificate, issuer, NOW, NONCE) == OcspStatus("good", der)


def test_an_answer_names_the_certificate_by_its_hash(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    response = ocsp.load_der_ocsp_response(ask(registry, certificate, issuer))
    extension = response.single_extensions.get_extension_for_oid(x509.ObjectIdentifier(CERT_HASH))
    digest = certificate.fingerprint(hashes.SHA256())
    assert extension.value.public_bytes() == (
        bytes.fromhex("3031300d060960864801650304020105000420") + digest
    )


@pytest.mark.parametrize("reason", [None, *get_args(Reason)])
def test_a_revoked_certificate(registry: Registry, of: Of, reason: str | None) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "RSA")
    registry.set_status(certificate.serial_number, Status.REVOKED, NOW, reason)
    status = read_answer(ask(registry, certificate, issuer), certificate, issuer, NOW, NONCE)
    assert (status.status, status.revoked_at) == ("revoked", NOW)


def test_an_unknown_certificate_has_no_hash(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    registry.set_status(certificate.serial_number, Status.UNKNOWN, NOW)
    der = ask(registry, certificate, issuer)
    assert read_answer(der, certificate, issuer, NOW, NONCE).status == "unknown"
    assert list(ocsp.load_der_ocsp_response(der).single_extensions) == []


def test_reset_makes_all_good(registry: Registry, of: Of) -> None:
    certificate, _ = of(PRACTICE, "C.SIG", "ECC")
    registry.set_status(certificate.serial_number, Status.REVOKED, NOW)
    registry.reset()
    assert {entry.status for entry in registry.entries(NOW)} == {Status.GOOD}


@pytest.mark.parametrize("algorithm", [hashes.SHA1(), hashes.SHA256(), hashes.SHA512()])
def test_the_issuer_may_be_named_by_any_usual_hash(
    registry: Registry, of: Of, algorithm: hashes.HashAlgorithm
) -> None:
    certificate, issuer = of(HBA, "C.QES", "RSA")
    der = answer(read_request(request_for(certificate, issuer, algorithm), registry, NOW), NOW)
    assert read_answer(der, certificate, issuer, NOW, NONCE).status == "good"


def test_a_foreign_issuer_is_not_answered_for(registry: Registry, of: Of) -> None:
    certificate, _ = of(PRACTICE, "C.SIG", "ECC")
    questions = read_request(request_for(certificate, certificate), registry, NOW)
    assert answer(questions, NOW) == refusal(ResponseStatus.UNAUTHORIZED)


def test_an_answer_about_another_certificate_proves_nothing(registry: Registry, of: Of) -> None:
    asked, issuer = of(PRACTICE, "C.SIG", "ECC")
    other, _ = of(PRACTICE, "C.AUT", "ECC")
    status = read_answer(ask(registry, other, issuer), asked, issuer, NOW, NONCE)
    assert status.status == "unavailable"
    assert status.reason == "the answer is about another certificate"


def test_a_wrong_certificate_hash_proves_nothing(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    entries = [entry.issued for entry in registry.entries(NOW)]
    forged = Registry(
        list(registry.authorities.values()),
        [issued.model_copy(update={"sha256": "00" * 32}) for issued in entries],
    )
    status = read_answer(ask(forged, certificate, issuer), certificate, issuer, NOW, NONCE)
    assert status.reason == "the answer's CertHash is of another certificate"


def test_another_authoritys_signer_proves_nothing(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    questions = read_request(request_for(certificate, issuer), registry, NOW)
    assert questions.authority is not None
    hba = registry.authorities["HBA-CA2"]
    forged = type(questions)(
        type(hba)(questions.authority.name, questions.authority.certificate, hba.signer),
        questions.asked,
        questions.nonce,
    )
    status = read_answer(answer(forged, NOW), certificate, issuer, NOW, NONCE)
    assert status.reason == "no authorised responder signed the answer"


def test_a_card_cannot_sign_answers(
    registry: Registry, of: Of, card: Callable[[CardRequest], Card]
) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    thief = card(PRACTICE).objects["C.AUT", "ECC"]
    questions = read_request(request_for(certificate, issuer), registry, NOW)
    assert questions.authority is not None
    signer = type(questions.authority.signer)(thief.certificate, thief.private_key)
    forged = type(questions)(
        type(questions.authority)("SMCB-CA2", issuer, signer), questions.asked, None
    )
    status = read_answer(answer(forged, NOW), certificate, issuer, NOW)
    assert status.reason == "no authorised responder signed the answer"


def test_a_nonce_of_another_request_proves_nothing(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    der = ask(registry, certificate, issuer)
    status = read_answer(der, certificate, issuer, NOW, b"m" * 32)
    assert status.reason == "the answer belongs to another request"


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW + timedelta(minutes=6), "the answer is outdated"),
        (NOW - timedelta(minutes=6), "the answer is from the future"),
    ],
)
def test_an_answer_of_another_time_proves_nothing(
    registry: Registry, of: Of, at: datetime, reason: str
) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    status = read_answer(ask(registry, certificate, issuer), certificate, issuer, at, NONCE)
    assert (status.status, status.reason) == ("unavailable", reason)


def test_an_outdated_answer_proves_nothing(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "RSA")
    der = ask(registry, certificate, issuer, outdated=True)
    status = read_answer(der, certificate, issuer, NOW, NONCE)
    assert status.reason == "the answer is outdated"


@pytest.mark.parametrize("status", [s for s in ResponseStatus if s])
def test_a_refusal_says_why(of: Of, status: ResponseStatus) -> None:
    certificate, issuer = of(PRACTICE, "C.SIG", "ECC")
    judged = read_answer(refusal(status), certificate, issuer, NOW)
    assert judged.status == "unavailable"
    assert judged.reason is not None
    assert judged.reason.startswith("the responder answered ")


def _many(of: Of, certificates: list[tuple[x509.Certificate, x509.Certificate]]) -> bytes:
    """Return a request for several certificates, which cryptography's builder cannot make."""
    single = [
        asn1.OCSPRequest.load(request_for(*pair, nonce=None))["tbs_request"]["request_list"][0]
        for pair in certificates
    ]
    return bytes(asn1.OCSPRequest({"tbs_request": {"request_list": single}}).dump())


def test_several_certificates_of_one_authority(registry: Registry, of: Of) -> None:
    pairs = [of(PRACTICE, reference, "ECC") for reference in ("C.AUT", "C.ENC", "C.SIG")]
    der = answer(read_request(_many(of, pairs), registry, NOW), NOW)
    answers = list(ocsp.load_der_ocsp_response(der).responses)
    assert [a.serial_number for a in answers] == [c.serial_number for c, _ in pairs]


def test_several_authorities_in_one_request_are_refused(registry: Registry, of: Of) -> None:
    pairs = [of(PRACTICE, "C.AUT", "ECC"), of(PRACTICE, "C.AUT", "RSA")]
    with pytest.raises(FormatError, match="several authorities"):
        read_request(_many(of, pairs), registry, NOW)


def test_too_many_or_no_certificates_are_refused(registry: Registry, of: Of) -> None:
    for count in (0, MAX_REQUESTS + 1):
        with pytest.raises(FormatError, match=f"for {count} certificates"):
            read_request(_many(of, [of(PRACTICE, "C.AUT", "ECC")] * count), registry, NOW)


def test_too_many_bytes_are_refused(registry: Registry) -> None:
    with pytest.raises(FormatError, match="more than"):
        read_request(bytes(100_000), registry, NOW)


def test_a_huge_nonce_is_refused(registry: Registry, of: Of) -> None:
    certificate, issuer = of(PRACTICE, "C.AUT", "ECC")
    with pytest.raises(FormatError):
        read_request(request_for(certificate, issuer, nonce=b"n" * 1000), registry, NOW)


def test_a_nonce_that_is_no_octet_string_is_refused(registry: Registry, of: Of) -> None:
    good = request_for(*of(PRACTICE, "C.AUT", "ECC"))
    header = b"\x04\x20" + NONCE
    assert good.count(header) == 1
    with pytest.raises(FormatError):
        read_request(good.replace(header, b"\x02\x7f" + NONCE), registry, NOW)


@settings(deadline=None)
@given(junk=st.binary(max_size=300))
def test_any_bytes_as_a_request(tree: PkiTree, junk: bytes) -> None:
    with pytest.raises(FormatError):
        read_request(junk, Registry([], []), NOW)


@settings(deadline=None)
@given(position=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_a_request_with_a_byte_changed_or_cut(
    of: Of, tree: PkiTree, position: int, value: int, cut: int
) -> None:
    certificate, issuer = of(PRACTICE, "C.AUT", "ECC")
    good = request_for(certificate, issuer)
    changed = bytearray(good)
    changed[position % len(good)] = value
    registry = Registry.load(tree.directory)
    for request in (bytes(changed), good[: cut % len(good)]):
        try:
            questions = read_request(request, registry, NOW)
        except FormatError:
            continue
        assert answer(questions, NOW)


@settings(deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_an_answer_with_a_bit_turned_proves_nothing_else(
    of: Of, tree: PkiTree, position: int, bit: int
) -> None:
    certificate, issuer = of(PRACTICE, "C.AUT", "ECC")
    registry = Registry.load(tree.directory)
    registry.set_status(certificate.serial_number, Status.REVOKED, NOW)
    changed = bytearray(ask(registry, certificate, issuer))
    changed[position % len(changed)] ^= 1 << bit
    judged = read_answer(bytes(changed), certificate, issuer, NOW, NONCE)
    assert judged.status in ("unavailable", "revoked")


@settings(deadline=None)
@given(junk=st.binary(max_size=300))
def test_any_bytes_as_an_answer(of: Of, junk: bytes) -> None:
    certificate, issuer = of(PRACTICE, "C.AUT", "ECC")
    assert read_answer(junk, certificate, issuer, NOW).status == "unavailable"


def test_a_directory_without_index_is_one_clear_line(tmp_path: object, tree: PkiTree) -> None:
    with pytest.raises(InputError, match="no OCSP index"):
        Registry.load(tree.directory / "cards")
