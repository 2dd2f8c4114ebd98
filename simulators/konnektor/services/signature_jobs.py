"""GetJobNumber and StopSignature: the number of a SignDocument, and its end from outside."""

from __future__ import annotations

from ..access.check import Target
from ..faults import Code, KonnektorFault, fault
from ..operation import Call
from ..signatures.jobs import check_form
from ..soap import reading
from ..soap.answers import add
from ..soap.namespaces import CONTEXT, name
from ..soap.reading import Element, required


async def get_job_number(call: Call) -> Element:
    """Give a job number; no access check (TIP1-A_5667)."""
    call.context(reading.sequence(call.body, required(name(CONTEXT, "Context"))))
    answer = call.answer()
    add(answer, call.service.namespace, "JobNumber", call.konnektor.sak.jobs.new())
    return answer


async def stop_signature(call: Call) -> Element:
    """End the SignDocument that has this job number (TIP1-A_5666-02).

    It answers as soon as the job was told; SignDocument itself returns what was finished. Faults:
    4000, also where the access check fails, 4243 no SignDocument with this number is under way.
    """
    parts = reading.sequence(
        call.body, required(name(CONTEXT, "Context")), required(call.own("JobNumber"))
    )
    number = check_form(reading.text_of(parts.one(call.own("JobNumber"))))
    call.facts["job"] = number
    try:
        call.check(parts, Target())
    except KonnektorFault as refused:
        raise fault(Code.SYNTAX, f"Zugriff: {refused.trace.code}") from None
    call.konnektor.sak.jobs.stop(number)
    answer = call.answer()
    call.add_status(answer)
    return answer
