"""Making XML signatures with the properties of XAdES-BES (ETSI TS 101 903, namespace 1.3.2)."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from lxml import etree

from . import xml_algorithms
from .signed_data import Signer
from .xml_algorithms import ENVELOPED, EXCLUSIVE, SHA256
from .xml_canonical import Element, canonical, octets, parse

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XADES: Final = "http://uri.etsi.org/01903/v1.3.2#"
SIGNED_PROPERTIES_TYPE: Final = "http://uri.etsi.org/01903#SignedProperties"
OBJECT_TYPE: Final = DS + "Object"
_NAMES = {"ds": DS}
_XADES_NAMES = {"XAdES": XADES, "ds": DS}


@dataclass(frozen=True)
class Properties:
    """What a signature says of itself, beside the data.

    ``signature_id`` is the XML id from which all others are derived; ``description`` and
    ``mime_type`` describe the data; ``ocsp_responses`` (DER OCSPResponse each) become
    RevocationValues, which are not signed.
    """

    signature_id: str
    signing_time: datetime
    description: str | None = None
    mime_type: str | None = None
    ocsp_responses: Sequence[bytes] = ()


@dataclass(frozen=True)
class _Data:
    """What is signed: its octets, how the Reference calls it, the ds:Object that holds it."""

    content: bytes
    uri: str | None
    transforms: Sequence[str] = (EXCLUSIVE,)
    held: bytes = b""
    kind: str | None = None


def detached(root: Element, signer: Signer, properties: Properties, uri: str | None) -> bytes:
    """Return a ds:Signature of the document *root* that stands elsewhere.

    *uri* is how the document is called; without it the application has to know.
    """
    return _signature(signer, properties, _Data(canonical(root.getroottree()), uri))


def enveloping(
    root: Element, signer: Signer, properties: Properties, object_id: str | None, *, tagged: bool
) -> bytes:
    """Return a ds:Signature with the document *root* inside a ds:Object.

    *tagged*: *root* is that ds:Object itself, with its Id.
    """
    if tagged:
        name, held = root.get("Id", ""), octets(root)
    else:
        name = object_id or f"{properties.signature_id}-object"
        opening = etree.tostring(_element(DS, "Object", Id=name)).removesuffix(b"/>")
        held = opening + b">" + octets(root) + b"</ds:Object>"
    content = canonical(parse(held))
    return _signature(signer, properties, _Data(content, f"#{name}", held=held, kind=OBJECT_TYPE))


def enveloped(root: Element, signer: Signer, properties: Properties) -> bytes:
    """Return a ds:Signature to be put anywhere into the document *root*, which it covers."""
    content = canonical(root.getroottree())
    return _signature(signer, properties, _Data(content, "", (ENVELOPED, EXCLUSIVE)))


def add_ocsp_responses(signature: Element, ocsp_responses: Sequence[bytes]) -> None:
    """Add RevocationValues to a ds:Signature that has QualifyingProperties; they are not signed."""
    qualifying = signature.find(f"{{{DS}}}Object/{{{XADES}}}QualifyingProperties")
    if qualifying is None:
        return
    added = parse(_unsigned_properties(ocsp_responses))
    present = qualifying.find(f"{{{XADES}}}UnsignedProperties")
    if present is None:
        qualifying.append(added)
        return
    of_signature = present.find(f"{{{XADES}}}UnsignedSignatureProperties")
    if of_signature is None:
        present.insert(0, added[0])
    else:
        of_signature.append(added[0][0])


def _signature(signer: Signer, properties: Properties, data: _Data) -> bytes:
    """Put the signature together from octets: what is signed is not written anew by anybody."""
    name = properties.signature_id
    data_id, properties_id = f"{name}-data", f"{name}-properties"
    signed_properties = _signed_properties(signer, properties, properties_id, data_id)
    of_properties = canonical(signed_properties)
    info = _element(DS, "SignedInfo")
    _add(info, DS, "CanonicalizationMethod", Algorithm=EXCLUSIVE)
    _add(info, DS, "SignatureMethod", Algorithm=xml_algorithms.signature_algorithm(signer))
    _add_reference(info, data).set("Id", data_id)
    _add_reference(info, _Data(of_properties, f"#{properties_id}", kind=SIGNED_PROPERTIES_TYPE))
    signed_info = canonical(info)
    value = _base64(xml_algorithms.sign(signer, signed_info))
    certificate = _base64(signer.encoded_certificate)
    return b"".join(
        (
            f'<ds:Signature xmlns:ds="{DS}" Id="{name}">'.encode(),
            signed_info,
            f'<ds:SignatureValue Id="{name}-value">{value}</ds:SignatureValue>'.encode(),
            f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}".encode(),
            b"</ds:X509Certificate></ds:X509Data></ds:KeyInfo>",
            data.held,
            f'<ds:Object><XAdES:QualifyingProperties xmlns:XAdES="{XADES}" '.encode(),
            f'Target="#{name}">'.encode(),
            of_properties,
            _unsigned_properties(properties.ocsp_responses),
            b"</XAdES:QualifyingProperties></ds:Object></ds:Signature>",
        )
    )


def _signed_properties(
    signer: Signer, properties: Properties, own_id: str, data_id: str
) -> Element:
    """Return SignedProperties: SigningTime, SigningCertificate, and what the data is.

    SigningCertificate, not its successor V2, which the schema of XAdES 1.3.2 does not know.
    """
    root = etree.Element(f"{{{XADES}}}SignedProperties", nsmap=_XADES_NAMES, Id=own_id)
    of_signature = _add(root, XADES, "SignedSignatureProperties")
    moment = properties.signing_time.astimezone(UTC).isoformat(timespec="seconds")
    _add(of_signature, XADES, "SigningTime", moment.replace("+00:00", "Z"))
    certificate = _add(_add(of_signature, XADES, "SigningCertificate"), XADES, "Cert")
    digest = _add(certificate, XADES, "CertDigest")
    _add_digest(digest, signer.encoded_certificate)
    issued = _add(certificate, XADES, "IssuerSerial")
    _add(issued, DS, "X509IssuerName", signer.certificate.issuer.rfc4514_string())
    _add(issued, DS, "X509SerialNumber", str(signer.certificate.serial_number))
    if properties.description or properties.mime_type:
        of_data = _add(root, XADES, "SignedDataObjectProperties")
        shape = _add(of_data, XADES, "DataObjectFormat", ObjectReference=f"#{data_id}")
        if properties.description:
            _add(shape, XADES, "Description", properties.description)
        if properties.mime_type:
            _add(shape, XADES, "MimeType", properties.mime_type)
    return root


def _unsigned_properties(ocsp_responses: Sequence[bytes]) -> bytes:
    if not ocsp_responses:
        return b""
    root = etree.Element(f"{{{XADES}}}UnsignedProperties", nsmap={"XAdES": XADES})
    of_signature = _add(root, XADES, "UnsignedSignatureProperties")
    values = _add(_add(of_signature, XADES, "RevocationValues"), XADES, "OCSPValues")
    for response in ocsp_responses:
        _add(values, XADES, "EncapsulatedOCSPValue", _base64(response))
    return canonical(root)


def _add_reference(parent: Element, data: _Data) -> Element:
    reference = _add(parent, DS, "Reference")
    if data.uri is not None:
        reference.set("URI", data.uri)
    if data.kind is not None:
        reference.set("Type", data.kind)
    steps = _add(reference, DS, "Transforms")
    for transform in data.transforms:
        _add(steps, DS, "Transform", Algorithm=transform)
    _add_digest(reference, data.content)
    return reference


def _add_digest(parent: Element, content: bytes) -> None:
    _add(parent, DS, "DigestMethod", Algorithm=SHA256)
    _add(parent, DS, "DigestValue", _base64(xml_algorithms.digest(SHA256, content)))


def _element(namespace: str, local: str, **attributes: str) -> Element:
    return etree.Element(f"{{{namespace}}}{local}", attributes, _NAMES)


def _add(
    parent: Element, namespace: str, local: str, text: str | None = None, **attributes: str
) -> Element:
    child = etree.SubElement(parent, f"{{{namespace}}}{local}", attributes)
    child.text = text
    return child


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")
