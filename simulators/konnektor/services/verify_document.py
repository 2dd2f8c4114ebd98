"""VerifyDocument of SignatureService 7.4 and 7.5 (TIP1-A_5034-06)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from lxml import etree

from simulators.formats import certificates
from simulators.formats.errors import FormatError

from ..access.check import Target
from ..documents import MAX_DOCUMENT, Document, read_document
from ..faults import Code, fault, trace
from ..operation import Call
from ..signatures.signing import CMS_TYPE, PADES_TYPE, SMIME_TYPE, check_tv_mode
from ..signatures.verification import cms_form, found, xml_form
from ..signatures.verification.found import Updated
from ..signatures.verification.judging import Finding, Judgement, judge
from ..signatures.verification.report import ReportWish, add_manifests, add_report, read_wish
from ..signatures.xades import XML_TYPE
from ..soap import answers, reading
from ..soap.answers import add, add_binary, add_signature_object
from ..soap.namespaces import CONN, CONTEXT, DSS, REPORT, XMLDSIG, name
from ..soap.reading import Element, Parts, optional, required, several

PKCS1_TYPE = "urn:ietf:rfc:3447"
MAX_SIGNATURE = MAX_DOCUMENT + (1 << 20)
"""Bytes of a signature, which may hold its document (4283)."""
MAX_GIVEN_CERTIFICATES = 20
_SIGNATURE_OBJECT, _BASE64 = name(DSS, "SignatureObject"), name(DSS, "Base64Signature")
_POINTER, _XML_SIGNATURE = name(DSS, "SignaturePtr"), name(XMLDSIG, "Signature")
_REPORT, _KEY_INFO = name(REPORT, "ReturnVerificationReport"), name(DSS, "AdditionalKeyInfo")
_SPECIFIC_TIME, _CURRENT_TIME = name(DSS, "SpecificTime"), name(DSS, "CurrentTime")


@dataclass(frozen=True)
class _Inputs:
    """The OptionalInputs; ``at`` is the verification time that the caller sets, if any."""

    at: datetime | None = None
    report: ReportWish | None = None
    manifests: bool = False
    certificates: tuple[x509.Certificate, ...] = ()


async def verify_document(call: Call) -> Element:
    """Check the signatures of a document: CMS, XML or PKCS#1 beside or around it, or inside."""
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONTEXT, "Context")),
        optional(own("TvMode")),
        optional(own("OptionalInputs")),
        optional(own("Document")),
        optional(_SIGNATURE_OBJECT),
        required(own("IncludeRevocationInfo")),
    )
    mode = parts.maybe(own("TvMode"))
    if mode is not None:
        check_tv_mode(mode)
    inputs = _read_inputs(call, parts.maybe(own("OptionalInputs")))
    wanted = reading.text_of(parts.one(own("IncludeRevocationInfo")))
    revocation = reading.boolean(wanted, "IncludeRevocationInfo")
    element = parts.maybe(own("Document"))
    document = None if element is None else read_document(element, signature=True)
    call.check(parts, Target())
    konnektor = call.konnektor
    now = konnektor.clock.now()
    read = await _find(call, parts, element, document, inputs)
    judgement = await judge(read, konnektor.certificates, now, inputs.at)
    if any(finding.qes for finding in judgement.findings) and not konnektor.sak.settings.qes:
        raise fault(Code.SAK_OFF)
    call.facts["verdict"] = judgement.result
    updated = None
    if revocation:
        updated = await call.in_thread(_with_revocation, read, judgement)
    if revocation and updated is None:
        call.warnings.append(trace(Code.REVOCATION_INFO_UNSUPPORTED))
    answer = call.answer()
    call.add_status(answer, *judgement.reasons)
    _add_verdict(call, answer, judgement, inputs.at)
    _add_outputs(call, answer, judgement, inputs, updated)
    return answer


