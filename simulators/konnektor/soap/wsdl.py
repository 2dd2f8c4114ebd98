"""The WSDL that a service gives of itself: its operations, with bodies of any content.

gematik's own files describe every element; they are no part of this product, and a client takes
its types from them. What is served here is enough to find endpoint, binding, operations and
SOAPActions, and to exchange bodies that the caller builds himself.
"""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from ..operation import Service
from .namespaces import ERROR, name
from .reading import Element
from .soap_action import actions

_WSDL, _SOAP = "http://schemas.xmlsoap.org/wsdl/", "http://schemas.xmlsoap.org/wsdl/soap/"
_XS = "http://www.w3.org/2001/XMLSchema"
_DOCUMENTATION = (
    "{service} {version}, TEST-ONLY. Die Inhalte der Nachrichten sind hier offen (xs:any); ihre "
    "Typen stehen in den von der gematik veröffentlichten Schemata zum Namensraum {namespace}."
)


def wsdl(service: Service, endpoint: str) -> bytes:
    """Return the WSDL 1.1 document of *service* at *endpoint* (TIP1-A_4964: document/literal)."""
    namespaces = {
        "wsdl": _WSDL,
        "soap": _SOAP,
        "xs": _XS,
        "M": service.namespace,
        "W": service.wsdl_namespace,
        "GERROR": ERROR,
    }
    root = etree.Element(name(_WSDL, "definitions"), nsmap=namespaces)
    root.set("name", service.name)
    root.set("targetNamespace", service.wsdl_namespace)
    _wsdl(root, "documentation").text = _DOCUMENTATION.format(
        service=service.name, version=service.version, namespace=service.namespace
    )
    operations = list(service.operations)
    types = _wsdl(root, "types")
    _add_schema(types, service.namespace, [e for o in operations for e in (o, f"{o}Response")])
    _add_schema(types, ERROR, ["Error"])
    for operation in operations:
        _add_message(root, f"{operation}RequestMessage", f"M:{operation}")
        _add_message(root, f"{operation}ResponseMessage", f"M:{operation}Response")
    _add_message(root, "FaultMessage", "GERROR:Error")
    _add_port_type(root, service)
    _add_binding(root, service)
    port = _wsdl(_wsdl(root, "service", name=service.name), "port", name=f"{service.name}Port")
    port.set("binding", f"W:{service.name}Binding")
    _soap(port, "address", location=endpoint)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _add_schema(types: Element, namespace: str, elements: list[str]) -> None:
    """Append a schema whose *elements* take any attributes and any children."""
    schema = etree.SubElement(types, name(_XS, "schema"), targetNamespace=namespace)
    for local in elements:
        element = etree.SubElement(schema, name(_XS, "element"), name=local)
        content = etree.SubElement(element, name(_XS, "complexType"))
        children = etree.SubElement(content, name(_XS, "sequence"))
        many = {"minOccurs": "0", "maxOccurs": "unbounded", "processContents": "skip"}
        etree.SubElement(children, name(_XS, "any"), many)
        etree.SubElement(content, name(_XS, "anyAttribute"), processContents="skip")


def _add_message(root: Element, local: str, element: str) -> None:
    _wsdl(_wsdl(root, "message", name=local), "part", name="parameter", element=element)


def _add_port_type(root: Element, service: Service) -> None:
    port_type = _wsdl(root, "portType", name=f"{service.name}PortType")
    for entry, operation in _operations(port_type, service):
        _wsdl(entry, "input", message=f"W:{operation}RequestMessage")
        _wsdl(entry, "output", message=f"W:{operation}ResponseMessage")
        _wsdl(entry, "fault", name="FaultMessage", message="W:FaultMessage")


def _add_binding(root: Element, service: Service) -> None:
    binding = _wsdl(root, "binding", name=f"{service.name}Binding")
    binding.set("type", f"W:{service.name}PortType")
    _soap(binding, "binding", style="document", transport="http://schemas.xmlsoap.org/soap/http")
    for entry, operation in _operations(binding, service):
        _soap(entry, "operation", soapAction=actions(service, operation)[0], style="document")
        for direction in ("input", "output"):
            _soap(_wsdl(entry, direction), "body", use="literal")
        _soap(
            _wsdl(entry, "fault", name="FaultMessage"), "fault", name="FaultMessage", use="literal"
        )


def _operations(parent: Element, service: Service) -> Iterator[tuple[Element, str]]:
    """Append an entry for each operation to *parent* and yield it with its name."""
    for operation in service.operations:
        yield _wsdl(parent, "operation", name=operation), operation


def _wsdl(parent: Element, local: str, **attributes: str) -> Element:
    return etree.SubElement(parent, etree.QName(_WSDL, local), attributes)


def _soap(parent: Element, local: str, **attributes: str) -> Element:
    return etree.SubElement(parent, etree.QName(_SOAP, local), attributes)
