"""Judging signatures: document, core, certificate, status; all checks run, the worst decides."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography import x509

from simulators.formats.certificates import is_qualified
from simulators.formats.errors import FormatError
from simulators.pki.trust import PathResult

from ...certificates.status import CertificateChecker, Status, Verdict
from ...faults import Code, Trace, fault, trace
from .found import Document, Found

HighLevelResult = Literal["VALID", "INVALID", "INCONCLUSIVE"]

_MAJOR = "urn:oasis:names:tc:dss:1.0:resultmajor:"
_MINOR = "urn:oasis:names:tc:dss:1.0:resultminor:"
SUCCESS = _MAJOR + "Success"
REQUESTER_ERROR = _MAJOR + "RequesterError"
INSUFFICIENT = _MAJOR + "InsufficientInformation"
ON_ALL_DOCUMENTS = _MINOR + "valid:signature:OnAllDocuments"
HAS_MANIFEST_RESULTS = _MINOR + "valid:signature:HasManifestResults"
INCORRECT_SIGNATURE = _MINOR + "invalid:IncorrectSignature"
INVALID_TIMESTAMP = _MINOR + "valid:signature:InvalidSignatureTimestamp"
CHAIN_NOT_COMPLETE = _MINOR + "CertificateChainNotComplete"
OCSP_NOT_AVAILABLE = _MINOR + "OcspNotAvailiable"  # spelled so in gemSpec_Kon
_STATUS_CODES = {Status.REVOKED: Code.PKI_REVOKED, Status.UNKNOWN: Code.PKI_UNKNOWN}


@dataclass(frozen=True)
class Finding:
    """What came of checking one signature; ``reasons`` is empty for a valid one.

    ``certificate`` and ``verdict`` are None where nobody knows the signer's certificate. ``at``:
    the time for which it was judged. ``chain``: the certificates up to the root.
    """

    found: Found
    certificate: x509.Certificate | None
    verdict: Verdict | None
    at: datetime
    qes: bool
    chain: tuple[x509.Certificate, ...]
    result: HighLevelResult
    major: str
    minor: str | None
    reasons: tuple[Trace, ...]


@dataclass(frozen=True)
class Judgement:
    """The whole check: every signature, and what holds for the document."""

    findings: tuple[Finding, ...]
    reasons: tuple[Trace, ...]
    result: HighLevelResult


@dataclass(frozen=True)
class _Outcome:
    """What one check says of one signature, unless all is well."""

    result: HighLevelResult
    major: str
    minor: str | None
    reason: Trace


async def judge(
    document: Document, checker: CertificateChecker, now: datetime, at: datetime | None
) -> Judgement:
    """Judge every signature at *at*, else at its signing time, else *now*; all checks run.

    Fault 4206 when no signature comes with its certificate.
    """
    if all(found.certificate is None for found in document.signatures):
        raise fault(Code.NO_SIGNER_CERTIFICATE)
    # side by side: whoever signed several times is asked for once, however long that takes
    findings = await asyncio.gather(
        *(
            _judge_one(found, checker, at or found.signing_time or now, document.kind_ok)
            for found in document.signatures
        )
    )
    results = {finding.result for finding in findings}
    if any(not reason.is_warning for reason in document.wrong):
        results.add("INVALID")
    result: HighLevelResult = "VALID"
    if "INVALID" in results:
        result = "INVALID"
    elif "INCONCLUSIVE" in results:
        result = "INCONCLUSIVE"
    reasons = [reason for finding in findings for reason in finding.reasons]
    return Judgement(tuple(findings), _ordered([*reasons, *document.wrong]), result)


def is_qes(certificate: x509.Certificate) -> bool:
    """Whether the certificate makes a signature a QES (QCStatement 0.4.0.1862.1.1)."""
    try:
        return is_qualified(certificate)
    except FormatError:
        return False


def may_sign(certificate: x509.Certificate) -> bool:
    """Whether KeyUsage lets the key sign: nonRepudiation or digitalSignature."""
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except (x509.ExtensionNotFound, ValueError):
        return False
    return usage.content_commitment or usage.digital_signature


async def _judge_one(
    found: Found, checker: CertificateChecker, at: datetime, kind_ok: bool
) -> Finding:
    certificate = found.certificate
    verdict, qes = None, False
    chain: tuple[x509.Certificate, ...] = ()
    outcomes: list[_Outcome] = []
    if certificate is None:
        outcomes.append(_not_trusted("kein Zertifikat"))
    else:
        qes = is_qes(certificate)
        verdict = await checker.check(certificate, at)
        chain = checker.chain(certificate)
        outcomes += _certificate(certificate, verdict)
    outcomes = _mathematics(found, qes) + _profile(found, qes, kind_ok) + outcomes
    reasons = tuple(outcome.reason for outcome in outcomes)
    worst = next((entry for entry in outcomes if entry.result == "INVALID"), None)
    worst = worst or next(iter(outcomes), None)
    if worst is None:
        minor = HAS_MANIFEST_RESULTS if found.manifests else ON_ALL_DOCUMENTS
        return Finding(
            found, certificate, verdict, at, qes, chain, "VALID", SUCCESS, minor, reasons
        )
    result, major, minor_ = worst.result, worst.major, worst.minor
    return Finding(found, certificate, verdict, at, qes, chain, result, major, minor_, reasons)


def _mathematics(found: Found, qes: bool) -> list[_Outcome]:
    """Core: a broken value or digest (4115); not where the form could not be understood.

    Of a nonQES also a signature timestamp over something else; the code for it is unconfirmed.
    """
    if found.problem is not None:
        return []
    if found.mathematics_ok:
        if found.timestamp_ok or qes:
            return []
        reason = trace(Code.SIGNATURE_INVALID, "der Zeitstempel gilt einer anderen Signatur")
        return [_Outcome("INVALID", SUCCESS, INVALID_TIMESTAMP, reason)]
    if found.certificate is None and found.digest_ok:
        return []
    reason = trace(Code.SIGNATURE_INVALID)
    return [_Outcome("INVALID", SUCCESS, INCORRECT_SIGNATURE, reason)]


def _profile(found: Found, qes: bool, kind_ok: bool) -> list[_Outcome]:
    """Document: form and profile (nonQES 4112; QES 4208, or 4124 for a kind without QES)."""
    outcomes = []
    if found.problem is not None:
        code = Code.SIGNATURE_PROFILE if qes else Code.NOT_CONFORMING_NONQES
        outcomes.append(_Outcome("INVALID", REQUESTER_ERROR, None, trace(code, found.problem)))
    if qes and not kind_ok:
        reason = trace(Code.NOT_CONFORMING_QES, "Binärdaten gibt es nicht mit QES")
        outcomes.append(_Outcome("INVALID", REQUESTER_ERROR, None, reason))
    return outcomes


def _certificate(certificate: x509.Certificate, verdict: Verdict) -> list[_Outcome]:
    """Certificate and status: path, KeyUsage (4206), revocation, OCSP (a remark, no fault)."""
    troubles = [] if verdict.path is PathResult.OK else [verdict.path.value]
    if not may_sign(certificate):
        troubles.append("KeyUsage erlaubt keine Signatur")
    outcomes = [_not_trusted("; ".join(troubles))] if troubles else []
    if verdict.path is not PathResult.OK:
        return outcomes
    status = verdict.answered.status
    if status.is_open:
        reason = trace(Code.CERTIFICATES_IGNORED, "keine Auskunft zum Sperrstatus")
        outcomes.append(_Outcome("INCONCLUSIVE", INSUFFICIENT, OCSP_NOT_AVAILABLE, reason))
    elif status is not Status.GOOD:
        reason = trace(_STATUS_CODES[status])
        outcomes.append(_Outcome("INVALID", INSUFFICIENT, CHAIN_NOT_COMPLETE, reason))
    return outcomes


def _not_trusted(detail: str) -> _Outcome:
    reason = trace(Code.NO_SIGNER_CERTIFICATE, detail)
    return _Outcome("INVALID", INSUFFICIENT, CHAIN_NOT_COMPLETE, reason)


def _ordered(reasons: list[Trace]) -> tuple[Trace, ...]:
    """Return each reason once; clients show the last: remarks first, a broken signature last."""
    once = list(dict.fromkeys(reasons))
    once.sort(key=lambda reason: (not reason.is_warning, reason.code == Code.SIGNATURE_INVALID))
    return tuple(once)
