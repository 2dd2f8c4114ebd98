"""VerifyDocument of SignatureService 7.4 and 7.5 (TIP1-A_5034-06)."""

from __future__ import annotations

from datetime import datetime

from ..access.check import Target
from ..documents import Document, read_document
from ..faults import Code, Trace, fault, trace
from ..operation import Call
from ..signatures.signing import CMS_TYPE, PADES_TYPE, SMIME_TYPE
from ..signatures.verification import Judgement, judge, read_cms, read_pdf
from ..signatures.verification_report import add_report
from ..soap import answers, reading
from ..soap.answers import add
from ..soap.namespaces import CONTEXT, DSS, REPORT, XMLDSIG, name
from ..soap.reading import Element, Parts, optional, required

_SIGNATURE_OBJECT, _BASE64 = name(DSS, "SignatureObject"), name(DSS, "Base64Signature")
_REPORT = name(REPORT, "ReturnVerificationReport")
_SPECIFIC_TIME, _CURRENT_TIME = name(DSS, "SpecificTime"), name(DSS, "CurrentTime")
_TV_MODES = ("NONE", "UNCONFIRMED", "CONFIRMED")


async def verify_document(call: Call) -> Element:
    """Check the signatures of a document: CMS beside or around it, or inside a PDF."""
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
        reading.choice(mode, _TV_MODES)
    at, report_wanted = _read_inputs(call, parts)
    revocation = reading.text_of(parts.one(own("IncludeRevocationInfo")))
    if reading.boolean(revocation, "IncludeRevocationInfo"):
        call.warnings.append(trace(Code.REVOCATION_INFO_UNSUPPORTED))
    element = parts.maybe(own("Document"))
    document = None if element is None else read_document(element, signature=True)
    signature = parts.maybe(_SIGNATURE_OBJECT)
    call.check(parts, Target())
    judgement, read_at = await _judged(call, document, signature, at)
    call.facts["verdict"] = judgement.result
    answer = call.answer()
    call.add_status(answer, *judgement.reasons)
    result = add(answer, call.service.namespace, "VerificationResult")
    add(result, call.service.namespace, "HighLevelResult", judgement.result)
    signing_time = judgement.findings[0].signer.signing_time
    if at is not None:
        kind, moment = "USER_DEFINED_TIMESTAMP", at
    elif signing_time is not None:
        kind, moment = "SIGNATURE_EMBEDDED_TIMESTAMP", signing_time
    else:
        kind, moment = "SYSTEM_TIMESTAMP", read_at
    add(result, call.service.namespace, "TimestampType", kind)
    add(result, call.service.namespace, "Timestamp", answers.timestamp(moment))
    if report_wanted:
        outputs = add(answer, call.service.namespace, "OptionalOutputs")
        add_report(outputs, judgement, moment)
    return answer


async def _judged(
    call: Call, document: Document | None, signature: Element | None, at: datetime | None
) -> tuple[Judgement, datetime]:
    konnektor = call.konnektor
    now = konnektor.clock.now()
    in_thread = konnektor.process.in_thread
    no_remarks: list[Trace] = []
    if signature is not None:
        read = await in_thread(lambda: read_cms(_signature_bytes(signature), document))
        signers, wrong = list(read.signers), no_remarks
    elif document is not None and document.kind == "pdf":
        signers, wrong = await in_thread(read_pdf, document)
    else:
        raise fault(Code.NO_SIGNATURE)
    return await judge(signers, konnektor.certificates, now, at, wrong), now


def _signature_bytes(element: Element) -> bytes:
    """Return the CMS of dss:SignatureObject; 4111 for what is no CMS, 4279 for S/MIME."""
    if len(element) != 1:
        raise fault(Code.SYNTAX, "SignatureObject: erwartet wird genau eine Signatur")
    child = element[0]
    if child.tag == name(XMLDSIG, "Signature"):
        raise fault(Code.SIGNATURE_TYPE, "XML-Signaturen werden hier nicht geprüft")
    if child.tag != _BASE64:
        raise fault(Code.SYNTAX, f"SignatureObject: {reading.local_name(child):.60}")
    signature_type = child.get("Type", CMS_TYPE)
    if signature_type == SMIME_TYPE:
        raise fault(Code.SMIME_UNSUPPORTED)
    if signature_type not in (CMS_TYPE, PADES_TYPE):
        raise fault(Code.SIGNATURE_TYPE, f"{signature_type!r:.80}")
    content = reading.binary(child)
    if not content:
        raise fault(Code.NO_SIGNATURE)
    return content


def _read_inputs(call: Call, parts: Parts) -> tuple[datetime | None, bool]:
    """Return the verification time that the caller sets, if any, and whether a report is wanted."""
    own = call.own
    element = parts.maybe(own("OptionalInputs"))
    if element is None:
        return None, False
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
    return at, inputs.maybe(_REPORT) is not None
