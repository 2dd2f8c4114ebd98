"""The verification report of VerifyDocument (OASIS DSS-X verification reports)."""

from __future__ import annotations

from datetime import datetime

from simulators.pki.trust import PathResult

from ..soap.answers import Element, add, printable, timestamp
from ..soap.namespaces import DSS, REPORT, XADES, XMLDSIG
from .verification import Finding, Judgement

_VALID = "urn:oasis:names:tc:dss:1.0:detail:valid"
_INVALID = "urn:oasis:names:tc:dss:1.0:detail:invalid"
_INDETERMINED = "urn:oasis:names:tc:dss:1.0:detail:indetermined"


def add_report(parent: Element, judgement: Judgement, at: datetime) -> Element:
    """Append vr:VerificationReport with one IndividualReport for each signature."""
    report = add(parent, REPORT, "VerificationReport")
    times = add(report, DSS, "VerificationTimeInfo")
    add(times, DSS, "VerificationTime", timestamp(at))
    for finding in judgement.findings:
        _add_individual(report, finding)
    return report


def _add_individual(report: Element, finding: Finding) -> None:
    entry = add(report, REPORT, "IndividualReport")
    signed = add(entry, REPORT, "SignedObjectIdentifier")
    if finding.signer.signing_time is not None:
        properties = add(signed, REPORT, "SignedProperties")
        of_signature = add(properties, REPORT, "SignedSignatureProperties")
        add(of_signature, XADES, "SigningTime", timestamp(finding.signer.signing_time))
    result = add(entry, DSS, "Result")
    add(result, DSS, "ResultMajor", finding.major)
    add(result, DSS, "ResultMinor", finding.minor)
    if finding.reason is not None:
        message = add(result, DSS, "ResultMessage", printable(finding.reason.text))
        message.set("{http://www.w3.org/XML/1998/namespace}lang", "de")
    detail = add(add(entry, REPORT, "Details"), REPORT, "DetailedSignatureReport")
    _add_result(add(detail, REPORT, "FormatOK"), _VALID)
    mathematics = add(add(detail, REPORT, "SignatureOK"), REPORT, "SigMathOK")
    _add_result(mathematics, _VALID if finding.mathematics_ok else _INVALID)
    path = add(detail, REPORT, "CertificatePathValidity")
    _add_result(add(path, REPORT, "PathValiditySummary"), _path_detail(finding))
    named = add(path, REPORT, "CertificateIdentifier")
    issuer = printable(finding.certificate.issuer.rfc4514_string())
    add(named, XMLDSIG, "X509IssuerName", issuer)
    add(named, XMLDSIG, "X509SerialNumber", str(finding.certificate.serial_number))


def _add_result(parent: Element, major: str) -> None:
    add(parent, REPORT, "ResultMajor", major)


def _path_detail(finding: Finding) -> str:
    if finding.verdict.is_valid:
        return _VALID
    if finding.verdict.path is PathResult.OK and not finding.verdict.is_invalid:
        return _INDETERMINED
    return _INVALID
