"""Trust: who issued a certificate, and whether its path holds at a time."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.pki.authorities import AUTHORITY_VALIDITY
from simulators.pki.cards import Card, Crypt, Reference
from simulators.pki.certificate import Authority, authority_certificate, end_entity
from simulators.pki.plan import plan, usual_start
from simulators.pki.request import CardRequest, PkiRequest
from simulators.pki.tree import PkiTree
from simulators.pki.trust import PathResult, Trust
from simulators.process.errors import InputError
from tests.unit.pki.conftest import HBA, OLD, PRACTICE

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(scope="module")
def trust(tree: PkiTree) -> Trust:
    return Trust.load(tree.trust)


def foreign(common_name: str) -> x509.Certificate:
    """Return a card's certificate by an authority that nobody trusts."""
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    names = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, "kimulator NOT-VALID"),
        x509.NameAttribute(
            NameOID.ORGANIZATIONAL_UNIT_NAME,
            "Institution des Gesundheitswesens-CA der Telematikinfrastruktur",
        ),
        x509.NameAttribute(NameOID.COMMON_NAME, common_name),
    ]
    authority = authority_certificate(x509.Name(names), key, AUTHORITY_VALIDITY, None)
    content = plan(PkiRequest(cards=[PRACTICE]), usual_start(NOW))[1].content
    return end_entity(content, key.public_key(), Authority(authority, key))


@pytest.mark.parametrize("crypt", ["RSA", "ECC"])
@pytest.mark.parametrize(("request_", "reference"), [(PRACTICE, "C.ENC"), (HBA, "C.QES")])
def test_our_cards_lead_to_a_root(
    trust: Trust,
    card: Callable[[CardRequest], Card],
    request_: CardRequest,
    reference: Reference,
    crypt: Crypt,
) -> None:
    certificate = card(request_).objects[reference, crypt].certificate
    assert trust.check_path(certificate, NOW) is PathResult.OK
    issuer = trust.issuer_of(certificate)
    assert issuer is not None
    certificate.verify_directly_issued_by(issuer)
    assert trust.issuer_of(issuer) not in (None, issuer)


def test_the_first_and_the_last_second_count(
    trust: Trust, card: Callable[[CardRequest], Card]
) -> None:
    certificate = card(PRACTICE).objects["C.ENC", "ECC"].certificate
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    assert trust.check_path(certificate, begin) is PathResult.OK
    assert trust.check_path(certificate, end) is PathResult.OK
    early, late = begin.replace(year=begin.year - 1), end.replace(year=end.year + 1)
    assert trust.check_path(certificate, early) is PathResult.NOT_YET_VALID
    assert trust.check_path(certificate, late) is PathResult.EXPIRED


def test_an_expired_card_is_expired_and_its_issuer_known(
    trust: Trust, card: Callable[[CardRequest], Card]
) -> None:
    certificate = card(OLD).objects["C.AUT", "RSA"].certificate
    assert trust.check_path(certificate, NOW) is PathResult.EXPIRED
    assert trust.check_path(certificate, datetime(2024, 1, 1, tzinfo=UTC)) is PathResult.OK
    assert trust.issuer_of(certificate) is not None


def test_a_foreign_authority_is_untrusted(trust: Trust) -> None:
    certificate = foreign("KIMULATOR.SMCB-CA9 TEST-ONLY")
    assert trust.check_path(certificate, NOW) is PathResult.UNTRUSTED
    assert trust.issuer_of(certificate) is None


def test_a_namesake_of_our_authority_is_found_out(trust: Trust) -> None:
    certificate = foreign("KIMULATOR.SMCB-CA2 TEST-ONLY")
    assert trust.check_path(certificate, NOW) is PathResult.BAD_SIGNATURE
    assert trust.issuer_of(certificate) is None


def test_a_card_is_no_authority(trust: Trust, card: Callable[[CardRequest], Card]) -> None:
    signer = card(PRACTICE).objects["C.AUT", "ECC"]
    content = plan(PkiRequest(cards=[PRACTICE]), usual_start(NOW))[1].content
    forged = end_entity(
        content, signer.certificate.public_key(), Authority(signer.certificate, signer.private_key)
    )
    also_trusted = Trust([*trust.authorities, signer.certificate])
    assert also_trusted.check_path(forged, NOW) is PathResult.UNTRUSTED


def test_clients_of_one_konnektor_are_no_members_of_the_ti(tree: PkiTree, trust: Trust) -> None:
    authority = x509.load_pem_x509_certificate(tree.clients_ca.read_bytes())
    assert trust.check_path(authority, NOW) is PathResult.UNTRUSTED


@pytest.mark.parametrize("content", [b"", b"no PEM", b"\xff" * 100])
def test_a_file_that_is_no_trust(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "trust.pem"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"trust\.pem: cannot be used as trust"):
        Trust.load(path)


def test_an_authority_of_the_real_ti_is_refused(tmp_path: Path) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "GEM.RCA5")])
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    root = authority_certificate(name, key, AUTHORITY_VALIDITY, None)
    path = tmp_path / "trust.pem"
    path.write_bytes(root.public_bytes(Encoding.PEM))
    with pytest.raises(InputError, match="real TI are refused"):
        Trust.load(path)
