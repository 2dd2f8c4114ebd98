"""A signed CMS, of a KIM mail or a document: signer, certificate, attributes, does it hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from simulators.formats import (
    asn1,
    cms_algorithms,
    cms_attributes,
    enveloped_data,
    recipient_emails,
    signed_data,
)
from simulators.formats.errors import FormatError
from simulators.formats.signed_data import SignedData
from simulators.formats.signer_info import SignerInfo

from .certificates import certificate, identity
from .envelope import email_nodes
from .node import Node, node, problem

ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType(
    {
        cms_attributes.CONTENT_TYPE: "contentType",
        cms_attributes.MESSAGE_DIGEST: "messageDigest",
        cms_attributes.SIGNING_TIME: "signingTime",
        cms_attributes.ALGORITHM_PROTECTION: "cmsAlgorithmProtection",
        cms_attributes.CONTENT_HINTS: "contentHints",
        cms_attributes.SIGNING_CERTIFICATE_V2: "signingCertificateV2",
        recipient_emails.OID: "recipient-emails (signiert)",
    }
)
_ALGORITHMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        cms_algorithms.RSA_PSS_OID: "RSASSA-PSS",
        cms_algorithms.RSA_OID: "RSA PKCS#1 v1.5",
        **dict.fromkeys(cms_algorithms.PKCS1_SIGNATURES, "RSA PKCS#1 v1.5"),
        **dict.fromkeys(cms_algorithms.ECDSA_SIGNATURES, "ECDSA"),
    }
)
_DIGEST_SHOWN = 8


def signature_node(cms: bytes, title: str) -> tuple[Node, SignedData | None]:
    """Return what is known of the signatures in *cms*, and the SignedData if it can be read.

    The signature is checked by computation only: whether the certificate is trusted and not
    revoked a Konnektor says.
    """
    try:
        found = signed_data.read(cms)
    except FormatError as error:
        return node("signature", title, f"{len(cms)} Bytes", children=[problem(error)]), None
    return node("signature", title, f"{len(cms)} Bytes", children=_below(found)), found


def same_recipients(envelope: bytes, signed: SignedData) -> bool:
    """Tell whether every signature names the recipients that the *envelope* around it names."""
    try:
        outside = enveloped_data.read(envelope).unauthenticated.get(recipient_emails.OID, ())
        wanted = recipient_emails.read(outside)
        return all(
            recipient_emails.same_recipients(
                wanted, recipient_emails.read(one.attributes.get(recipient_emails.OID, ()))
            )
            for one in signed.signers
        )
    except FormatError:
        return False


def _below(found: SignedData) -> Iterator[Node]:
    if found.content is None:
        yield node("content", "Inhalt", "liegt nicht bei", mark="bad")
    else:
        yield node("content", "Inhalt", f"{len(found.content)} Bytes")
    if not found.signers:
        yield node("signer", "Signatur", "keine (KOM-LE-A_2123)", mark="bad")
    yield from (_signer(one) for one in found.signers)
    named = {one.signer_id for one in found.signers}
    for other in found.certificates:
        if all(one.certificate != other for one in found.signers):
            yield certificate("weiteres Zertifikat", other)
    if found.ocsp_responses:
        yield node("ocsp", "OCSP-Antworten", len(found.ocsp_responses))
    if len(named) < len(found.signers):
        yield node("signer", "Signatur", "mehrere desselben Signierenden", mark="warn")


def _signer(one: SignerInfo) -> Node:
    holds = one.digest_ok and one.signature_ok
    method = _ALGORITHMS.get(one.signature_algorithm, one.signature_algorithm)
    return node(
        "signer",
        "Signatur",
        "stimmt rechnerisch" if holds else _why_not(one),
        note=f"{method}; Vertrauen und Sperrung prüft der Konnektor",
        mark="ok" if holds else "bad",
        children=_of_signer(one),
    )


def _why_not(one: SignerInfo) -> str:
    if one.certificate is None:
        return "nicht prüfbar: das Zertifikat des Signierenden liegt nicht bei"
    if not one.digest_ok:
        return "stimmt nicht: der Inhalt ist ein anderer als der signierte"
    return "stimmt nicht: die Signatur passt nicht zum Schlüssel des Zertifikats"


def _of_signer(one: SignerInfo) -> Iterator[Node]:
    if one.certificate is None:
        yield node("signer-id", "Signierender", identity(one.signer_id))
    else:
        yield certificate("Signierender", one.certificate)
    for oid, values in one.attributes.items():
        yield _attribute(oid, values, one)
    if one.unsigned_attributes is not None:
        names = ", ".join(ATTRIBUTES.get(oid, oid) for oid in one.unsigned_attributes)
        yield node("unsigned-attributes", "unsignierte Attribute", names or "leer", mark="warn")


def _attribute(oid: str, values: tuple[bytes, ...], one: SignerInfo) -> Node:
    title = ATTRIBUTES.get(oid, oid)
    try:
        if oid == recipient_emails.OID:
            entries = recipient_emails.read(values)
            told = f"{len(entries)} Einträge"
            return node("attribute", title, told, note=oid, children=email_nodes(entries))
        return node("attribute", title, _told(oid, values, one), note=oid)
    except FormatError as error:
        return node("attribute", title, note=oid, children=[problem(error)])


def _told(oid: str, values: tuple[bytes, ...], one: SignerInfo) -> str:
    if oid == cms_attributes.SIGNING_TIME and one.signing_time is not None:
        return f"{one.signing_time:%d.%m.%Y %H:%M:%S %Z}".strip()
    if oid == cms_attributes.MESSAGE_DIGEST and values:
        digest = bytes(asn1.parse(values[0]).content)
        return f"{digest[:_DIGEST_SHOWN].hex()}… ({len(digest)} Bytes)"
    if oid == cms_attributes.CONTENT_TYPE and values:
        kind = asn1.parse(values[0]).oid()
        return "id-data" if kind == cms_attributes.DATA else kind
    return f"{sum(map(len, values))} Bytes"
