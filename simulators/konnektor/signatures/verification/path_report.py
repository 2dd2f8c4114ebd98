"""The part of the verification report about certificates: path, validity, status."""

from __future__ import annotations

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from simulators.pki.trust import PathResult

from ...certificates.status import Answered, Status
from ...soap.answers import Element, add, add_binary, printable, timestamp
from ...soap.namespaces import REPORT, XADES, XMLDSIG
from .found import OID_URI
from .judging import Finding, may_sign

_DETAIL = "urn:oasis:names:tc:dss:1.0:detail:"
_VALID, _INVALID, _OPEN = _DETAIL + "valid", _DETAIL + "invalid", _DETAIL + "indetermined"


def add_path(
    detail: Element, finding: Finding, certificate: x509.Certificate, values: bool, all_links: bool
) -> None:
    """Append vr:CertificatePathValidity; *values*: with the certificates, *all_links*: each."""
    path = add(detail, REPORT, "CertificatePathValidity")
    _result(add(path, REPORT, "PathValiditySummary"), _summary(finding))
    add_identifier(add(path, REPORT, "CertificateIdentifier"), certificate)
    if not all_links:
        return
    inside = add(path, REPORT, "PathValidityDetail")
    for link in finding.chain or (certificate,):
        _add_link(inside, finding, link, values)
    _result(add(inside, REPORT, "TrustAnchor"), _VALID if finding.chain else _INVALID)


def add_identifier(parent: Element, certificate: x509.Certificate) -> None:
    """Fill an element of ds:X509IssuerSerialType."""
    issuer = printable(certificate.issuer.rfc4514_string())
    add(parent, XMLDSIG, "X509IssuerName", issuer)
    add(parent, XMLDSIG, "X509SerialNumber", str(certificate.serial_number))


def _summary(finding: Finding) -> str:
    verdict = finding.verdict
    if verdict is None or verdict.is_invalid:
        return _INVALID
    return _VALID if verdict.is_valid else _OPEN


def _add_link(inside: Element, finding: Finding, link: x509.Certificate, values: bool) -> None:
    entry = add(inside, REPORT, "CertificateValidity")
    is_signer = link == finding.certificate
    add_identifier(add(entry, REPORT, "CertificateIdentifier"), link)
    add(entry, REPORT, "Subject", printable(link.subject.rfc4514_string()))
    chained = _VALID if finding.chain else _INVALID
    _result(add(entry, REPORT, "ChainingOK"), chained)
    in_time = link.not_valid_before_utc <= finding.at <= link.not_valid_after_utc
    _result(add(entry, REPORT, "ValidityPeriodOK"), _VALID if in_time else _INVALID)
    fit = not is_signer or may_sign(link)
    _result(add(entry, REPORT, "ExtensionsOK"), _VALID if fit else _INVALID)
    if values:
        add_binary(entry, REPORT, "CertificateValue", link.public_bytes(Encoding.DER))
    mathematics = add(entry, REPORT, "SignatureOK")
    verdict = finding.verdict
    broken = is_signer and verdict is not None and verdict.path is PathResult.BAD_SIGNATURE
    signed = _VALID if finding.chain else _INVALID if broken else _OPEN
    _result(add(mathematics, REPORT, "SigMathOK"), signed)
    algorithm = add(mathematics, REPORT, "SignatureAlgorithm")
    oid = link.signature_algorithm_oid.dotted_string
    add(algorithm, REPORT, "Algorithm", OID_URI + oid)
    answered = verdict.answered if is_signer and verdict is not None else None
    _add_status(add(entry, REPORT, "CertificateStatus"), answered, bool(finding.chain))


def _add_status(status: Element, answered: Answered | None, trusted: bool) -> None:
    """Fill vr:CertificateStatus; CAs are good because the trust list has them."""
    if answered is None:
        _result(add(status, REPORT, "CertStatusOK"), _VALID if trusted else _OPEN)
        return
    open_or_bad = _OPEN if answered.status.is_open else _INVALID
    said = _VALID if answered.status is Status.GOOD else open_or_bad
    _result(add(status, REPORT, "CertStatusOK"), said)
    if answered.status is Status.REVOKED and answered.revoked_at is not None:
        info = add(status, REPORT, "RevocationInfo")
        add(info, REPORT, "RevocationDate", timestamp(answered.revoked_at))
        _result(add(info, REPORT, "RevocationReason"), _OPEN)
    if answered.response is not None:
        _add_ocsp_reference(status, answered.response)


def _add_ocsp_reference(status: Element, response: bytes) -> None:
    """Append which OCSP response was believed: its responder and when it was produced."""
    said = ocsp.load_der_ocsp_response(response)
    evidence = add(add(status, REPORT, "RevocationEvidence"), REPORT, "OCSPReference")
    responder = add(evidence, XADES, "ResponderID")
    if said.responder_name is not None:
        add(responder, XADES, "ByName", printable(said.responder_name.rfc4514_string()))
    else:
        add_binary(responder, XADES, "ByKey", said.responder_key_hash or b"")
    add(evidence, XADES, "ProducedAt", timestamp(said.produced_at_utc))


def _result(parent: Element, major: str) -> None:
    add(parent, REPORT, "ResultMajor", major)
