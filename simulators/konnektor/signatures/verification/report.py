"""The verification report of VerifyDocument (OASIS DSS-X verification reports, CD 1)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.formats import xml_algorithms

from ...faults import Code, fault
from ...soap import reading
from ...soap.answers import Element, add, add_binary, printable, timestamp
from ...soap.namespaces import DSS, REPORT, SIGNATURE_7_5, XADES, XMLDSIG, name
from .found import OID_URI, Found
from .judging import Finding, Judgement
from .path_report import add_identifier, add_path

VALID = "urn:oasis:names:tc:dss:1.0:detail:valid"
INVALID = "urn:oasis:names:tc:dss:1.0:detail:invalid"
MANIFEST = "urn:oasis:names:tc:dss:1.0:manifest:"
_LEVEL = "urn:oasis:names:tc:dss:1.0:profiles:verificationreport:reportdetail:"
_LEVELS = ("noDetails", "noPathDetails", "allDetails")
_NOT_IN_SHORT_TEXT = re.compile(r"[^a-zA-Z 0-9_.\-äöüÄÖÜß]")
_SHA256_OID = OID_URI + "2.16.840.1.101.3.4.2.1"


@dataclass(frozen=True)
class ReportWish:
    """What vr:ReturnVerificationReport asks for; the defaults are those of its schema."""

    verifier: bool = True
    certificate_values: bool = False
    revocation_values: bool = False
    level: str = "allDetails"


def read_wish(element: Element) -> ReportWish:
    """Read vr:ReturnVerificationReport; fault 4000 for a level of detail that does not exist.

    ExpandBinaryValues is read and plays no part: a report holds no certificate's content taken
    apart, which the schema leaves to the verifier.
    """
    parts = reading.sequence(
        element,
        *(
            reading.optional(name(REPORT, local))
            for local in (
                "IncludeVerifier",
                "IncludeCertificateValues",
                "IncludeRevocationValues",
                "ExpandBinaryValues",
                "ReportDetailLevel",
            )
        ),
    )

    def flag(local: str, default: bool) -> bool:
        text = parts.text(name(REPORT, local))
        return default if text is None else reading.boolean(text, local)

    flag("ExpandBinaryValues", False)
    level = parts.text(name(REPORT, "ReportDetailLevel")) or _LEVEL + "allDetails"
    if level.removeprefix(_LEVEL) not in _LEVELS:
        raise fault(Code.SYNTAX, f"ReportDetailLevel: {level!r:.100}")
    return ReportWish(
        flag("IncludeVerifier", True),
        flag("IncludeCertificateValues", False),
        flag("IncludeRevocationValues", False),
        level.removeprefix(_LEVEL),
    )


def add_report(
    parent: Element,
    judgement: Judgement,
    at: datetime,
    wish: ReportWish,
    verifier: str,
    *,
    namespace: str,
) -> Element:
    """Append vr:VerificationReport with one IndividualReport for each signature.

    *namespace* is that of the SignatureService in the version that was called.
    """
    report = add(parent, REPORT, "VerificationReport")
    times = add(report, DSS, "VerificationTimeInfo")
    add(times, DSS, "VerificationTime", timestamp(at))
    if wish.verifier:
        identity = add(report, REPORT, "VerifierIdentity")
        add(identity, REPORT, "SAMLv2Identifier", printable(verifier))
    for finding in judgement.findings:
        _add_individual(report, finding, wish, namespace)
    return report


def _add_individual(report: Element, finding: Finding, wish: ReportWish, namespace: str) -> None:
    entry = add(report, REPORT, "IndividualReport")
    _add_signed_object(entry, finding.found, namespace)
    result = add(entry, DSS, "Result")
    add(result, DSS, "ResultMajor", finding.major)
    if finding.minor is not None:
        add(result, DSS, "ResultMinor", finding.minor)
    if finding.reasons:
        text = "; ".join(reason.text for reason in finding.reasons)
        message = add(result, DSS, "ResultMessage", printable(text))
        message.set("{http://www.w3.org/XML/1998/namespace}lang", "de")
    if wish.level != "noDetails" and finding.certificate is not None:
        details = add(add(entry, REPORT, "Details"), REPORT, "DetailedSignatureReport")
        _add_details(details, finding, finding.certificate, wish)


def _add_signed_object(entry: Element, found: Found, namespace: str) -> None:
    """Append which signature the report is about: its digest, time, value, field of the PDF."""
    signed = add(entry, REPORT, "SignedObjectIdentifier")
    if found.digest is not None and found.digest_algorithm is not None:
        digest = add(signed, REPORT, "DigestAlgAndValue")
        method = found.digest_algorithm
        known = xml_algorithms.SHA256 if method == _SHA256_OID else method
        add(digest, XMLDSIG, "DigestMethod").set("Algorithm", printable(known))
        add_binary(digest, XMLDSIG, "DigestValue", found.digest)
    if found.signing_time is not None:
        properties = add(signed, REPORT, "SignedProperties")
        _add_properties(properties, found)
        if found.short_text is not None:
            other = add(properties, REPORT, "Other")
            add(other, namespace, "ShortText", _bounded(found.short_text, namespace))
    add_binary(signed, XMLDSIG, "SignatureValue", found.value)
    if found.field_name is not None:
        signed.set("FieldName", printable(found.field_name[:200]))


def _bounded(short_text: str, namespace: str) -> str:
    """Return *short_text* as SIG:ShortText may have it: 7.5 allows fewer characters (C_10147)."""
    if namespace == SIGNATURE_7_5:
        return _NOT_IN_SHORT_TEXT.sub("", short_text)[:30]
    return printable(short_text[:1000])


def _add_properties(properties: Element, found: Found, certificate: Element | None = None) -> None:
    of_signature = add(properties, REPORT, "SignedSignatureProperties")
    if found.signing_time is not None:
        add(of_signature, XADES, "SigningTime", timestamp(found.signing_time))
    if certificate is not None:
        of_signature.append(certificate)
    if found.short_text is not None:
        of_data = add(properties, REPORT, "SignedDataObjectProperties")
        add(of_data, REPORT, "Reason", printable(found.short_text[:200]))


def _add_details(
    detail: Element, finding: Finding, certificate: x509.Certificate, wish: ReportWish
) -> None:
    found = finding.found
    add_result(add(detail, REPORT, "FormatOK"), INVALID if found.problem else VALID, found.problem)
    properties = add(detail, REPORT, "Properties")
    signed = add(properties, REPORT, "SignedProperties")
    _add_properties(signed, found, _signing_certificate(certificate))
    if found.ocsp_responses and wish.revocation_values:
        unsigned = add(properties, REPORT, "UnsignedProperties")
        other = add(unsigned, REPORT, "Other")
        for response in found.ocsp_responses:
            add_binary(other, XADES, "EncapsulatedOCSPValue", response)
    if found.manifests:
        results = add(detail, DSS, "VerifyManifestResults")
        add_manifests(results, found)
    mathematics = add(detail, REPORT, "SignatureOK")
    verdict = VALID if found.mathematics_ok else INVALID
    add_result(add(mathematics, REPORT, "SigMathOK"), verdict)
    algorithm = add(mathematics, REPORT, "SignatureAlgorithm")
    add(algorithm, REPORT, "Algorithm", printable(found.algorithm[:200]))
    add_path(detail, finding, certificate, wish.certificate_values, wish.level == "allDetails")


def add_result(parent: Element, major: str, message: str | None = None) -> None:
    """Fill an element of vr:VerificationResultType."""
    add(parent, REPORT, "ResultMajor", major)
    if message:
        text = add(parent, REPORT, "ResultMessage", printable(message))
        text.set("{http://www.w3.org/XML/1998/namespace}lang", "en")


def add_manifests(results: Element, found: Found) -> None:
    """Append dss:ManifestResult for each reference of the signature's manifests."""
    for entry in found.manifests:
        result = add(results, DSS, "ManifestResult")
        add(result, DSS, "ReferenceXpath", entry.path)
        add(result, DSS, "Status", MANIFEST + ("Valid" if entry.holds else "Invalid"))


def _signing_certificate(certificate: x509.Certificate) -> Element:
    holder = reading.empty(name(XADES, "SigningCertificate"))
    entry = add(holder, XADES, "Cert")
    digest = add(entry, XADES, "CertDigest")
    add(digest, XMLDSIG, "DigestMethod").set("Algorithm", xml_algorithms.SHA256)
    der = certificate.public_bytes(Encoding.DER)
    add_binary(digest, XMLDSIG, "DigestValue", xml_algorithms.digest(xml_algorithms.SHA256, der))
    add_identifier(add(entry, XADES, "IssuerSerial"), certificate)
    return holder
