"""Faults on purpose: a SOAP fault instead of the work, or a warning on top of it."""

from __future__ import annotations

from simulators.process.faults import Effect, Faults, delay

from .faults import Code, KonnektorFault, trace
from .operation import Call, read_context
from .soap.answers import Element, add
from .soap.namespaces import CONN, CONTEXT, name

SOAP_FAULT, WARNING = "soap_fault", "warning"
DETAIL = "absichtlich"


async def pick(faults: Faults, call: Call) -> Effect | None:
    """Return what shall happen to *call*; a delay is over then, a SOAP fault is raised.

    Rules match the operation, and by ``match`` service, version, mandant, clientsystem,
    workplace, user and card (ICCSN).
    """
    if not faults.rules():
        return None
    facts = _facts(call)
    effect = await delay(faults.pick(call.operation, **facts))
    if effect is not None and effect.kind == SOAP_FAULT:
        call.facts |= {key: value for key, value in facts.items() if value is not None}
        raise KonnektorFault(trace(effect.code or Code.INTERNAL, DETAIL, text=effect.text))
    return effect


def warn(call: Call, answer: Element, effect: Effect) -> None:
    """Turn every Status of *answer* into a Warning with the code of *effect*."""
    reported = trace(effect.code or Code.INTERNAL, DETAIL, text=effect.text)
    call.note_warnings([reported])
    for status in list(answer.iter(name(CONN, "Status"))):
        for child in list(status):
            status.remove(child)
        add(status, CONN, "Result", "Warning")
        status.append(call.konnektor.error([reported]))


def _facts(call: Call) -> dict[str, str | None]:
    """Return what a rule can match: the call is not read yet, so only what is easily seen."""
    facts: dict[str, str | None] = {"service": call.service.name, "version": call.service.version}
    context = next(call.body.iter(name(CONTEXT, "Context")), None)
    if context is not None:
        try:
            read = read_context(context)
        except KonnektorFault:
            return facts
        facts |= {
            "mandant": read.mandant,
            "clientsystem": read.clientsystem,
            "workplace": read.workplace,
            "user": read.user,
        }
    handle = next(call.body.iter(name(CONN, "CardHandle")), None)
    card = None if handle is None else call.konnektor.cards.by_handle((handle.text or "").strip())
    if card is not None:
        facts["card"] = card.card.iccsn
    return facts
