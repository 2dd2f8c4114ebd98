"""XAdES: XML signatures inside, around or beside a document."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from cryptography import x509
from lxml import etree

from simulators.formats import xades, xml_canonical, xml_signature
from simulators.formats.errors import FormatError
from simulators.formats.xades import DS, SIGNED_PROPERTIES_TYPE
from simulators.formats.xml_canonical import Element, TooComplex, canonical
from simulators.formats.xml_references import Detached
from simulators.formats.xml_signature import XmlSignature

from ...documents import Document as GivenDocument
from ...documents import check_xml
from ...faults import Code, Trace, fault, trace
from ..xades import XML_TYPE, locate
from .found import Document, Found, Manifested, Updated

_OBJECT = f"{{{DS}}}Object"


@dataclass(frozen=True)
class Asked:
    """What of the call says how XML signatures are checked.

    ``uri``: how the document is called (RefURI); ``pointer``: the XPath of dss:SignaturePtr.
    """

    certificates: Sequence[x509.Certificate] = ()
    manifests: bool = False
    uri: str | None = None
    pointer: str | None = None


def read_enveloped(given: GivenDocument, asked: Asked) -> Document:
    """Read the signatures in the document itself; to be run in a thread.

    Faults: 4022, 4280, 4281 as for every XML; 4253 no signature; 4000 a pointer to none.
    """
    document = given.take()
    root = _checked(document)
    found = _read(root, None, asked, len(document))
    if asked.pointer is not None:
        element = locate(root, asked.pointer, {"ds": DS})
        found = [entry for entry in found if entry.element is element]
    return _document(found, whole=("document", "object"), is_document=True)


def read_apart(signature: bytes, given: GivenDocument | None, asked: Asked) -> Document:
    """Read a ds:Signature that came by itself: detached or enveloping; in a thread.

    A signed document is taken for its signature too.

    Faults: those of ``read_enveloped``; 4000 for a detached one without its document.
    """
    root = _checked(signature)
    content = None if given is None else given.take()
    if content is not None and given is not None and given.kind == "xml":
        check_xml(content)
    detached = None if content is None else Detached(content, asked.uri)
    found = _read(root, detached, asked, len(signature) + len(content or b""))
    if content is None and any(entry.covers == "detached" for entry in found):
        raise fault(Code.SYNTAX, "die Signatur ist detached, und ein Document fehlt")
    whole = ("object", "document") if content is None else ("detached",)
    if content is not None and all(entry.covers == "object" for entry in found):
        # signed is what lies inside; it has to be the document the caller asks about
        whole = ("object",)
        if not (_same_content(root, content) or _is_manifested(found, asked.uri)):
            found = [replace(entry, digest_ok=False) for entry in found]
    return _document(found, whole=whole)


def _checked(content: bytes) -> Element:
    check_xml(content)
    try:
        return xml_canonical.parse(content)
    except FormatError:
        raise fault(Code.XML_NOT_WELL_FORMED) from None


def _read(root: Element, detached: Detached | None, asked: Asked, size: int) -> list[XmlSignature]:
    try:
        found = xml_signature.read_all(
            root,
            detached,
            more_certificates=asked.certificates,
            manifests=asked.manifests,
            size=size,
        )
    except TooComplex as error:
        raise fault(Code.DIMENSIONS, str(error)) from None
    if not found:
        raise fault(Code.NO_SIGNATURE)
    return found


def _document(
    found: list[XmlSignature], whole: Sequence[str], *, is_document: bool = False
) -> Document:
    if not found:
        raise fault(Code.SYNTAX, "SignaturePtr zeigt auf keine Signatur")
    wrong: tuple[Trace, ...] = ()
    if not all(entry.covers in whole for entry in found if entry.problem is None):
        wrong = (trace(Code.PDF_PARTLY_SIGNED, "XML-Signatur"),)

    def update(ocsp_responses: Sequence[bytes]) -> Updated:
        element = found[0].element
        xades.add_ocsp_responses(element, ocsp_responses)
        tree = element.getroottree()
        octets = etree.tostring(tree, encoding="utf-8", xml_declaration=True)
        return Updated(octets, XML_TYPE, is_document)

    # whose OCSP answer it is would not be told where there are several signatures
    alone = len(found) == 1 and found[0].problem is None
    return Document(tuple(map(_found, found)), wrong, update=update if alone else None)


def _found(entry: XmlSignature) -> Found:
    data = [part for part in entry.references if part.kind != SIGNED_PROPERTIES_TYPE]
    return Found(
        "XAdES",
        entry.certificate,
        entry.digest_ok,
        entry.signature_ok,
        entry.algorithm,
        entry.value,
        entry.signing_time,
        data[0].digest_method if data else None,
        data[0].digest if data else None,
        entry.description,
        ocsp_responses=entry.ocsp_responses,
        manifests=tuple(
            Manifested(f"//ds:Manifest/ds:Reference[{index}]", part.holds)
            for index, part in enumerate(entry.manifests, start=1)
        ),
        timestamp_ok=entry.timestamps_ok,
        problem=entry.problem,
    )


def _same_content(signature: Element, content: bytes) -> bool:
    """Tell whether the only content of the enveloping signature is the document *content*."""
    objects = [entry for entry in signature.findall(_OBJECT) if _is_data(entry)]
    try:
        document = xml_canonical.parse(content)
    except FormatError:
        return False
    return (
        len(objects) == 1
        and len(objects[0]) == 1
        and canonical(xml_canonical.parse(xml_canonical.octets(objects[0][0])))
        == canonical(document)
    )


def _is_manifested(found: list[XmlSignature], uri: str | None) -> bool:
    """Tell whether every signature has a manifest that holds for the document called *uri*."""
    return all(any(part.uri == uri and part.holds for part in entry.manifests) for entry in found)


def _is_data(entry: Element) -> bool:
    return not any(str(child.tag).endswith("}QualifyingProperties") for child in entry)
