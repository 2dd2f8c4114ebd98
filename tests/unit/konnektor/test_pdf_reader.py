"""PDFs that cost too much end the process that reads them, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any

import psutil
import pytest

from simulators.formats import signed_data
from simulators.konnektor.faults import Code, KonnektorFault, fault
from simulators.konnektor.signatures.pdf import PdfReader
from tests.unit.konnektor.test_pades_limits import NOW, letter, signer


def file(*objects: bytes) -> bytes:
    """Return a PDF of *objects*, the first of which is its catalogue."""
    content, offsets = b"%PDF-1.7\n", []
    for number, item in enumerate(objects, start=1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%s\nendobj\n" % (number, item)
    entries = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    return content + (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<</Size %d/Root 1 0 R>>\n"
        b"startxref\n%d\n%%%%EOF\n" % (size, entries, size, len(content))
    )


def endless_cross_references(width: int) -> bytes:
    reference = b"<</Type/XRef/Size 2000000000/W[%d 0 0]/Index[0 2000000000]/Root 2 0 R/Length 0>>"
    return (
        b"%PDF-1.7\n1 0 obj\n" + reference % width + b"\nstream\n\nendstream\nendobj\n"
        b"startxref\n9\n%%EOF\n"
    )


def doubling_fields() -> bytes:
    """A form in which every field has the next one twice: 2 to the power of 40 of them."""
    fields = [b"<</T(a)/Kids[%d 0 R %d 0 R]>>" % (n, n) for n in range(4, 44)]
    form = b"<</Type/Catalog/Pages 2 0 R/AcroForm<</Fields[3 0 R]>>>>"
    return file(form, b"<</Type/Pages/Kids[]/Count 0>>", *fields, b"<</T(z)/FT/Sig>>")


@pytest.fixture(scope="module")
def reader() -> Iterator[PdfReader]:
    """Return a reader that gives no PDF more than a quarter of a second."""
    reader = PdfReader(cpu_seconds=0.25)
    yield reader
    reader.close()


def code(work: Coroutine[Any, Any, Any]) -> int | None:
    try:
        asyncio.run(work)
    except KonnektorFault as raised:
        return raised.trace.code
    return None


@pytest.mark.parametrize(
    "hostile",
    [
        lambda: endless_cross_references(1),
        doubling_fields,
    ],
    ids=["cross references", "fields"],
)
def test_hostile(reader: PdfReader, hostile: Callable[[], bytes]) -> None:
    pdf = hostile()
    assert code(reader.check(pdf)) == Code.DOCUMENT_FORMAT


def test_the_next_is_read_as_ever(reader: PdfReader) -> None:
    assert code(reader.signatures(endless_cross_references(0))) == Code.NOT_CONFORMING_NONQES
    assert code(reader.check(letter())) is None
    assert asyncio.run(reader.signatures(letter())) == []


def test_memory_is_bounded() -> None:
    reader = PdfReader(memory_bytes=300 << 20)
    assert code(reader.signatures(bytes(300 << 20))) == Code.NOT_CONFORMING_NONQES
    reader.close()


def test_closing_ends_the_process() -> None:
    reader = PdfReader()
    assert asyncio.run(reader.signatures(letter())) == []
    assert reader._process is not None
    process = psutil.Process(reader._process.pid)
    reader.close()
    assert not process.is_running()


def test_the_key_stays_here(reader: PdfReader) -> None:
    card = signer()
    pdf = asyncio.run(reader.sign(letter(), card, reason="Arztbrief", now=NOW))
    (found,) = asyncio.run(reader.signatures(pdf))
    assert (found.reason, found.signing_time, found.covers_all) == ("Arztbrief", NOW, True)
    cms = found.cms[: 4 + int.from_bytes(found.cms[2:4], "big")]
    (read,) = signed_data.read(cms, found.covered(pdf)).signers
    assert (read.digest_ok, read.signature_ok) == (True, True)
    assert read.certificate == card.certificate


def test_a_fault_of_the_card_is_told_as_it_is(reader: PdfReader) -> None:
    def broken(_: bytes) -> bytes:
        raise fault(Code.CARD_ERROR, "die Signatur der Karte ist falsch")

    card = signed_data.Signer(signer().certificate, broken)
    now = datetime(2026, 11, 23, tzinfo=UTC)
    assert code(reader.sign(letter(), card, reason=None, now=now)) == Code.CARD_ERROR
    assert code(reader.check(letter())) is None
