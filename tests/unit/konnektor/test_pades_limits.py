"""PAdES: room for the CMS, many signatures, what a PDF says of itself, hostile PDFs."""

from __future__ import annotations

import zlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fpdf import FPDF

from simulators.formats.signed_data import Signer, key_signer
from simulators.konnektor.faults import KonnektorFault
from simulators.konnektor.signatures import pades

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def letter(conformance: str = "PDF/A-2B") -> bytes:
    pdf = FPDF(enforce_compliance=conformance)
    pdf.set_creation_date(datetime(2026, 7, 1, tzinfo=UTC))
    pdf.add_page()
    pdf.rect(10, 10, 50, 50)
    return bytes(pdf.output())


def signer(padding_bytes: int = 0) -> Signer:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Praxis TEST-ONLY")])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(5)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
    )
    if padding_bytes:
        extension = x509.UnrecognizedExtension(
            x509.ObjectIdentifier("1.2.276.0.76.4.999"), bytes(padding_bytes)
        )
        builder = builder.add_extension(extension, critical=False)
    return key_signer(builder.sign(key, hashes.SHA256()), key)


def test_no_room_for_a_large_certificate() -> None:
    half = pades.ROOM // 2
    pdf = pades.sign(pades.read(letter()), signer(half // 2), reason="x", now=NOW)
    assert pades.embedded_signatures(pdf)[0].covers_all
    with pytest.raises(KonnektorFault) as raised:
        pades.sign(pades.read(letter()), signer(half), reason="x", now=NOW)
    assert raised.value.trace.code == 4205


def test_many_signatures_one_after_the_other() -> None:
    card = signer()
    pdf = letter()
    for number in range(21):
        pdf = pades.sign(pades.read(pdf), card, reason=f"Nummer {number}", now=NOW)
    found = pades.embedded_signatures(pdf)
    assert [entry.reason for entry in found] == [f"Nummer {number}" for number in range(21)]
    assert [entry.covers_all for entry in found] == [False] * 20 + [True]
    assert {entry.signing_time for entry in found} == {NOW}
    assert len({entry.field_name for entry in found}) == 21


def test_a_field_that_somebody_else_named() -> None:
    other = replace(pades.read(letter()), field_name="Signature2")
    pdf = pades.sign(other, signer(), reason="x", now=NOW)
    for _ in range(2):
        pdf = pades.sign(pades.read(pdf), signer(), reason="x", now=NOW)
    names = [entry.field_name for entry in pades.embedded_signatures(pdf)]
    assert names == ["Signature2", "Signature1", "Signature3"]


@pytest.mark.parametrize("conformance", ["PDF/A-1B", "PDF/A-2B", "PDF/A-2U"])
def test_parts_that_may_be_signed(conformance: str) -> None:
    assert pades.read(letter(conformance)).field_name == "Signature1"


@pytest.mark.parametrize("conformance", ["PDF/A-3B", "PDF/A-4"])
def test_parts_that_may_not(conformance: str) -> None:
    with pytest.raises(KonnektorFault) as raised:
        pades.read(letter(conformance))
    assert raised.value.trace.code == 4110


def test_a_bomb_in_the_metadata() -> None:
    """64 MB of zeros in 64 KB, packed twice, where the part of PDF/A is looked for."""
    bomb = zlib.compress(zlib.compress(bytes(1 << 30 >> 4), 9), 9)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Metadata 3 0 R>>",
        b"<</Type/Pages/Kids[]/Count 0>>",
        b"<</Type/Metadata/Filter[/FlateDecode/FlateDecode]/Length %d>>stream\n%s\nendstream"
        % (len(bomb), bomb),
    ]
    file = BytesIO()
    file.write(b"%PDF-1.7\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(file.tell())
        file.write(b"%d 0 obj%s\nendobj\n" % (number, content))
    start = file.tell()
    file.write(b"xref\n0 4\n0000000000 65535 f \n")
    file.writelines(b"%010d 00000 n \n" % offset for offset in offsets)
    file.write(b"trailer<</Size 4/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % start)
    with pytest.raises(KonnektorFault) as raised:
        pades.read(file.getvalue())
    assert raised.value.trace.code == 4110


@pytest.mark.parametrize("length", range(0, 1600, 160))
def test_cut_off(length: int) -> None:
    pdf = pades.sign(pades.read(letter()), signer(), reason=None, now=NOW)
    with pytest.raises(KonnektorFault) as raised:
        pades.embedded_signatures(pdf[:length])
    assert raised.value.trace.code == 4112
