"""What callers do against the rules of SOAP over HTTP; the make decides what becomes of it."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from simulators.makes.make import Callers

from ..faults import Code, fault
from ..operation import Call
from . import soap_action
from .http_body import MULTIPART


def judge(request: web.BaseRequest, call: Call, callers: Callers) -> None:
    """Hold *request* against the rules; what the make swallows stands in the journal.

    Raises the fault 4000 for what the make refuses.
    """
    swallowed: list[str] = []
    for rule, wrong in _deviations(request, call):
        if getattr(callers, rule) == "refuse":
            raise fault(Code.SYNTAX, wrong)
        swallowed.append(wrong)
    if swallowed:
        call.facts["deviation"] = "; ".join(swallowed)


def _deviations(request: web.BaseRequest, call: Call) -> Iterator[tuple[str, str]]:
    """Yield the rule of ``Callers`` and, in German, what is wrong."""
    action = request.headers.get(soap_action.HEADER)
    wrong = soap_action.mistake(action, call.service, call.operation)
    if wrong is not None and call.operation in call.service.operations:
        yield "soap_action", wrong
    if request.content_type == MULTIPART:
        return  # the envelope of MTOM is read as it stands; its type was held against the rules
    if request.content_type != "text/xml":
        yield "content_type", f"Content-Type {request.content_type} statt text/xml"
    if request.charset is None:
        yield "charset", "Content-Type nennt keinen charset"
