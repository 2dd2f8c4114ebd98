"""CAdES and PAdES: CMS beside, around or inside a document; and bare RSA signatures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from cryptography import x509

from simulators.formats import (
    asn1,
    cms_attributes,
    signature_timestamp,
    signed_data,
    xml_algorithms,
)
from simulators.formats.errors import FormatError
from simulators.formats.signed_data import SignedData
from simulators.formats.signer_info import SignerInfo

from ...documents import Document as GivenDocument
from ...faults import Code, Trace, fault, trace
from ..pdf import EmbeddedSignature
from ..signing import CMS_TYPE, QES_KINDS
from .found import OID_URI, Document, Form, Found, Updated

PKCS1_ALGORITHM = OID_URI + "1.2.840.113549.1.1.1"


def read_cms(
    cms: bytes, given: GivenDocument | None, more_certificates: Sequence[x509.Certificate]
) -> Document:
    """Read a CMS and check its mathematics; to be run in a thread.

    Faults: 4112 no SignedData, 4253 no signature inside, 4000 detached without a document.
    """
    detached = None if given is None else given.take()
    read = _read(cms, detached, more_certificates)
    if read.content is None:
        raise fault(Code.SYNTAX, "die Signatur ist detached, und ein Document fehlt")
    signatures = tuple(_found(signer, read, "CAdES") for signer in read.signers)
    if detached is not None and read.content != detached:
        # signed is what lies inside, and that is not the document the caller asks about
        signatures = tuple(replace(entry, digest_ok=False) for entry in signatures)
    kind_ok = given is None or given.kind in QES_KINDS

    def update(ocsp_responses: Sequence[bytes]) -> Updated:
        return Updated(signed_data.with_ocsp_responses(cms, ocsp_responses), CMS_TYPE)

    return Document(signatures, _ignored(read), kind_ok, update)


def read_pdf(pdf: bytes, embedded: Sequence[EmbeddedSignature]) -> Document:
    """Check the mathematics of the signatures *embedded* in *pdf*; to be run in a thread.

    The Traces say what is wrong with the document as a whole (4262: a part is unsigned).
    Faults: 4112 no CMS inside, 4253 no signature.
    """
    if not embedded:
        raise fault(Code.NO_SIGNATURE)
    signatures: list[Found] = []
    wrong: list[Trace] = [] if embedded[-1].covers_all else [trace(Code.PDF_PARTLY_SIGNED)]
    for entry in embedded:
        # the room for the signature is larger than the CMS and filled with zeros
        read = _read(_without_padding(entry.cms), entry.covered(pdf), ())
        problem = None if len(read.signers) == 1 else "PAdES has one signer for each signature"
        wrong += _ignored(read)
        for signer in read.signers:
            found = _found(signer, read, "PAdES")
            signatures.append(
                replace(
                    found,
                    signing_time=found.signing_time or entry.signing_time,
                    short_text=entry.reason,
                    field_name=entry.field_name,
                    problem=problem,
                )
            )
    return Document(tuple(signatures), tuple(wrong))


def read_pkcs1(
    value: bytes, given: GivenDocument | None, certificates: Sequence[x509.Certificate]
) -> Document:
    """Check a bare RSA signature (urn:ietf:rfc:3447) of *given*; to be run in a thread.

    Its certificate comes in AdditionalKeyInfo. Faults: 4000 without a document, 4206 without a
    certificate.
    """
    if given is None:
        raise fault(Code.SYNTAX, "zu einer PKCS#1-Signatur gehört ein Document")
    if not certificates:
        raise fault(Code.NO_SIGNER_CERTIFICATE, "AdditionalKeyInfo nennt kein Zertifikat")
    content = given.take()
    certificate = certificates[0]
    try:
        holds = xml_algorithms.pkcs1_holds(certificate, value, content)
    except FormatError:
        holds = False
    found = Found("PKCS#1", certificate, holds, holds, PKCS1_ALGORITHM, value)
    return Document((found,), kind_ok=given.kind in QES_KINDS)


def _read(
    cms: bytes, detached: bytes | None, more_certificates: Sequence[x509.Certificate]
) -> SignedData:
    try:
        read = signed_data.read(cms, detached, more_certificates=more_certificates)
    except FormatError as error:
        raise fault(Code.NOT_CONFORMING_NONQES, str(error)) from None
    if not read.signers:
        raise fault(Code.NO_SIGNATURE)
    return read


def _ignored(read: SignedData) -> tuple[Trace, ...]:
    """Return the remark that certificates of another kind than X.509 play no part (C_6388)."""
    count = read.ignored_certificates
    return (trace(Code.CERTIFICATES_IGNORED, f"{count} ohne X.509"),) if count else ()


def _found(signer: SignerInfo, read: SignedData, form: Form) -> Found:
    digests = signer.attributes.get(cms_attributes.MESSAGE_DIGEST, ())
    return Found(
        form,
        signer.certificate,
        signer.digest_ok,
        signer.signature_ok,
        OID_URI + signer.signature_algorithm,
        signer.value,
        signer.signing_time,
        OID_URI + signer.digest_algorithm,
        _octets(digests[0]) if digests else None,
        _hint(signer),
        ocsp_responses=read.ocsp_responses,
        timestamp_ok=signature_timestamp.all_fit(
            (signer.unsigned_attributes or {}).get(signature_timestamp.OID, ()), signer.value
        ),
    )


def _octets(encoded: bytes) -> bytes | None:
    try:
        return bytes(asn1.parse(encoded).expect(asn1.OCTET_STRING).content)
    except FormatError:
        return None


def _hint(signer: SignerInfo) -> str | None:
    """Return contentDescription of content-hints, where SignDocument puts the ShortText."""
    values = signer.attributes.get(cms_attributes.CONTENT_HINTS, ())
    try:
        text = asn1.parse(values[0]).fields().optional(asn1.UTF8_STRING) if values else None
        return None if text is None else text.text()
    except FormatError:
        return None


def _without_padding(cms: bytes) -> bytes:
    """Cut what follows the first DER element; BER of indefinite length stays as it is."""
    if len(cms) < 6 or cms[1] < 0x80:
        return cms[: 2 + cms[1]] if len(cms) > 1 else cms
    count = cms[1] & 0x7F
    if count == 0 or count > 4:
        return cms
    return cms[: 2 + count + int.from_bytes(cms[2 : 2 + count], "big")]
