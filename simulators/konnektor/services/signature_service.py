"""SignatureService 7.4 and 7.5: SignDocument, VerifyDocument, GetJobNumber."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from simulators.formats.signed_data import Signer
from simulators.pki.request import Reference

from ..access.check import Grant, Target
from ..cards.cards import InsertedCard
from ..cards.keys import CRYPTS, SigningKey
from ..documents import take_all
from ..faults import Code, fault
from ..operation import Call, Handler, Service, read_handle
from ..signatures import xades
from ..signatures.signing import (
    CMS_TYPE,
    PADES_TYPE,
    Made,
    SignRequest,
    make,
    prepare,
    read_request,
)
from ..soap import answers, reading
from ..soap.answers import add
from ..soap.namespaces import CONN, CONTEXT, DSS, SIGNATURE_7_4, SIGNATURE_7_5, name
from ..soap.reading import Element, optional, required, several
from .verify_document import verify_document

if TYPE_CHECKING:
    from ..signatures.pades import SignablePdf

Stack: TypeAlias = "list[tuple[SignRequest, bytes | SignablePdf]]"

MAX_REQUESTS = 250
MAX_ENVELOPE = 352 << 20  # 250 MB of documents in Base64, its line ends and markup
TV_MODES = ("NONE", "UNCONFIRMED", "CONFIRMED")
PDF_MIME = "application/pdf-a"


async def get_job_number(call: Call) -> Element:
    """Give a job number; no access check (TIP1-A_5667)."""
    call.context(reading.sequence(call.body, required(name(CONTEXT, "Context"))))
    answer = call.answer()
    add(answer, call.service.namespace, "JobNumber", call.konnektor.jobs.new())
    return answer


async def sign_document(call: Call) -> Element:
    """Sign documents: nonQES with the SM-B, QES with the HBA (TIP1-A_5010-09)."""
    own = call.own
    parts = reading.sequence(
        call.body,
        required(name(CONN, "CardHandle")),
        optional(own("Crypt")),
        required(name(CONTEXT, "Context")),
        required(own("TvMode")),
        optional(own("JobNumber")),
        several(own("SignRequest")),
    )
    asked = parts.maybe(own("Crypt"))
    crypt = None if asked is None else reading.choice(asked, CRYPTS)
    call.facts["crypt_asked"] = crypt or ""
    reading.choice(parts.one(own("TvMode")), TV_MODES)  # checked, else ignored
    number = parts.text(own("JobNumber"))
    if number is None:
        raise fault(Code.SYNTAX, "JobNumber fehlt: am Konnektor ist sie Pflicht")
    handle = read_handle(parts)
    qes = _is_qes(call, handle)
    requests = [read_request(call, entry, qes=qes) for entry in parts.all(own("SignRequest"))]
    _check_stack(requests)
    contents = await take_all(call.konnektor.process, [entry.document for entry in requests])
    grant = call.check(parts, Target(handle=handle))
    card, _ = grant.required_card()
    if not (card.is_hba or card.is_smb):
        raise fault(Code.CARD_TYPE_FOR_SIGNATURE)
    call.konnektor.jobs.use(number)
    reference: Reference = "C.QES" if qes else "C.SIG"
    key = call.konnektor.keys.for_signing(card, reference, crypt)
    call.facts |= {"crypt": key.crypt, "qes": "true" if qes else "false"}
    stack = await _prepare(call, requests, contents)
    await _open_key(call, grant, card, key, qes=qes)
    made = await _sign_all(call, stack, card, key, qes=qes)
    return _answer(call, requests, made)


def _is_qes(call: Call, handle: str) -> bool:
    card = call.konnektor.cards.by_handle(handle)
    return card is not None and card.is_hba


def _check_stack(requests: list[SignRequest]) -> None:
    if len(requests) > MAX_REQUESTS:
        raise fault(Code.SYNTAX, f"mehr als {MAX_REQUESTS} SignRequests")
    ids = [request.request_id for request in requests]
    if len(set(ids)) < len(ids):
        raise fault(Code.SYNTAX, "RequestID ist nicht eindeutig")


async def _prepare(call: Call, requests: list[SignRequest], contents: list[bytes]) -> Stack:
    """Read the documents before anybody types a PIN for them; fault 4110 for one that is unfit."""

    def read() -> Stack:
        return [(request, prepare(request, contents.pop(0))) for request in requests]

    if any(request.signature_type == PADES_TYPE for request in requests):
        return await call.konnektor.process.in_thread(read)
    return read()


async def _open_key(
    call: Call, grant: Grant, card: InsertedCard, key: SigningKey, *, qes: bool
) -> None:
    """Meet the access condition of the key: PIN.SMC raised before, PIN.QES typed for the stack.

    Faults: 4085 PIN.SMC is not raised, 4123 the QES certificate is revoked, unknown or out of
    its time, those of the PIN entry, 4063 PIN.QES is blocked, and the make's code for a wrong
    PIN.QES.
    """
    _, session = grant.required_card()
    if not qes:
        if not card.is_open("PIN.SMC", session):
            raise fault(Code.ACCESS_CONDITION)
        return
    konnektor = call.konnektor
    verdict = await konnektor.certificates.check(key.certificate, konnektor.clock.now())
    if verdict.is_invalid:
        raise fault(Code.SIGNING_FAILED, f"Zertifikat: {verdict.reason}")
    if card.is_open("PIN.QES", session):
        return
    entered = await call.konnektor.pads.enter(grant, "PIN.QES")
    call.facts["pin_result"] = entered.result
    match entered.result:
        case "OK":
            return
        case "REJECTED":
            rejected = call.konnektor.settings.make.qes_pin_rejected
            raise fault(rejected, f"PIN.QES falsch, {entered.left_tries} Versuche übrig")
        case "TRANSPORT_PIN":
            raise fault(Code.PIN_TRANSPORT)
        case _:
            raise fault(Code.PIN_BLOCKED)


async def _sign_all(
    call: Call, stack: Stack, card: InsertedCard, key: SigningKey, *, qes: bool
) -> list[Made]:
    konnektor = call.konnektor
    responses: list[bytes] = []
    # 7.5.6 embeds OCSP answers into nonQES signatures too, 7.4 only into QES (C_11276)
    if any(request.include_revocation for request, _ in stack) and (
        qes or call.service.namespace == SIGNATURE_7_5
    ):
        answered = await konnektor.certificates.status(key.certificate)
        responses = [answered.response] if answered.response is not None else []
    if not card.present:
        raise fault(Code.CARD_NOT_INSERTED)
    try:
        return await konnektor.process.in_thread(_make_all, call, stack, key.signer, responses)
    finally:
        if qes:  # PIN.QES serves one stack
            card.lower_state("PIN.QES")


def _make_all(call: Call, stack: Stack, signer: Signer, responses: list[bytes]) -> list[Made]:
    now = call.konnektor.clock.now()
    return [
        make(request, content, signer, responses if request.include_revocation else (), now)
        for request, content in stack
    ]


def _answer(call: Call, requests: list[SignRequest], made: list[Made]) -> Element:
    answer = call.answer()
    for request, signature in zip(requests, made, strict=True):
        response = add(answer, call.service.namespace, "SignResponse")
        response.set("RequestID", answers.printable(request.request_id))
        call.add_status(response, *request.warnings)
        if signature.xml is not None:
            xades.add_answer(response, call.service.namespace, signature.xml)
        elif signature.signature_type == PADES_TYPE:
            outputs = add(response, call.service.namespace, "OptionalOutputs")
            document = add(outputs, call.service.namespace, "DocumentWithSignature")
            data = add(document, DSS, "Base64Data", signature.encoded)
            data.set("MimeType", PDF_MIME)
        else:
            holder = add(response, DSS, "SignatureObject")
            add(holder, DSS, "Base64Signature", signature.encoded).set("Type", CMS_TYPE)
    return answer


_OPERATIONS: Mapping[str, Handler] = MappingProxyType(
    {
        "SignDocument": sign_document,
        "VerifyDocument": verify_document,
        "GetJobNumber": get_job_number,
    }
)
SERVICE_7_4 = Service(
    name="SignatureService",
    version="7.4.2",
    namespace=SIGNATURE_7_4,
    prefix="SIG",
    abstract="Signaturdienst",
    path="/SignatureService/v7.4",
    operations=_OPERATIONS,
    max_envelope=MAX_ENVELOPE,
)
SERVICE_7_5 = replace(
    SERVICE_7_4, version="7.5.6", namespace=SIGNATURE_7_5, path="/SignatureService/v7.5"
)
