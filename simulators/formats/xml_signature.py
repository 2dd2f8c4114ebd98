"""Reading XML signatures with the properties of XAdES, and what has to be true of each.

Trust in the certificate is not judged here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final, Literal

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from . import certificates, signature_timestamp, xml_algorithms
from .errors import FormatError, UnknownAlgorithm
from .xades import DS, SIGNED_PROPERTIES_TYPE, XADES
from .xml_algorithms import INCLUSIVE
from .xml_canonical import Element, TooComplex, canonical
from .xml_references import (
    MANIFEST_TYPE,
    Detached,
    Reference,
    References,
    binary,
    required,
)

MAX_SIGNATURES: Final = 100
MAX_CERTIFICATES: Final = 50
_NAMES: Final = {"ds": DS, "xades": XADES}

Coverage = Literal["document", "object", "detached", "part"]


@dataclass(frozen=True)
class XmlSignature:
    """One ds:Signature and what became of checking it.

    ``digest_ok``: every reference holds. ``signature_ok``: the value holds over SignedInfo under
    the key of ``certificate``, which is the one that SigningCertificate means. ``covers``: what
    is signed: the whole document around it, the objects inside it (and all of them), a detached
    document, or only a part. ``timestamps_ok``: every SignatureTimeStamp is over the value.
    ``problem``: why it is no XAdES-BES that is understood here.
    """

    element: Element
    algorithm: str = ""
    value: bytes = b""
    certificate: x509.Certificate | None = None
    signing_time: datetime | None = None
    description: str | None = None
    references: tuple[Reference, ...] = ()
    manifests: tuple[Reference, ...] = ()
    ocsp_responses: tuple[bytes, ...] = ()
    covers: Coverage = "part"
    digest_ok: bool = False
    signature_ok: bool = False
    timestamps_ok: bool = True
    problem: str | None = None


def read_all(
    root: Element,
    detached: Detached | None = None,
    *,
    more_certificates: Sequence[x509.Certificate] = (),
    manifests: bool = False,
    size: int = 0,
) -> list[XmlSignature]:
    """Read the signatures of the document *root*, outermost ones only, and check each.

    *more_certificates* are looked through when the signer's is not inside. With *manifests* the
    references of ds:Manifest are computed too. *size* is that of all that was read, in bytes:
    the bounds grow with it. Raises TooComplex beyond them.
    """
    found = [
        element
        for element in root.iter(f"{{{DS}}}Signature")
        if not any(above.tag == element.tag for above in element.iterancestors())
    ]
    if len(found) > MAX_SIGNATURES:
        raise TooComplex(f"more than {MAX_SIGNATURES} signatures")
    references = References(root, detached, size)
    return [_read(element, references, more_certificates, manifests) for element in found]


def _read(
    element: Element,
    references: References,
    more_certificates: Sequence[x509.Certificate],
    manifests: bool,
) -> XmlSignature:
    result = XmlSignature(element)
    try:
        info = required(element, f"{{{DS}}}SignedInfo")
        result = replace(
            result,
            algorithm=required(info, f"{{{DS}}}SignatureMethod").get("Algorithm", ""),
            value=binary(required(element, f"{{{DS}}}SignatureValue")),
            references=references.read_all(info, element),
        )
        result = replace(
            result,
            covers=_coverage(element, result.references),
            digest_ok=all(reference.holds for reference in result.references),
            certificate=_certificate(element, more_certificates),
        )
        result = _with_properties(result)
        certificate = result.certificate
        if certificate is not None:
            method = required(info, f"{{{DS}}}CanonicalizationMethod").get("Algorithm", "")
            signed = canonical(info, method)
            named = _is_named(result.element, certificate)
            holds = xml_algorithms.holds(result.algorithm, certificate, result.value, signed)
            result = replace(result, signature_ok=named and holds)
        if manifests:
            result = replace(result, manifests=_manifests(result, references))
    except TooComplex:
        raise
    except FormatError as error:
        return replace(result, problem=result.problem or str(error))
    problems = [entry.problem for entry in result.references if entry.problem is not None]
    return replace(result, problem=problems[0]) if problems else result


def _coverage(element: Element, references: tuple[Reference, ...]) -> Coverage:
    root = element.getroottree().getroot()
    targets = [reference.target for reference in references]
    if any(target is root for target in targets) and root is not element:
        return "document"
    outside = [
        entry
        for entry in references
        if entry.target is None and not (entry.uri or "").startswith("#")
    ]
    if outside:
        return "detached"
    objects = [
        entry
        for entry in element.findall(f"{{{DS}}}Object")
        if entry.find(f"{{{XADES}}}QualifyingProperties") is None
    ]
    signed = [entry for entry in objects if _is_signed(entry, targets)]
    return "object" if root is element and objects and signed == objects else "part"


def _is_signed(entry: Element, targets: Sequence[Element | None]) -> bool:
    """Tell whether a ds:Object is signed: itself, or the only element that it holds."""
    only = list(entry) if not (entry.text or "").strip() else []
    return any(target is entry for target in targets) or (
        len(only) == 1 and any(target is only[0] for target in targets)
    )


def _certificate(element: Element, more: Sequence[x509.Certificate]) -> x509.Certificate | None:
    """Return the certificate that SigningCertificate means, else the first one there is."""
    path = "ds:KeyInfo/ds:X509Data/ds:X509Certificate"
    embedded = element.findall(path, _NAMES)
    if len(embedded) > MAX_CERTIFICATES:
        raise TooComplex(f"more than {MAX_CERTIFICATES} certificates")
    found = [certificates.load(binary(entry)) for entry in embedded] + list(more)
    for certificate in found:
        if _is_named(element, certificate):
            return certificate
    return found[0] if found else None


def _is_named(element: Element, certificate: x509.Certificate) -> bool:
    """Tell whether the first entry of SigningCertificate (or V2) means *certificate*."""
    path = "ds:Object/xades:QualifyingProperties/xades:SignedProperties"
    for properties in element.findall(path, _NAMES):
        for kind in ("SigningCertificate", "SigningCertificateV2"):
            digest = properties.find(
                f"xades:SignedSignatureProperties/xades:{kind}/xades:Cert/xades:CertDigest", _NAMES
            )
            if digest is None:
                continue
            method = required(digest, f"{{{DS}}}DigestMethod").get("Algorithm", "")
            der = certificate.public_bytes(Encoding.DER)
            try:
                computed = xml_algorithms.digest(method, der)
            except UnknownAlgorithm:
                return False
            return computed == binary(required(digest, f"{{{DS}}}DigestValue"))
    return False


def _with_properties(found: XmlSignature) -> XmlSignature:
    """Read QualifyingProperties. Raises FormatError unless they are those of a XAdES-BES."""
    qualifying = found.element.findall("ds:Object/xades:QualifyingProperties", _NAMES)
    if len(qualifying) != 1:
        raise FormatError("not exactly one QualifyingProperties")
    if qualifying[0].get("Target") != f"#{found.element.get('Id')}":
        raise FormatError("QualifyingProperties mean another signature")
    signed = required(qualifying[0], f"{{{XADES}}}SignedProperties")
    typed = [entry for entry in found.references if entry.kind == SIGNED_PROPERTIES_TYPE]
    if len(typed) != 1 or typed[0].target is not signed:
        raise FormatError("SignedProperties are not signed")
    of_signature = required(signed, f"{{{XADES}}}SignedSignatureProperties")
    if not any(
        of_signature.find(f"xades:{kind}", _NAMES) is not None
        for kind in ("SigningCertificate", "SigningCertificateV2")
    ):
        raise FormatError("SigningCertificate is missing")
    if of_signature.find(".//xades:SignaturePolicyId", _NAMES) is not None:
        raise FormatError("the signature policy is unknown")
    time = of_signature.findtext("xades:SigningTime", None, _NAMES)
    description = signed.findtext(".//xades:DataObjectFormat/xades:Description", None, _NAMES)
    stamps = qualifying[0].findall(".//xades:SignatureTimeStamp", _NAMES)
    values = qualifying[0].findall(".//xades:OCSPValues/xades:EncapsulatedOCSPValue", _NAMES)
    return replace(
        found,
        signing_time=None if time is None else _instant(time),
        description=description,
        timestamps_ok=all(_is_dated(found.element, stamp) for stamp in stamps[:MAX_CERTIFICATES]),
        ocsp_responses=tuple(binary(value) for value in values[:MAX_CERTIFICATES]),
    )


def _is_dated(element: Element, stamp: Element) -> bool:
    """Tell whether a SignatureTimeStamp is over ds:SignatureValue, as an element."""
    method = stamp.find(f"{{{DS}}}CanonicalizationMethod")
    value = canonical(
        required(element, f"{{{DS}}}SignatureValue"),
        INCLUSIVE if method is None else method.get("Algorithm", ""),
    )
    tokens = [binary(token) for token in stamp.findall("xades:EncapsulatedTimeStamp", _NAMES)]
    return signature_timestamp.all_fit(tokens, value)


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise FormatError("SigningTime is no date and time") from None


def _manifests(found: XmlSignature, references: References) -> tuple[Reference, ...]:
    """Compute the references of the manifests that are signed."""
    entries: list[Reference] = []
    for reference in found.references:
        if reference.kind == MANIFEST_TYPE and reference.target is not None:
            entries.extend(references.read_all(reference.target, found.element))
    return tuple(entries)
