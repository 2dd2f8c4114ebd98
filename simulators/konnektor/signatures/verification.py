"""Judging signatures: mathematics, certificate, status; the worst of them decides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from cryptography import x509

from simulators.formats import signed_data
from simulators.formats.errors import FormatError
from simulators.pki.trust import PathResult

from ..certificates.status import CertificateChecker, Status, Verdict
from ..documents import Document
from ..faults import Code, Trace, fault, trace

HighLevelResult = Literal["VALID", "INVALID", "INCONCLUSIVE"]

_MAJOR = "urn:oasis:names:tc:dss:1.0:resultmajor:"
_MINOR = "urn:oasis:names:tc:dss:1.0:resultminor:"
SUCCESS = _MAJOR + "Success"
INSUFFICIENT = _MAJOR + "InsufficientInformation"
ON_ALL_DOCUMENTS = _MINOR + "valid:signature:OnAllDocuments"
INCORRECT_SIGNATURE = _MINOR + "invalid:IncorrectSignature"
CHAIN_NOT_COMPLETE = _MINOR + "CertificateChainNotComplete"
OCSP_NOT_AVAILABLE = _MINOR + "OcspNotAvailiable"  # spelled so in gemSpec_Kon
_STATUS_CODES = {Status.REVOKED: Code.PKI_REVOKED, Status.UNKNOWN: Code.PKI_UNKNOWN}


@dataclass(frozen=True)
class Finding:
    """What came of checking one signature; ``reason`` is None for a valid one."""

    signer: signed_data.SignerInfo
    certificate: x509.Certificate
    verdict: Verdict
    result: HighLevelResult
    major: str
    minor: str
    reason: Trace | None

    @property
    def mathematics_ok(self) -> bool:
        """Whether the signature holds over the document."""
        return self.signer.digest_ok and self.signer.signature_ok


@dataclass(frozen=True)
class Judgement:
    """The whole check: every signature, and what holds for the document."""

    findings: tuple[Finding, ...]
    reasons: tuple[Trace, ...]
    result: HighLevelResult


def read_cms(cms: bytes, document: Document | None) -> signed_data.SignedData:
    """Read a CMS and check its mathematics; to be run in a thread.

    Faults: 4112 no SignedData, 4253 no signature inside, 4000 detached without a document.
    """
    detached = None if document is None else document.take()
    try:
        read = signed_data.read(cms, detached)
    except FormatError as error:
        raise fault(Code.NOT_CONFORMING_NONQES, str(error)) from None
    if not read.signers:
        raise fault(Code.NO_SIGNATURE)
    if read.content is None:
        raise fault(Code.SYNTAX, "die Signatur ist detached, und ein Document fehlt")
    if detached is not None and read.content != detached:
        # signed is what lies inside, and that is not the document the caller asks about
        other = tuple(replace(signer, digest_ok=False) for signer in read.signers)
        return replace(read, signers=other)
    return read


def read_pdf(document: Document) -> tuple[list[signed_data.SignerInfo], list[Trace]]:
    """Read the signatures of a PDF and check their mathematics; to be run in a thread.

    The Traces say what is wrong with the document as a whole (4262: a part is unsigned).
    Faults: 4112 no PDF or no CMS inside, 4253 no signature.
    """
    from . import pades  # pyHanko takes half a second to import, and few processes need it

    embedded = pades.embedded_signatures(document.take())
    if not embedded:
        raise fault(Code.NO_SIGNATURE)
    signers: list[signed_data.SignerInfo] = []
    for entry in embedded:
        try:
            # the room for the signature is larger than the CMS and filled with zeros
            signers.extend(signed_data.read(_without_padding(entry.cms), entry.covered).signers)
        except FormatError as error:
            raise fault(Code.NOT_CONFORMING_NONQES, str(error)) from None
    wrong = [] if embedded[-1].covers_all else [trace(Code.PDF_PARTLY_SIGNED)]
    return signers, wrong


async def judge(
    signers: list[signed_data.SignerInfo],
    checker: CertificateChecker,
    now: datetime,
    at: datetime | None,
    wrong: list[Trace],
) -> Judgement:
    """Judge every signature at *at*, else at its signing time, else *now*; all checks run.

    Fault 4206 when a signature comes without its certificate.
    """
    findings: list[Finding] = []
    for signer in signers:
        if signer.certificate is None:
            raise fault(Code.NO_SIGNER_CERTIFICATE)
        verdict = await checker.check(signer.certificate, at or signer.signing_time or now)
        findings.append(_finding(signer, signer.certificate, verdict))
    results = {finding.result for finding in findings} | ({"INVALID"} if wrong else set())
    result: HighLevelResult = "VALID"
    if "INVALID" in results:
        result = "INVALID"
    elif "INCONCLUSIVE" in results:
        result = "INCONCLUSIVE"
    reasons = [finding.reason for finding in findings if finding.reason is not None] + wrong
    # clients show the last Trace: remarks first, a broken signature last
    reasons.sort(key=lambda reason: (not reason.is_warning, reason.code == Code.SIGNATURE_INVALID))
    return Judgement(tuple(findings), tuple(reasons), result)


def _finding(
    signer: signed_data.SignerInfo, certificate: x509.Certificate, verdict: Verdict
) -> Finding:
    def of(result: HighLevelResult, major: str, minor: str, reason: Trace | None = None) -> Finding:
        return Finding(signer, certificate, verdict, result, major, minor, reason)

    if not (signer.digest_ok and signer.signature_ok):
        return of("INVALID", SUCCESS, INCORRECT_SIGNATURE, trace(Code.SIGNATURE_INVALID))
    if verdict.path is not PathResult.OK:
        reason = trace(Code.NO_SIGNER_CERTIFICATE, verdict.path.value)
        return of("INVALID", INSUFFICIENT, CHAIN_NOT_COMPLETE, reason)
    if not may_sign(certificate):
        reason = trace(Code.NO_SIGNER_CERTIFICATE, "KeyUsage erlaubt keine Signatur")
        return of("INVALID", INSUFFICIENT, CHAIN_NOT_COMPLETE, reason)
    status = verdict.answered.status
    if status.is_open:
        reason = trace(Code.CERTIFICATES_IGNORED, "keine Auskunft zum Sperrstatus")
        return of("INCONCLUSIVE", INSUFFICIENT, OCSP_NOT_AVAILABLE, reason)
    if status is not Status.GOOD:
        reason = trace(_STATUS_CODES[status])
        return of("INVALID", INSUFFICIENT, CHAIN_NOT_COMPLETE, reason)
    return of("VALID", SUCCESS, ON_ALL_DOCUMENTS)


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether KeyUsage lets the key sign: nonRepudiation or digitalSignature."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.content_commitment or usage.digital_signature


def _without_padding(cms: bytes) -> bytes:
    """Cut what follows the first DER element; BER of indefinite length stays as it is."""
    if len(cms) < 6 or cms[1] < 0x80:
        return cms[: 2 + cms[1]] if len(cms) > 1 else cms
    count = cms[1] & 0x7F
    if count == 0 or count > 4:
        return cms
    return cms[: 2 + count + int.from_bytes(cms[2 : 2 + count], "big")]
