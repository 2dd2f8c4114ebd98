"""PAdES: signing PDF/A with a card's key, and the signatures a PDF holds (pyHanko).

Hostile PDFs take any time here: the Konnektor asks ``pdf.PdfReader``, whose process does this.
"""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BytesIO
from itertools import count
from typing import Any

from asn1crypto import algos
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign import fields, signers
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers.pdf_cms import Signer
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator.registry import SimpleCertificateStore

from simulators.formats import signed_data
from simulators.formats.certificates import is_ecc

from ..faults import Code, KonnektorFault, fault
from .pdf.embedded import EmbeddedSignature

MAX_SIGNATURES = 50
_PDF_A_PART = re.compile(rb"pdfaid:part(?:>|\s*=\s*[\"'])\s*(\d)")
_SALT_BYTES = 32
ROOM = 16384
"""Hexadecimal digits kept free in the PDF for the CMS: 8 KiB, some three times the usual."""

_TOO_LARGE = "larger than expected"


class _CardSigner(Signer):
    """pyHanko's signer whose key is a card's."""

    def __init__(self, signer: signed_data.Signer) -> None:
        self._sign = signer.sign
        der = signer.certificate.public_bytes(Encoding.DER)
        super().__init__(
            signing_cert=asn1_x509.Certificate.load(der),
            cert_registry=SimpleCertificateStore(),
            signature_mechanism=_mechanism(is_ecc(signer.certificate)),
            embed_roots=False,
        )

    async def async_sign_raw(
        self,
        data: bytes,
        digest_algorithm: str,  # noqa: ARG002 (always SHA-256 here)
        dry_run: bool = False,  # noqa: ARG002 (ROOM is kept free instead of estimating)
    ) -> bytes:
        return self._sign(data)


@dataclass(frozen=True)
class SignablePdf:
    """A PDF/A that was read to be signed, and a name that none of its signature fields has."""

    writer: IncrementalPdfFileWriter
    field_name: str


def read(pdf: bytes) -> SignablePdf:
    """Read *pdf*, which must be PDF/A-1 or PDF/A-2; fault 4110 when it is not."""
    try:
        writer = IncrementalPdfFileWriter(BytesIO(pdf), strict=False)
        root = writer.prev.root
        metadata = root["/Metadata"].data if "/Metadata" in root else b""
        found = [(name, value) for name, value, _ in fields.enumerate_sig_fields(writer.prev)]
    except Exception as error:  # pyHanko raises whatever a hostile file provokes
        raise fault(Code.DOCUMENT_FORMAT, f"{type(error).__name__}", value="PDF/A") from None
    part = _PDF_A_PART.search(metadata)
    if part is None or part.group(1) not in (b"1", b"2"):
        raise fault(Code.DOCUMENT_FORMAT, "weder PDF/A-1 noch PDF/A-2", value="PDF/A")
    if sum(value is not None for _, value in found) >= MAX_SIGNATURES:
        raise fault(Code.DOCUMENT_FORMAT, "zu viele Signaturen", value="PDF/A")
    names = {str(name) for name, _ in found}
    free = (f"Signature{number}" for number in count(1))
    return SignablePdf(writer, next(name for name in free if name not in names))


def sign(
    pdf: SignablePdf, signer: signed_data.Signer, *, reason: str | None, now: datetime
) -> bytes:
    """Return *pdf* with a PAdES-BES signature added (ShortText as Reason).

    Faults: 4205 the CMS does not fit into the room that is kept for it, which a card's
    certificate can cause; 4110 when the PDF cannot be signed for another reason.
    """
    settings = signers.PdfSignatureMetadata(
        field_name=pdf.field_name,
        md_algorithm="sha256",
        subfilter=fields.SigSeedSubFilter.PADES,
        reason=reason or None,
    )
    try:
        output = BytesIO()
        dated = _DatedSigner(settings, _CardSigner(signer), now)
        dated.sign_pdf(pdf.writer, output=output, bytes_reserved=ROOM)
        return output.getvalue()
    except KonnektorFault:  # of the card
        raise
    except Exception as error:
        if isinstance(error, SigningError) and _TOO_LARGE in str(error):
            raise fault(Code.PDF_SPACE) from None
        raise fault(Code.DOCUMENT_FORMAT, f"{type(error).__name__}", value="PDF/A") from None


class _DatedSigner(signers.PdfSigner):
    """pyHanko's signer of PDFs that dates by the virtual clock."""

    def __init__(self, settings: Any, signer: _CardSigner, now: datetime) -> None:
        super().__init__(settings, signer)
        self._now = now

    def init_signing_session(self, pdf_out: Any, existing_fields_only: bool = False) -> Any:
        session = super().init_signing_session(pdf_out, existing_fields_only)
        session.system_time = self._now
        return session


def embedded_signatures(pdf: bytes) -> list[EmbeddedSignature]:
    """Return the signatures of *pdf*, oldest first; fault 4112 when it is no PDF."""
    try:
        reader = PdfFileReader(BytesIO(pdf), strict=False)
        found = list(reader.embedded_regular_signatures)
        return [_embedded(pdf, entry) for entry in found[:MAX_SIGNATURES]]
    except Exception as error:
        raise fault(Code.NOT_CONFORMING_NONQES, f"PDF: {type(error).__name__}") from None


def _embedded(pdf: bytes, entry: Any) -> EmbeddedSignature:
    start, first, second, rest = (int(number) for number in entry.byte_range)
    if start != 0 or min(first, second, rest) < 0 or first > second or second + rest > len(pdf):
        raise ValueError("ByteRange")
    level = entry.evaluate_signature_coverage()
    reason = entry.sig_object.get("/Reason")
    return EmbeddedSignature(
        bytes(entry.pkcs7_content),
        (first, second),
        second + rest,
        level is SignatureCoverageLevel.ENTIRE_FILE,
        _zoned(entry.self_reported_timestamp),
        None if reason is None else str(reason),
        str(entry.field_name),
    )


def _zoned(moment: datetime | None) -> datetime | None:
    """Return /M with a zone: a date of a PDF without one means UTC here."""
    return moment if moment is None or moment.tzinfo else moment.replace(tzinfo=UTC)


def _mechanism(ecc: bool) -> Any:
    if ecc:
        return algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"})
    sha256 = {"algorithm": "sha256"}
    return algos.SignedDigestAlgorithm(
        {
            "algorithm": "rsassa_pss",
            "parameters": algos.RSASSAPSSParams(
                {
                    "hash_algorithm": sha256,
                    "mask_gen_algorithm": {"algorithm": "mgf1", "parameters": sha256},
                    "salt_length": _SALT_BYTES,
                }
            ),
        }
    )