def _add_verdict(call: Call, answer: Element, judgement: Judgement, at: datetime | None) -> None:
    """Append VerificationResult, with the time for which the first signature was judged."""
    namespace = call.service.namespace
    result = add(answer, namespace, "VerificationResult")
    add(result, namespace, "HighLevelResult", judgement.result)
    first = judgement.findings[0]
    if at is not None:
        kind = "USER_DEFINED_TIMESTAMP"
    elif first.found.signing_time is not None:
        kind = "SIGNATURE_EMBEDDED_TIMESTAMP"
    else:
        kind = "SYSTEM_TIMESTAMP"
    add(result, namespace, "TimestampType", kind)
    add(result, namespace, "Timestamp", answers.timestamp(first.at))


def _add_outputs(
    call: Call,
    answer: Element,
    judgement: Judgement,
    inputs: _Inputs,
    updated: Updated | None,
) -> None:
    """Append OptionalOutputs: results of manifests, the updated signature, the report."""
    with_manifests = [entry.found for entry in judgement.findings if entry.found.manifests]
    if not (with_manifests or updated is not None or inputs.report is not None):
        return
    outputs = add(answer, call.service.namespace, "OptionalOutputs")
    if with_manifests:
        results = add(outputs, DSS, "VerifyManifestResults")
        for entry in with_manifests:
            add_manifests(results, entry)
    if updated is not None and updated.is_document:
        holder = add(outputs, call.service.namespace, "DocumentWithSignature")
        add_binary(holder, CONN, "Base64XML", updated.octets)
    elif updated is not None:
        holder = add(outputs, DSS, "UpdatedSignature")
        add_signature_object(holder, updated.octets, updated.signature_type)
    if inputs.report is not None:
        verifier = call.konnektor.settings.name
        moment = judgement.findings[0].at
        add_report(
            outputs, judgement, moment, inputs.report, verifier, namespace=call.service.namespace
        )


def _with_revocation(read: found.Document, judgement: Judgement) -> Updated | None:
    """Return the signature with the OCSP responses that were believed; None where it takes none."""
    responses = [response for entry in judgement.findings if (response := _response(entry))]
    if read.update is None or not responses:
        return None
    return read.update(list(dict.fromkeys(responses)))


def _response(finding: Finding) -> bytes | None:
    """Return the OCSP response about the signer that the signature does not hold already."""
    if finding.verdict is None:
        return None
    response = finding.verdict.answered.response
    return None if response in finding.found.ocsp_responses else response


async def _find(
    call: Call, parts: Parts, element: Element | None, document: Document | None, inputs: _Inputs
) -> found.Document:
    """Find the signatures and check their mathematics; faults as ``_read``."""
    read = await call.in_thread(_read, parts, element, document, inputs)
    if not isinstance(read, bytes):
        return read
    embedded = await call.konnektor.pdfs.signatures(read)
    return await call.in_thread(cms_form.read_pdf, read, embedded)


def _read(
    parts: Parts, element: Element | None, document: Document | None, inputs: _Inputs
) -> found.Document | bytes:
    """Find the signatures and check their mathematics; to be run in a thread.

    The bytes are those of a PDF that has to be searched for signatures.

    Faults: 4253 no signature, 4111 a type that does not exist, 4279 S/MIME, those of the forms.
    """
    uri = None if element is None else element.get("RefURI")
    asked = xml_form.Asked(inputs.certificates, inputs.manifests, uri)
    holder = parts.maybe(_SIGNATURE_OBJECT)
    if holder is None:
        return _read_inside(document, asked)
    if len(holder) != 1:
        raise fault(Code.SYNTAX, "SignatureObject: erwartet wird genau eine Signatur")
    child = holder[0]
    if child.tag == _POINTER:
        if child.get("WhichDocument") != (None if element is None else element.get("ID")):
            raise fault(Code.SYNTAX, "SignaturePtr: WhichDocument nennt kein Document")
        pointed = xml_form.Asked(inputs.certificates, inputs.manifests, uri, child.get("XPath"))
        return _read_inside(document, pointed)
    if child.tag == _XML_SIGNATURE:
        octets = etree.tostring(child, encoding="unicode", with_tail=False).encode()
        return xml_form.read_apart(octets, document, asked)
    if child.tag != _BASE64:
        raise fault(Code.SYNTAX, f"SignatureObject: {reading.local_name(child):.60}")
    return _read_base64(child, document, asked)


