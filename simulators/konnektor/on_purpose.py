"""Faults on purpose: a call that fails, is delayed, or whose answer is lost, cut or spoilt.

The operations of rules are those of the services, ``ServiceDirectory`` for ``/connector.sds``,
``TLS`` for handshakes at the SOAP port, ``CETP`` for pushes of events and ``LDAP.Search`` at the
proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl

from aiohttp import web

from simulators.makes.services import OPERATIONS
from simulators.process.faults import COMMON_EFFECTS, DROP, Effect, Faults, Place, delay

from .faults import Code, KonnektorFault, trace
from .operation import Call, read_context
from .soap.answers import Element, add
from .soap.http_answer import send
from .soap.namespaces import CONN, CONTEXT, name

SOAP_FAULT, WARNING = "soap_fault", "warning"
LOST, BROKEN_OFF = "lost", "broken_off"
TRUNCATED, MALFORMED = "truncated", "malformed"
HTTP_ERROR, CONTENT_TYPE, REFUSED = "http_error", "content_type", "refused"
SEGMENTS, LDAP_RESULT = "segments", "result"
"""``soap_fault`` (``code``, ``text``) instead of the work, ``warning`` (the same) on top of it.

After the work, for any operation and the service directory: ``lost`` (the connection is closed
without an answer), ``broken_off`` (closed in the middle of it), ``truncated`` (an HTTP answer that
ends in the middle of the XML), ``malformed`` (XML that is not well-formed), ``http_error``
(``code``, else 500, and no SOAP), ``content_type`` (``value``, else text/html). ``drop`` closes
before the work; ``segments`` divides a push (``code`` parts), ``truncated`` cuts it too;
``refused`` ends a TLS handshake; ``result`` (``code``) answers a search in the directory.
``seconds`` beside any of them is waited first.
"""

_OF_ANSWERS = frozenset({LOST, BROKEN_OFF, TRUNCATED, MALFORMED, HTTP_ERROR, CONTENT_TYPE})
_OF_CALLS = _OF_ANSWERS | COMMON_EFFECTS | {SOAP_FAULT, WARNING}
_OF_DIRECTORY = _OF_ANSWERS | COMMON_EFFECTS
_OF_HANDSHAKES = frozenset({REFUSED})
_OF_PUSHES = COMMON_EFFECTS | {SEGMENTS, TRUNCATED}

_OF_SEARCHES = COMMON_EFFECTS | {LDAP_RESULT}

DIRECTORY, TLS, CETP, SEARCH = "ServiceDirectory", "TLS", "CETP", "LDAP.Search"
MAX_SEGMENTS = 100
DETAIL = "absichtlich"
_NO_XML = b"<<"


def _is_fault_code(code: int) -> bool:
    """Whether *code* is of gematik (also one that newer releases may bring) or of a vendor."""
    return 1000 <= code <= 40_999


_ANY_ANSWER = {HTTP_ERROR: lambda code: 400 <= code <= 599}
_OF_CONTEXT = ("mandant", "clientsystem", "workplace", "user")
_OF_CARD = ("card", "card_type", "terminal")
PLACES = (
    Place(
        OPERATIONS,
        frozenset({"service", "version", *_OF_CONTEXT, *_OF_CARD}),
        _OF_CALLS,
        {**_ANY_ANSWER, SOAP_FAULT: _is_fault_code, WARNING: _is_fault_code},
    ),
    Place(frozenset({DIRECTORY}), frozenset(), _OF_DIRECTORY, _ANY_ANSWER),
    Place(frozenset({TLS}), frozenset({"sni"}), _OF_HANDSHAKES),
    Place(
        frozenset({CETP}),
        frozenset({"topic", "sink", "subscription"}),
        _OF_PUSHES,
        {SEGMENTS: lambda code: 1 <= code <= MAX_SEGMENTS},
    ),
    Place(frozenset({SEARCH}), frozenset({"filter", "base"}), _OF_SEARCHES),
)
EFFECTS = frozenset[str]().union(*(place.kinds for place in PLACES))


async def pick(faults: Faults, call: Call) -> Effect | None:
    """Return what shall happen to *call*; a delay is over then, a SOAP fault is raised.

    Rules match the operation, and by ``match`` service, version, mandant, clientsystem,
    workplace, user, and of the card card (ICCSN), card_type and terminal.
    """
    if not faults.active:
        return None
    facts = _facts(call)
    effect = await delay(faults.pick(call.operation, _OF_CALLS, **facts))
    if effect is not None:
        call.facts |= {key: value for key, value in facts.items() if value is not None}
        call.facts["fault"] = effect.kind
        if effect.kind == SOAP_FAULT:
            raise KonnektorFault(trace(effect.code or Code.INTERNAL, DETAIL, text=effect.text))
    return effect


async def pick_directory(faults: Faults) -> Effect | None:
    """Return what shall happen to a request for the service directory; a delay is over then."""
    return await delay(faults.pick(DIRECTORY, _OF_DIRECTORY)) if faults.active else None


async def pick_search(faults: Faults, **facts: str) -> Effect | None:
    """Return what shall happen to a search in the directory; a delay is over then.

    Rules match filter and base.
    """
    return await delay(faults.pick(SEARCH, _OF_SEARCHES, **facts)) if faults.active else None


async def pick_push(faults: Faults, **facts: str) -> Effect | None:
    """Return what shall happen to an event on its way to a sink; a delay is over then.

    Rules match topic, sink (URL) and subscription.
    """
    return await delay(faults.pick(CETP, _OF_PUSHES, **facts)) if faults.active else None


def refuse_handshakes(context: ssl.SSLContext, faults: Faults) -> None:
    """Have *context* end handshakes where a rule for ``TLS`` says so.

    A rule matches ``sni``, the host name that the client asks for.
    """

    def greeted(_: ssl.SSLObject, server_name: str | None, __: ssl.SSLContext) -> int | None:
        if faults.active and faults.pick(TLS, _OF_HANDSHAKES, sni=server_name) is not None:
            return ssl.ALERT_DESCRIPTION_HANDSHAKE_FAILURE
        return None

    context.sni_callback = greeted  # called without SNI, too


def warn(call: Call, answer: Element, effect: Effect) -> None:
    """Turn every Status of *answer* into a Warning with the code of *effect*."""
    reported = trace(effect.code or Code.INTERNAL, DETAIL, text=effect.text)
    call.note_warnings([reported])
    for status in list(answer.iter(name(CONN, "Status"))):
        for child in list(status):
            status.remove(child)
        add(status, CONN, "Result", "Warning")
        status.append(call.konnektor.error([reported], call.operation))


async def respond(
    request: web.BaseRequest, effect: Effect | None, status: int, body: bytes, content_type: str
) -> web.StreamResponse:
    """Return the answer *body* to *request* as *effect* has it arrive."""
    kind = None if effect is None else effect.kind
    headers = {"Content-Type": content_type}
    if kind in (DROP, LOST):
        return abort(request)
    if kind == BROKEN_OFF:
        return await _break_off(request, status, body, headers)
    if kind == TRUNCATED:
        body = body[: max(1, len(body) // 2)]
    elif kind == MALFORMED:
        middle = len(body) // 2
        body = body[:middle] + _NO_XML + body[middle:]
    elif kind == HTTP_ERROR and effect is not None:
        return web.Response(status=effect.code or 500, text=f"{effect.text or DETAIL}\n")
    elif kind == CONTENT_TYPE and effect is not None:
        headers = {"Content-Type": effect.value or "text/html"}
    return await send(request, status, body, headers)


def abort(request: web.BaseRequest) -> web.StreamResponse:
    """Close the connection of *request* without a further byte."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _break_off(
    request: web.BaseRequest, status: int, body: bytes, headers: dict[str, str]
) -> web.StreamResponse:
    """Send half of *body*, of which the header promises all, and close."""
    response = web.StreamResponse(
        status=status, headers={**headers, "Content-Length": str(len(body))}
    )
    with contextlib.suppress(ConnectionError):
        await response.prepare(request)
        await response.write(body[: max(1, len(body) // 2)])
    await asyncio.sleep(0)  # what was written leaves before the connection is closed
    if request.transport is not None:
        request.transport.close()
    return response


def _facts(call: Call) -> dict[str, str | None]:
    """Return what a rule can match: the call is not read yet, so only what is easily seen."""
    facts: dict[str, str | None] = {"service": call.service.name, "version": call.service.version}
    context = next(call.body.iter(name(CONTEXT, "Context")), None)
    if context is not None:
        try:
            read = read_context(context)
        except KonnektorFault:
            return facts
        facts |= {name: getattr(read, name) for name in _OF_CONTEXT}
    handle = next(call.body.iter(name(CONN, "CardHandle")), None)
    card = None if handle is None else call.konnektor.cards.by_handle((handle.text or "").strip())
    if card is not None:
        facts |= zip(_OF_CARD, (card.card.iccsn, card.card.type, card.terminal), strict=True)
    return facts
