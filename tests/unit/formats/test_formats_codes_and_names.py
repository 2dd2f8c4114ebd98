"""Code catalogues, Dienstkennungen, what certificates say."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from simulators.formats import certificates, dienstkennung, kim_codes
from simulators.formats.dienstkennung import Dienstkennung
from simulators.formats.errors import FormatError
from tests.unit.formats.conftest import Identity

CATALOGUES = (
    kim_codes.FEHLERMELDUNG,
    kim_codes.DECRYPTION_RESULT,
    kim_codes.INTEGRITY_CHECK_RESULT,
)


def test_the_catalogues_are_complete() -> None:
    assert list(kim_codes.FEHLERMELDUNG) == [str(code) for code in range(4001, 4019)]
    assert list(kim_codes.DECRYPTION_RESULT) == ["00", "01", "02", "03"]
    assert list(kim_codes.INTEGRITY_CHECK_RESULT) == [f"{code:02}" for code in range(1, 10)]


def test_every_code_names_a_requirement_that_exists(spec: Callable[[str], Path]) -> None:
    with spec("requirements.csv").open(encoding="utf-8") as file:
        known = {cell for row in csv.reader(file) for cell in row}
    for catalogue in CATALOGUES:
        for code in catalogue.values():
            assert code.requirement in known
            assert code.text
            assert code.source


parts = st.text(
    st.characters(min_codepoint=33, max_codepoint=126, exclude_characters=";"),
    min_size=1,
    max_size=40,
)


@given(parts, parts, st.sampled_from(["V1.2", "V1.0", "2.0.0", "v1.0"]))
def test_a_dienstkennung_reads_back(application: str, operation: str, version: str) -> None:
    written = Dienstkennung(application, operation, version)
    assert dienstkennung.parse(str(written)) == written


def test_the_default_is_the_one_of_a_19488_02() -> None:
    assert str(dienstkennung.DEFAULT) == "KIM-Mail;Default;V1.0"


def test_dienstkennungen_are_compared_without_case() -> None:
    ours = dienstkennung.parse("eAU;Lieferung;V1.2")
    assert ours.same_as(dienstkennung.parse(" EAU ; lieferung;v1.2"))
    assert not ours.same_as(dienstkennung.parse("eAU;Storno-Arzt;V1.2"))


@pytest.mark.parametrize(
    "text", ["", "eAU", "eAU;Lieferung", "eAU;Lieferung;", ";;V1", "a;b;c;V1.0"]
)
def test_something_else_is_no_dienstkennung(text: str) -> None:
    with pytest.raises(FormatError):
        dienstkennung.parse(text)


def test_what_a_certificate_says(rsa_identity: Identity, ecc_identity: Identity) -> None:
    certificate = ecc_identity.certificate
    assert certificates.telematik_id(certificate) == "1-2-FORMATS-01"
    assert certificates.profession_oids(certificate) == ("1.2.276.0.76.4.50",)
    assert certificates.common_name(certificate) == "Praxis ECC TEST-ONLY"
    assert certificates.policies(certificate) == ()
    assert certificates.is_ecc(certificate)
    assert not certificates.is_ecc(rsa_identity.certificate)
    named = certificates.certificate_id(certificate)
    assert named.serial == certificate.serial_number
    assert named.issuer == certificate.issuer.public_bytes()


def test_what_the_public_test_cards_say(spec: Callable[[str], Path]) -> None:
    for file in spec("certificates").glob("*SMCB_ENC*.pem"):
        certificate = x509.load_pem_x509_certificate(file.read_bytes())
        assert (certificates.telematik_id(certificate) or "")[1] == "-"
        assert certificates.is_ecc(certificate) == ("E256" in file.name)
        assert certificates.profession_oids(certificate)
        assert len(certificates.policies(certificate)) >= 2
        assert certificates.common_name(certificate).endswith("TEST-ONLY")
        assert certificates.certificate_id(certificate).issuer == certificate.issuer.public_bytes()


def test_what_is_no_certificate_is_refused() -> None:
    for wrong in (b"", b"\x30\x00", b"-----BEGIN CERTIFICATE-----"):
        with pytest.raises(FormatError):
            certificates.load(wrong)