def _read_base64(
    child: Element, document: Document | None, asked: xml_form.Asked
) -> found.Document:
    """Read dss:Base64Signature in the form that its Type names; CMS without one."""
    signature_type = child.get("Type", CMS_TYPE)
    if signature_type == SMIME_TYPE:
        raise fault(Code.SMIME_UNSUPPORTED)
    if signature_type not in (CMS_TYPE, PADES_TYPE, PKCS1_TYPE, XML_TYPE):
        raise fault(Code.SIGNATURE_TYPE, f"{signature_type!r:.80}")
    content = reading.binary(child)
    if not content:
        raise fault(Code.NO_SIGNATURE)
    if len(content) > MAX_SIGNATURE:
        raise fault(Code.DOCUMENT_TOO_LARGE)
    if signature_type == XML_TYPE:
        return xml_form.read_apart(content, document, asked)
    if signature_type == PKCS1_TYPE:
        return cms_form.read_pkcs1(content, document, asked.certificates)
    return cms_form.read_cms(content, document, asked.certificates)


def _read_inside(document: Document | None, asked: xml_form.Asked) -> found.Document | bytes:
    if document is not None and document.kind == "pdf":
        return document.take()
    if document is not None and document.kind == "xml":
        return xml_form.read_enveloped(document, asked)
    raise fault(Code.NO_SIGNATURE)


def _read_inputs(call: Call, element: Element | None) -> _Inputs:
    """Read OptionalInputs; dss:Schemas and ViewerInfo are accepted and play no part."""
    own = call.own
    if element is None:
        return _Inputs()
    inputs = reading.any_order(
        element,
        *(optional(own(local)) for local in ("VerifyManifests", "UseVerificationTime")),
        *(optional(name(DSS, local)) for local in ("AdditionalKeyInfo", "Schemas")),
        optional(own("ViewerInfo")),
        optional(_REPORT),
    )
    time = inputs.maybe(own("UseVerificationTime"))
    at = None
    if time is not None:
        given = reading.any_order(time, optional(_SPECIFIC_TIME), optional(_CURRENT_TIME))
        specific = given.maybe(_SPECIFIC_TIME)
        at = call.konnektor.clock.now() if specific is None else reading.instant(specific)
    report = inputs.maybe(_REPORT)
    keys = inputs.maybe(_KEY_INFO)
    return _Inputs(
        at,
        None if report is None else read_wish(report),
        inputs.maybe(own("VerifyManifests")) is not None,
        () if keys is None else _read_certificates(keys),
    )


def _read_certificates(element: Element) -> tuple[x509.Certificate, ...]:
    """Return the certificates of dss:AdditionalKeyInfo; fault 4000 for one that is none."""
    info = reading.sequence(element, required(name(XMLDSIG, "KeyInfo"))).one(
        name(XMLDSIG, "KeyInfo")
    )
    data = reading.sequence(info, several(name(XMLDSIG, "X509Data"))).all(name(XMLDSIG, "X509Data"))
    encoded = [child for entry in data for child in entry.iter(name(XMLDSIG, "X509Certificate"))]
    if len(encoded) > MAX_GIVEN_CERTIFICATES:
        raise fault(
            Code.SYNTAX, f"AdditionalKeyInfo: mehr als {MAX_GIVEN_CERTIFICATES} Zertifikate"
        )
    try:
        return tuple(certificates.load(reading.binary(child)) for child in encoded)
    except FormatError:
        raise fault(Code.SYNTAX, "AdditionalKeyInfo: kein Zertifikat") from None
