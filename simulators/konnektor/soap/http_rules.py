"""What SOAP over HTTP asks of callers beyond XML; the make decides what becomes of mistakes."""

from __future__ import annotations

from collections.abc import Iterator

from aiohttp import web

from ..faults import Code, fault
from ..operation import Call
from . import soap_action
from .deviations import Deviations, Mistake
from .http_body import MULTIPART


def judge(request: web.BaseRequest, call: Call, deviations: Deviations) -> None:
    """Hold *request* against the rules; raises the fault 4000 for what is not swallowed."""
    for mistake, wrong in _mistakes(request, call):
        if not deviations.swallow(mistake, wrong):
            raise fault(Code.SYNTAX, wrong)


def _mistakes(request: web.BaseRequest, call: Call) -> Iterator[tuple[Mistake, str]]:
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
