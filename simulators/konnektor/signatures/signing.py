"""Making signatures: what SignDocument asks for, and CAdES, PAdES or XAdES with a card's key."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from simulators.formats import signed_data
from simulators.formats.errors import FormatError

from ..documents import Document, check_format, check_xml, read_cms_attributes, read_document
from ..faults import Code, Trace, fault, trace
from ..operation import Call
from ..soap import answers, reading
from ..soap.namespaces import DSS, POLICY, name
from ..soap.reading import Element, optional, required, several
from . import xades
from .xades import XML_TYPE, Variant

CMS_TYPE = "urn:ietf:rfc:5652"
SMIME_TYPE = "urn:ietf:rfc:5751"
PADES_TYPE = "http://uri.etsi.org/02778/3"
PDF_MIME = "application/pdf-a"
TV_MODES = ("NONE", "UNCONFIRMED", "CONFIRMED")
QES_KINDS = frozenset(("xml", "pdf", "text", "tiff"))
PROPERTY = name(DSS, "Property")
_TYPE, _PROPERTIES = name(DSS, "SignatureType"), name(DSS, "Properties")
_SIGNED, _UNSIGNED = name(DSS, "SignedProperties"), name(DSS, "UnsignedProperties")
_PLACEMENT, _UPDATED = name(DSS, "SignaturePlacement"), name(DSS, "ReturnUpdatedSignature")
_SCHEMAS, _POLICY = name(DSS, "Schemas"), name(POLICY, "GenerateUnderSignaturePolicy")


@dataclass(frozen=True)
class SignRequest:
    """One SIG:SignRequest; ``warnings`` say what of it is ignored."""

    request_id: str
    document: Document
    qes: bool
    signature_type: str
    include_content: bool
    attributes: tuple[bytes, ...]
    include_revocation: bool
    xml_variant: Variant
    warnings: tuple[Trace, ...]


@dataclass(frozen=True)
class Made:
    """A signature, in Base64 as the answer carries it; an XML signature is in ``xml``."""

    encoded: str
    signature_type: str
    xml: xades.Signed | None = None


def check_tv_mode(element: Element) -> None:
    """Raise the fault 4000 for a TvMode that does not exist; else it is ignored (TIP1-A_5010-09).

    Empty it means UNCONFIRMED, the default of its schema.
    """
    if reading.text_of(element):
        reading.choice(element, TV_MODES)


def read_request(call: Call, element: Element, *, qes: bool) -> SignRequest:
    """Read a SignRequest.

    Faults: 4000; 4110 a document that cannot be signed so; 4111 a type or variant that is not
    built or does not exist (XAdES as QES, for no policy is built in; parallel signatures,
    policies); 4279 S/MIME.
    """
    own = call.own
    request_id = element.get("RequestID")
    if request_id is None:
        raise fault(Code.SYNTAX, "SignRequest: RequestID fehlt")
    parts = reading.sequence(
        element,
        optional(own("OptionalInputs")),
        required(own("Document")),
        required(own("IncludeRevocationInfo")),
    )
    document = read_document(parts.one(own("Document")), signature=True)
    inputs = reading.any_order(
        _or_empty(parts.maybe(own("OptionalInputs")), own("OptionalInputs")),
        *(optional(part) for part in (_TYPE, _PROPERTIES, _PLACEMENT, _UPDATED, _SCHEMAS, _POLICY)),
        *(optional(own(local)) for local in ("IncludeEContent", "IncludeObjects", "ViewerInfo")),
    )
    signature_type = inputs.text(_TYPE) or _usual_type(document)
    _check_variant(signature_type, document, qes=qes)
    content = inputs.maybe(own("IncludeEContent"))
    if content is not None and signature_type != CMS_TYPE:
        raise fault(Code.SIGNATURE_TYPE, "IncludeEContent gibt es nur mit CMS")
    include, placement = inputs.maybe(own("IncludeObjects")), inputs.maybe(_PLACEMENT)
    if include is not None and signature_type != XML_TYPE:
        raise fault(Code.SIGNATURE_TYPE, "IncludeObject gibt es nur mit XML-Signaturen")
    if inputs.maybe(_UPDATED) is not None or inputs.maybe(_POLICY) is not None:
        raise fault(Code.SIGNATURE_TYPE, "Parallel-, Gegensignatur und Policy gibt es hier nicht")
    if qes and not document.short_text:
        raise fault(Code.SYNTAX, "Document: ShortText ist für die QES Pflicht")
    attributes, ignored = _read_properties(inputs.maybe(_PROPERTIES))
    warnings: list[Trace] = []
    variant = Variant()
    if signature_type == XML_TYPE:
        variant = xades.read_variant(parts.one(own("Document")), include, placement)
    elif placement is not None:
        warnings.append(trace(Code.PLACEMENT_IGNORED))
    if ignored or (attributes and signature_type != CMS_TYPE):
        warnings.append(trace(Code.PROPERTIES_IGNORED))
    revocation = parts.one(own("IncludeRevocationInfo"))
    return SignRequest(
        request_id,
        document,
        qes,
        signature_type,
        content is not None and reading.boolean(reading.text_of(content), "IncludeEContent"),
        attributes,
        reading.boolean(reading.text_of(revocation), "IncludeRevocationInfo"),
        variant,
        tuple(warnings),
    )


def check_content(request: SignRequest, content: bytes) -> None:
    """Hold a document against what it is to be signed as; to be run in a thread.

    Faults: 4110 for a document that is not of its MimeType's format, 4022, 4280, 4281 for XML
    to be signed as XML.
    """
    check_format(request.document, content, shown=request.qes)
    if request.signature_type == XML_TYPE and not request.document.is_xml_element:
        check_xml(content)  # Base64XML was held against the rules when it was decoded


def make(
    request: SignRequest,
    content: bytes,
    signer: signed_data.Signer,
    ocsp_responses: Sequence[bytes],
    now: datetime,
) -> Made:
    """Sign *content* in CMS or as XML; to be run in a thread.

    Faults: 4000 an attribute that is none, or a place in an XML document that is not there.
    """
    short_text = request.document.short_text or None
    if request.signature_type == XML_TYPE:
        made = xades.sign(
            content,
            signer,
            request.xml_variant,
            short_text=short_text,
            ocsp_responses=ocsp_responses,
            now=now,
        )
        return Made("", XML_TYPE, made)
    try:
        signed = signed_data.sign(
            content,
            signer,
            signing_time=now,
            detached=not request.include_content,
            content_hint=short_text,
            attributes=request.attributes,
            ocsp_responses=ocsp_responses,
        )
    except FormatError as error:
        raise fault(Code.SYNTAX, f"CMSAttribute: {error}") from None
    return Made(base64.b64encode(signed).decode("ascii"), CMS_TYPE)


def made_of_pdf(signed: bytes) -> Made:
    """Return what was made where that is a PDF with its signature inside."""
    return Made(base64.b64encode(signed).decode("ascii"), PADES_TYPE)


def add_output(response: Element, made: Made, namespace: str) -> None:
    """Append to a SIG:SignResponse what carries *made*; to be run in a thread."""
    if made.xml is not None:
        xades.add_answer(response, namespace, made.xml)
    elif made.signature_type == PADES_TYPE:
        outputs = answers.add(response, namespace, "OptionalOutputs")
        document = answers.add(outputs, namespace, "DocumentWithSignature")
        answers.add(document, DSS, "Base64Data", made.encoded).set("MimeType", PDF_MIME)
    else:
        holder = answers.add(response, DSS, "SignatureObject")
        answers.add(holder, DSS, "Base64Signature", made.encoded).set("Type", CMS_TYPE)


def _usual_type(document: Document) -> str:
    """Return what is made where nothing is said: XAdES, PAdES, else CAdES detached."""
    if document.is_xml_element:
        return XML_TYPE
    return PADES_TYPE if document.kind == "pdf" else CMS_TYPE


def _check_variant(signature_type: str, document: Document, *, qes: bool) -> None:
    if signature_type == SMIME_TYPE:
        raise fault(Code.SMIME_UNSUPPORTED)
    if signature_type not in (CMS_TYPE, PADES_TYPE, XML_TYPE):
        raise fault(Code.SIGNATURE_TYPE, f"{signature_type!r:.80}")
    if signature_type == XML_TYPE and qes:
        raise fault(Code.SIGNATURE_TYPE, "XAdES als QES braucht eine eingebaute Policy")
    shown = "Base64XML" if document.is_xml_element else document.mime_type or "ohne MimeType"
    wanted = {PADES_TYPE: "pdf", XML_TYPE: "xml"}.get(signature_type, document.kind)
    if document.kind != wanted:
        raise fault(Code.DOCUMENT_FORMAT, value=shown[:80])
    if qes and document.kind not in QES_KINDS:
        raise fault(Code.DOCUMENT_FORMAT, value=shown[:80])


def _read_properties(element: Element | None) -> tuple[tuple[bytes, ...], bool]:
    """Return the signed attributes of dss:Properties and whether there are unsigned ones."""
    if element is None:
        return (), False
    parts = reading.sequence(element, optional(_SIGNED), optional(_UNSIGNED))
    signed = parts.maybe(_SIGNED)
    if signed is None:
        return (), parts.maybe(_UNSIGNED) is not None
    properties = reading.sequence(signed, several(PROPERTY)).all(PROPERTY)
    return tuple(read_cms_attributes(properties)), parts.maybe(_UNSIGNED) is not None


def _or_empty(element: Element | None, tag: str) -> Element:
    return element if element is not None else reading.empty(tag)
