"""SOAP 1.1 over aiohttp: spyne routes by the body's name and shapes faults, bodies stay lxml."""

# mypy: disable-error-code="no-untyped-call, attr-defined"
# ruff: noqa: ARG001, ARG002 (signatures are spyne's)

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from lxml import etree

from ..faults import Code, KonnektorFault, fault
from ..operation import Call, Handler, Service
from .namespaces import SOAP, name
from .reading import Element
from .spyne_repair import (
    AnyXml,
    Application,
    Fault,
    MethodContext,
    ServerBase,
    ServiceBase,
    Soap11,
    rpc,
)

_ENVELOPE, _HEADER, _BODY = name(SOAP, "Envelope"), name(SOAP, "Header"), name(SOAP, "Body")
_MUST_UNDERSTAND = name(SOAP, "mustUnderstand")


def split_envelope(root: Element) -> Element:
    """Return the one element of the SOAP body; fault 4000 for anything that is no SOAP 1.1."""
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


class _RawSoap(Soap11):
    """SOAP whose bodies are lxml elements in and out; the envelope is read by ``split_envelope``.

    spyne's own way of reading an envelope follows ``href`` recursively, which a hostile message
    can make endless.
    """

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        """The transport has parsed the document already."""

    def decompose_incoming_envelope(self, ctx: Any, message: Any = Soap11.REQUEST) -> None:
        ctx.in_body_doc = ctx.in_document
        ctx.method_request_string = ctx.in_body_doc.tag

    def deserialize(self, ctx: Any, message: Any) -> None:
        ctx.in_object = ctx.in_body_doc


class SoapEndpoint(ServerBase):
    """One service in one version, callable with a parsed body."""

    transport: Any = "http://schemas.xmlsoap.org/soap/http"

    def __init__(self, service: Service) -> None:
        self.service = service
        logging.getLogger("spyne").setLevel(logging.ERROR)
        super().__init__(
            Application(
                [_service_class(service)],
                tns=service.namespace,
                name=service.name,
                in_protocol=_RawSoap(),
                out_protocol=_RawSoap(),
            )
        )

    async def call(self, call: Call) -> Element:
        """Route *call* by the name of its body and return the answer's body element.

        Raises KonnektorFault, 4000 when the service has no such operation in its namespace.
        """
        context = MethodContext(self, MethodContext.SERVER)
        context.in_document = call.body
        context.udc = call
        try:
            (context,) = self.generate_contexts(context)
            if context.in_error is not None:
                raise fault(Code.SYNTAX, f"{self.service.name} kennt {call.body.tag!s:.160} nicht")
            self.get_in_object(context)
            self.get_out_object(context)
            if context.out_error is not None:
                raise fault(Code.INTERNAL)
            answer: Element = await context.out_object[0]
            return answer
        finally:
            context.close()

    def encode_fault(self, raised: KonnektorFault, detail: Element) -> bytes:
        """Return the SOAP message with the fault and the gematik Error *detail*."""
        context = MethodContext(self, MethodContext.SERVER)
        context.out_error = Fault("Server", raised.trace.text, detail=detail)
        self.get_out_string(context)
        encoded = b"".join(context.out_string or ())
        context.close()
        return encoded


def encode(answer: Element) -> bytes:
    """Return the SOAP message with *answer* as its body."""
    envelope = etree.Element(_ENVELOPE, nsmap={"SOAP-ENV": SOAP})
    etree.SubElement(envelope, _BODY).append(answer)
    return etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")


def _service_class(service: Service) -> Any:
    """Return spyne's service class with a bare method for each operation."""
    methods = {
        operation: rpc(
            AnyXml,
            _returns=AnyXml,
            _body_style="bare",
            _operation_name=operation,
            _in_message_name=operation,
            _out_message_name=f"{operation}Response",
        )(_spyne_method(operation, handler))
        for operation, handler in service.operations.items()
    }
    metaclass: Any = type(ServiceBase)
    return metaclass(service.name, (ServiceBase,), methods)


def _spyne_method(
    operation: str, handler: Handler
) -> Callable[[Any, Element], Coroutine[Any, Any, Element]]:
    """Return a function of the form spyne inspects; it is told apart by its name."""

    def method(ctx: Any, body: Element) -> Any:
        return handler(ctx.udc)

    method.__name__ = operation
    return method
