"""XML signatures as SignDocument makes them: detached, enveloping, enveloped (TIP1-A_5010-09)."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from lxml import etree

from simulators.formats import xades, xml_canonical
from simulators.formats.signed_data import Signer

from ..faults import Code, KonnektorFault, fault
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CONN, DSS, XMLDSIG, name
from ..soap.reading import Element

XML_TYPE = "urn:ietf:rfc:3275"
_MIME_TYPE = "text/xml"
_AFTER, _FIRST_CHILD = name(DSS, "XPathAfter"), name(DSS, "XPathFirstChildOf")
_OBJECT = name(XMLDSIG, "Object")
_ID = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,99}")
_STEP = (
    r"(?:[A-Za-z_][\w.-]*:)?(?:[A-Za-z_][\w.-]*|\*)"
    r"(?:\[\d{1,5}\]|\[@(?:Id|ID|id)=(?:'[\w.-]{1,100}'|\"[\w.-]{1,100}\")\])?"
)
_LOCATION = re.compile(rf"//?{_STEP}(?:/{_STEP}){{0,30}}", re.ASCII)


@dataclass(frozen=True)
class Place:
    """Where an enveloped signature stands: after an element, or as its first child."""

    path: str
    namespaces: Mapping[str, str]
    after: bool


@dataclass(frozen=True)
class Variant:
    """Which XML signature is asked for.

    ``uri``: how a detached one calls the document. ``object_id``, ``tagged``: the Id of the
    ds:Object of an enveloping one; the document is that ds:Object itself.
    """

    form: Literal["detached", "enveloping", "enveloped"] = "detached"
    uri: str | None = None
    object_id: str | None = None
    tagged: bool = False
    place: Place | None = None


@dataclass(frozen=True)
class Signed:
    """What was made: a ds:Signature, or the document with the signature *signature_id* inside."""

    signature_id: str
    signature: bytes | None = None
    document: bytes | None = None


def read_variant(document: Element, include: Element | None, placement: Element | None) -> Variant:
    """Read what IncludeObjects and dss:SignaturePlacement ask for; without both: detached.

    *document* is SIG:Document with its ID and RefURI. Faults: 4000 attributes that make no
    sense, 4111 variants that do not exist: both at once, several objects for one document, an
    object or a place that the signature would not cover.
    """
    if include is not None and placement is not None:
        raise fault(Code.SIGNATURE_TYPE, "IncludeObjects und SignaturePlacement zugleich")
    if include is not None:
        return _read_include(document, include)
    if placement is not None:
        return _read_placement(document, placement)
    uri = document.get("RefURI")
    if uri is not None and (not uri or uri.startswith("#")):  # would mean the signature's own file
        raise fault(Code.SYNTAX, f"RefURI: {uri!r:.80} nennt kein anderes Dokument")
    return Variant(uri=uri)


def sign(
    content: bytes,
    signer: Signer,
    variant: Variant,
    *,
    short_text: str | None,
    ocsp_responses: Sequence[bytes],
    now: datetime,
) -> Signed:
    """Sign the XML document *content* (bounds were checked) as XAdES-BES; run it in a thread.

    ShortText becomes Description, OCSP responses RevocationValues. Faults: 4000 a place that
    is not there, or an Id that is used already; 4022 no XML.
    """
    root = _parsed(content)
    properties = xades.Properties(
        _signature_id(content, signer, now), now, short_text or None, _MIME_TYPE, ocsp_responses
    )
    match variant.form:
        case "detached":
            made = xades.detached(root, signer, properties, variant.uri)
        case "enveloping":
            if variant.tagged and (root.tag != _OBJECT or not _ID.fullmatch(root.get("Id", ""))):
                raise fault(Code.SYNTAX, "IncludeObject: das Dokument ist kein ds:Object mit Id")
            made = xades.enveloping(
                root, signer, properties, variant.object_id, tagged=variant.tagged
            )
        case "enveloped":
            return _enveloped(root, signer, properties, variant.place)
    return Signed(properties.signature_id, signature=made)


def add_answer(response: Element, namespace: str, signed: Signed) -> None:
    """Append to SIG:SignResponse what was made, after its Status.

    An enveloped signature: SIG:DocumentWithSignature and a dss:SignaturePtr into it; others:
    ds:Signature. Where an envelope would alter what is inside the signature (its prefixes are
    declared in the answer for other names, or there are processing instructions, which SOAP 1.1
    forbids), it is sent as dss:Base64Signature.
    """
    if signed.document is not None:
        document_id = f"{signed.signature_id}-document"
        outputs = add(response, namespace, "OptionalOutputs")
        document = add(outputs, namespace, "DocumentWithSignature")
        document.set("ID", document_id)
        add(document, CONN, "Base64XML", base64.b64encode(signed.document).decode("ascii"))
        pointer = add(add(response, DSS, "SignatureObject"), DSS, "SignaturePtr")
        pointer.set("WhichDocument", document_id)
        pointer.set("XPath", f"//ds:Signature[@Id='{signed.signature_id}']")
    elif signed.signature is not None:
        holder = add(response, DSS, "SignatureObject")
        element = xml_canonical.parse(signed.signature)
        before = xml_canonical.canonical(element)
        instructed = next(element.iter(etree.ProcessingInstruction), None) is not None
        holder.append(element)
        if instructed or xml_canonical.canonical(element) != before:
            holder.remove(element)
            encoded = base64.b64encode(signed.signature).decode("ascii")
            add(holder, DSS, "Base64Signature", encoded).set("Type", XML_TYPE)


def locate(root: Element, path: str, namespaces: Mapping[str, str]) -> Element:
    """Return the element at the location path *path*: names, positions and Ids, nothing else.

    Fault 4000 for another kind of XPath, and where not exactly one element is found.
    """
    if not _LOCATION.fullmatch(path):
        raise fault(Code.SYNTAX, f"XPath: {path!r:.80} ist kein einfacher Pfad")
    try:
        found = root.xpath(path, namespaces=dict(namespaces))
    except etree.XPathError:
        raise fault(Code.SYNTAX, f"XPath: {path!r:.80}") from None
    if not isinstance(found, list) or len(found) != 1 or not isinstance(found[0], Element):
        raise fault(Code.SYNTAX, f"XPath: {path!r:.80} trifft nicht genau ein Element")
    return found[0]


def _read_include(document: Element, include: Element) -> Variant:
    entries = reading.sequence(include, reading.several(name(DSS, "IncludeObject")))
    objects = entries.all(name(DSS, "IncludeObject"))
    if len(objects) != 1:
        raise fault(Code.SIGNATURE_TYPE, "mehrere IncludeObject für ein Dokument")
    entry = objects[0]
    _check_document(document, entry)
    if not _flag(entry, "createReference", default=True):
        raise fault(Code.SIGNATURE_TYPE, "IncludeObject ohne Reference wäre nicht signiert")
    object_id = entry.get("ObjId")
    if object_id is not None and not _ID.fullmatch(object_id):
        raise fault(Code.SYNTAX, "IncludeObject: ObjId ist keine XML-Id")
    tagged = _flag(entry, "hasObjectTagsAndAttributesSet", default=False)
    return Variant("enveloping", object_id=object_id, tagged=tagged)


def _read_placement(document: Element, placement: Element) -> Variant:
    _check_document(document, placement)
    if not _flag(placement, "CreateEnvelopedSignature", default=True):
        raise fault(Code.SIGNATURE_TYPE, "SignaturePlacement nur für enveloped Signaturen")
    if len(placement) != 1 or placement[0].tag not in (_AFTER, _FIRST_CHILD):
        raise fault(Code.SYNTAX, "SignaturePlacement: XPathAfter oder XPathFirstChildOf fehlt")
    path = reading.text_of(placement[0])
    if not _LOCATION.fullmatch(path):
        raise fault(Code.SYNTAX, f"SignaturePlacement: {path!r:.80} ist kein einfacher Pfad")
    known = {prefix: uri for prefix, uri in placement[0].nsmap.items() if prefix is not None}
    return Variant("enveloped", place=Place(path, known, placement[0].tag == _AFTER))


def _check_document(document: Element, element: Element) -> None:
    wanted = element.get("WhichDocument")
    if wanted is not None and wanted != document.get("ID"):
        raise fault(
            Code.SYNTAX, f"{reading.local_name(element)}: WhichDocument nennt kein Document"
        )


def _flag(element: Element, attribute: str, *, default: bool) -> bool:
    value = element.get(attribute)
    return default if value is None else reading.boolean(value, attribute)


def _parsed(content: bytes) -> Element:
    try:
        return xml_canonical.parse(content)
    except ValueError:
        raise fault(Code.XML_NOT_WELL_FORMED) from None


def _signature_id(content: bytes, signer: Signer, now: datetime) -> str:
    """Return an XML id that no two signatures share, without drawing a random number."""
    told = hashlib.sha256(content)
    told.update(signer.encoded_certificate)
    told.update(now.isoformat().encode())
    return f"sig-{told.hexdigest()[:32]}"


def _enveloped(
    root: Element, signer: Signer, properties: xades.Properties, place: Place | None
) -> Signed:
    """Sign, then put the signature in by its octets: as an element its prefixes could change."""
    made = xades.enveloped(root, signer, properties)
    mark = etree.ProcessingInstruction(properties.signature_id)
    target = root if place is None else locate(root, place.path, place.namespaces)
    if place is not None and not place.after:
        mark.tail, target.text = target.text, None
        target.insert(0, mark)
    elif target is root:
        raise _outside()
    else:
        _insert_after(target, mark)
    document = etree.tostring(root.getroottree(), encoding="utf-8", xml_declaration=True)
    marked = etree.tostring(mark, with_tail=False)
    return Signed(properties.signature_id, document=document.replace(marked, made, 1))


def _insert_after(target: Element, mark: Element) -> None:
    parent = target.getparent()
    if parent is None:
        raise _outside()
    mark.tail, target.tail = target.tail, None
    parent.insert(parent.index(target) + 1, mark)


def _outside() -> KonnektorFault:
    return fault(Code.SYNTAX, "SignaturePlacement: die Signatur stünde neben dem Wurzelelement")
