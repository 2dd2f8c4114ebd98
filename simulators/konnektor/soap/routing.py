"""SOAP 1.1: the envelope taken apart and put together, the operation found by the body's name."""

from __future__ import annotations

from collections import deque

from lxml import etree

from ..faults import Code, KonnektorFault, fault
from ..operation import Call, Service
from .namespaces import SOAP, name
from .reading import Element

_ENVELOPE, _HEADER, _BODY = name(SOAP, "Envelope"), name(SOAP, "Header"), name(SOAP, "Body")
_FAULT, _MUST_UNDERSTAND = name(SOAP, "Fault"), name(SOAP, "mustUnderstand")
_PREFIX = "SOAP-ENV"
_NSMAP = {_PREFIX: SOAP}
_MARK = "children"


def split_envelope(root: Element) -> Element:
    """Return the one element of the SOAP body; fault 4000 for anything that is no SOAP 1.1.

    References by ``href`` (SOAP 1.1, section 5) are not followed: messages are document/literal.
    """
    if root.tag != _ENVELOPE:
        raise fault(Code.SYNTAX, "die Wurzel ist kein Envelope von SOAP 1.1")
    children = list(root)
    header = children.pop(0) if children and children[0].tag == _HEADER else None
    if header is not None and any(child.get(_MUST_UNDERSTAND) == "1" for child in header):
        raise fault(Code.SYNTAX, "ein Header mit mustUnderstand wird nicht verstanden")
    if len(children) != 1 or children[0].tag != _BODY or len(children[0]) != 1:
        raise fault(Code.SYNTAX, "erwartet wird ein Body mit genau einem Element")
    body: Element = children[0][0]
    return body


class SoapEndpoint:
    """One service in one version, callable with a parsed body."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._handlers = {
            name(service.namespace, operation): handler
            for operation, handler in service.operations.items()
        }

    async def call(self, call: Call) -> Element:
        """Route *call* by the name of its body and return the answer's body element.

        Raises KonnektorFault, 4000 when the service has no such operation in its namespace.
        """
        handler = self._handlers.get(str(call.body.tag))
        if handler is None:
            raise fault(Code.SYNTAX, f"{self.service.name} kennt {call.body.tag!s:.160} nicht")
        return await handler(call)


def encode(answer: Element) -> bytes:
    """Return the SOAP message with *answer* as its body."""
    envelope = etree.Element(_ENVELOPE, nsmap=_NSMAP)
    etree.SubElement(envelope, _BODY).append(answer)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def encode_large(answer: Element) -> bytes:
    """Return the same message as ``encode``, and take *answer* apart on the way.

    libxml2 needs four times the room of what it writes in one go: a stack of 250 MB is written
    document by document.
    """
    children = deque(answer)
    for child in children:
        answer.remove(child)
    etree.SubElement(answer, _MARK)
    before, _, after = encode(answer).partition(f"<{_MARK}/>".encode())
    parts = [before]
    while children:
        parts.append(etree.tostring(children.popleft(), with_tail=False))
    return b"".join([*parts, after])


def encode_fault(raised: KonnektorFault, detail: Element) -> bytes:
    """Return the SOAP message with the fault *raised* and the gematik Error *detail*."""
    reported = etree.Element(_FAULT, nsmap=_NSMAP)
    etree.SubElement(reported, "faultcode").text = f"{_PREFIX}:Server"
    etree.SubElement(reported, "faultstring").text = raised.trace.text
    etree.SubElement(reported, "detail").append(detail)
    return encode(reported)
