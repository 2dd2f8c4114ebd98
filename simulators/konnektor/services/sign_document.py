"""SignDocument: nonQES with the SM-B, QES with the HBA, single, as a stack or in comfort mode."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from simulators.pki.request import Reference

from ..access.check import Grant, Target
from ..cards.keys import CRYPTS, SigningKey
from ..documents import take_all
from ..faults import Code, KonnektorFault, fault
from ..operation import Call, Service, read_handle
from ..signatures.jobs import Job, check_form
from ..signatures.permission import (
    ComfortPermission,
    Permission,
    PinPermission,
    SmbPermission,
)
from ..signatures.revocation import EmbeddedRevocation
from ..signatures.signing import (
    PADES_TYPE,
    Made,
    SignRequest,
    add_output,
    check_content,
    check_tv_mode,
    made_of_pdf,
    make,
    read_request,
)
from ..signatures.stack import sign_stack
from ..soap import answers, reading
from ..soap.namespaces import CONN, CONTEXT, SIGNATURE_7_5, name
from ..soap.reading import Element, optional, required, several

if TYPE_CHECKING:
    from ..cards.inserted_card import InsertedCard

Prepared: TypeAlias = "tuple[SignRequest, bytes]"

MAX_REQUESTS = 250
PREDECESSORS = frozenset(("HBA-qSig", "ZOD_2.0"))
"""HBA-Vorläuferkarten: single signatures only (TUC_KON_168)."""
NEXT_SUCCESSFUL = "SIG/SIGNDOC/NEXT_SUCCESSFUL"


@dataclass(frozen=True)
class _Asked:
    """A SignDocument as it was read: everything that needs no card.

    ``unfit`` is the first fault of a request or document that is no fault of syntax: it is told
    after the access check.
    """

    handle: str
    crypt: str | None
    number: str
    requests: list[SignRequest]
    unfit: KonnektorFault | None


async def sign_document(call: Call) -> Element:
    """Sign documents (TIP1-A_5010-09).

    Faults, in this order: 4000; the access check, with 4093 for a card that is reserved; 4126,
    4125, 4118 for the card; 4252 the job number; those of ``read_request`` and the documents;
    4258, 4058 for the key; 4110 a document that is unfit; 4123 the QES certificate is revoked,
    unknown or out of its time; 4271, 4263 comfort mode is over; 4085, or those of PIN.QES; 4120
    the card's signature is wrong.
    """
    asked, parts = _read(call)
    contents, unfit = await _decode(call, asked)
    grant = call.check(parts, Target(handle=asked.handle))
    card, _ = grant.required_card()
    _check_card(call, card, len(parts.all(call.own("SignRequest"))))
    with ExitStack() as run:
        job = run.enter_context(call.konnektor.sak.jobs.run(asked.number))
        if unfit is not None:
            raise unfit
        reference: Reference = "C.QES" if card.is_hba else "C.SIG"
        key = call.konnektor.keys.for_signing(card, reference, asked.crypt)
        call.facts |= {"crypt": key.crypt, "qes": "true" if card.is_hba else "false"}
        stack = await _prepare(call, asked.requests, contents)
        if card.is_hba:
            await _check_certificate(call, key)
        permission = _permission(call, grant, job, run)
        signed = await _sign(call, stack, key, permission, job)
    answer = call.answer()
    answer.extend(signed)
    return answer


def _read(call: Call) -> tuple[_Asked, reading.Parts]:
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
    crypt = parts.maybe(own("Crypt"))
    chosen = None if crypt is None else reading.choice(crypt, CRYPTS)
    call.facts["crypt_asked"] = chosen or ""
    check_tv_mode(parts.one(own("TvMode")))
    number = parts.text(own("JobNumber"))
    if number is None:
        raise fault(Code.SYNTAX, "JobNumber fehlt: am Konnektor ist sie Pflicht")
    handle = read_handle(parts)
    found = call.konnektor.cards.by_handle(handle)
    qes = found is not None and found.is_hba
    entries = parts.all(own("SignRequest"))
    if len(entries) > MAX_REQUESTS:
        raise fault(Code.SYNTAX, f"mehr als {MAX_REQUESTS} SignRequests")
    if len({entry.get("RequestID") for entry in entries}) < len(entries):
        raise fault(Code.SYNTAX, "RequestID ist nicht eindeutig")
    requests: list[SignRequest] = []
    unfit: KonnektorFault | None = None
    for entry in entries:
        try:
            requests.append(read_request(call, entry, qes=qes))
        except KonnektorFault as raised:
            unfit = unfit or _unless_syntax(raised)
    call.facts |= {"job": check_form(number), "documents": str(len(entries))}
    return _Asked(handle, chosen, number, requests, unfit), parts


def _unless_syntax(raised: KonnektorFault) -> KonnektorFault:
    """Return *raised*, to be told later; raise it now if it is 4000."""
    if raised.trace.code == Code.SYNTAX:
        raise raised
    return raised


async def _decode(call: Call, asked: _Asked) -> tuple[list[bytes], KonnektorFault | None]:
    """Return the documents, or why they cannot be signed; fault 4000 for one without Base64."""
    if asked.unfit is not None:
        return [], asked.unfit
    documents = [request.document for request in asked.requests]
    try:
        return await take_all(call, documents), None
    except KonnektorFault as raised:
        return [], _unless_syntax(raised)


def _check_card(call: Call, card: InsertedCard, documents: int) -> None:
    """Check that this kind of card signs this here: faults 4126, 4125, 4118."""
    if not (card.is_hba or card.is_smb):
        raise fault(Code.CARD_TYPE_FOR_SIGNATURE)
    if card.is_hba and not call.konnektor.sak.settings.qes:
        raise fault(Code.SAK_OFF)
    if card.card.type in PREDECESSORS and documents > 1:
        raise fault(Code.STACK_ONLY_HBA)


async def _prepare(
    call: Call, requests: list[SignRequest], contents: list[bytes]
) -> deque[Prepared]:
    """Check the documents before anybody types a PIN for them; fault 4110 for one that is unfit."""
    stack: deque[Prepared] = deque(zip(requests, contents, strict=True))
    contents.clear()

    def check() -> None:
        for request, content in stack:
            check_content(request, content)

    await call.in_thread(check)
    for request, content in stack:
        if request.signature_type == PADES_TYPE:
            await call.konnektor.pdfs.check(content)
    return stack


async def _check_certificate(call: Call, key: SigningKey) -> None:
    """Raise the fault 4123 when the QES certificate is revoked, unknown or out of its time."""
    konnektor = call.konnektor
    verdict = await konnektor.certificates.check(key.certificate, konnektor.clock.now())
    if verdict.is_invalid:
        raise fault(Code.SIGNING_FAILED, f"Zertifikat: {verdict.reason}")


def _permission(call: Call, grant: Grant, job: Job, run: ExitStack) -> Permission:
    """Choose what lets the key sign: TUC_KON_160, 170 or 150."""
    card, session = grant.required_card()
    if not card.is_hba:
        return SmbPermission(grant)
    sak = call.konnektor.sak
    comfort = run.enter_context(sak.comfort.run(card, session))
    call.facts["mode"] = "PIN" if comfort is None else "COMFORT"
    if comfort is None:
        return PinPermission(call.konnektor, grant, job, call.facts)
    return ComfortPermission(sak, comfort)


async def _sign(
    call: Call, stack: deque[Prepared], key: SigningKey, permission: Permission, job: Job
) -> list[Element]:
    """Return a SIG:SignResponse for every document that was signed, in order (TIP1-A_5664)."""
    konnektor = call.konnektor
    card = permission.card
    signer = konnektor.sak.signers.checked(card.card.iccsn, key.signer)
    current = call.service.namespace == SIGNATURE_7_5
    embeds = card.is_hba or current  # 7.4 embeds nothing into nonQES (C_11276)
    revocation = EmbeddedRevocation(
        konnektor.certificates, konnektor.clock, key.certificate, after_signing=current
    )

    async def sign(document: Prepared) -> Element:
        if not card.present:
            raise fault(Code.CARD_NOT_INSERTED)
        request, content = document
        now, responses = konnektor.clock.now(), list[bytes]()
        if request.include_revocation and embeds:
            now, responses = await revocation.now()

        pdf: bytes | None = None
        if request.signature_type == PADES_TYPE:
            reason = request.document.short_text
            pdf = await konnektor.pdfs.sign(content, signer, reason=reason, now=now)

        def work() -> Element:
            if pdf is not None:
                made = made_of_pdf(pdf)
            else:
                made = make(request, content, signer, responses, now)
            return _response(call.service, request.request_id, made)

        response = await call.in_thread(work)
        call.add_status(response, *request.warnings)
        response.insert(0, response[-1])  # the schema has it first
        konnektor.events.emit(NEXT_SUCCESSFUL, {"Jobnummer": job.number}, card=card)
        return response

    return await sign_stack(stack, sign, permission, job, konnektor.sak.settings.stopped)


def _response(service: Service, request_id: str, made: Made) -> Element:
    """Return the SIG:SignResponse with *made*, its Status left out."""
    response = answers.response(service.namespace, "SignResponse", service.prefix)
    response.set("RequestID", answers.printable(request_id))
    add_output(response, made, service.namespace)
    return response
