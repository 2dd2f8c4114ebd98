"""Attributes that a caller wants to have in a CMS: dss:Property with Value/CMSAttribute."""

from __future__ import annotations

from ..faults import Code, fault
from ..soap import reading
from ..soap.namespaces import DSS, name
from ..soap.reading import Element


def read_cms_attributes(property_elements: list[Element]) -> list[bytes]:
    """Return the DER attributes of ``Value/CMSAttribute`` in dss:Property elements, in order.

    No official schema declares CMSAttribute: it is read with any namespace and with none.
    Fault 4000 for one that is no Base64 or no DER SEQUENCE.
    """
    attributes: list[bytes] = []
    for entry in property_elements:
        parts = reading.sequence(
            entry,
            reading.required(name(DSS, "Identifier")),
            reading.optional(name(DSS, "Value")),
        )
        value = parts.maybe(name(DSS, "Value"))
        for child in value if value is not None else ():
            if reading.local_name(child) != "CMSAttribute":
                continue
            encoded = reading.binary(child)
            if not is_der_sequence(encoded):
                raise fault(Code.SYNTAX, "CMSAttribute: kein DER-kodiertes Attribut")
            attributes.append(encoded)
    return attributes


def is_der_sequence(content: bytes) -> bool:
    """Whether *content* is exactly one SEQUENCE with a definite length."""
    if len(content) < 2 or content[0] != 0x30:
        return False
    first = content[1]
    if first < 0x80:
        return len(content) == 2 + first
    count = first & 0x7F
    if not 1 <= count <= 4 or len(content) < 2 + count:
        return False
    return len(content) == 2 + count + int.from_bytes(content[2 : 2 + count], "big")
