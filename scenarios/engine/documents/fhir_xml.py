"""Building FHIR R4 XML with lxml: the few shapes of which an eAU is made.

fhir.resources writes elements in an order of its own choosing; here the order is that of the
base specification, as the KBV's profiles demand it.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from lxml import etree

FHIR = "http://hl7.org/fhir"
PROFILES = "https://fhir.kbv.de/StructureDefinition/"
CODE_SYSTEMS = "https://fhir.kbv.de/CodeSystem/"
HL7 = "http://hl7.org/fhir/StructureDefinition"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
VERSION = "1.2"
BASE_URL = "http://pvs.kimulator.invalid/fhir"

_DEFAULT_NAMESPACE: dict[str | None, str] = {None: FHIR}


def element(
    name: str, *children: etree._Element | None, value: str | None = None, url: str | None = None
) -> etree._Element:
    """Return a FHIR element with *children*; those that are None are left out."""
    made = etree.Element(f"{{{FHIR}}}{name}", nsmap=_DEFAULT_NAMESPACE)  # type: ignore[arg-type] # the stubs know no default namespace
    if url is not None:
        made.set("url", url)
    if value is not None:
        made.set("value", value)
    made.extend([child for child in children if child is not None])
    return made


def primitive(name: str, value: str) -> etree._Element:
    """Return the element *name* of a primitive type."""
    return element(name, value=value)


def coding(
    system: str, code: str, *, version: str | None = None, name: str = "coding"
) -> etree._Element:
    """Return a Coding."""
    return element(
        name,
        primitive("system", system),
        None if version is None else primitive("version", version),
        primitive("code", code),
    )


def concept(name: str, system: str, code: str) -> etree._Element:
    """Return a CodeableConcept with one coding."""
    return element(name, coding(system, code))


def identifier(
    system: str, value: str, *, type_: tuple[str, str] | None = None, name: str = "identifier"
) -> etree._Element:
    """Return an Identifier; *type_* is system and code of its type."""
    return element(
        name,
        None if type_ is None else concept("type", *type_),
        primitive("system", system),
        primitive("value", value),
    )


def extension(url: str, *values: etree._Element) -> etree._Element:
    """Return an extension with its value, or with nested extensions."""
    return element("extension", *values, url=url)


def coded_extension(url: str, system: str, code: str) -> etree._Element:
    """Return an extension whose value is a Coding."""
    return extension(url, coding(system, code, name="valueCoding"))


def resource(
    name: str, identity: uuid.UUID, profile: str, *children: etree._Element | None
) -> etree._Element:
    """Return a resource with its id and the KBV profile *profile* in version 1.2."""
    return element(
        name,
        primitive("id", str(identity)),
        element("meta", primitive("profile", f"{PROFILES}{profile}|{VERSION}")),
        *children,
    )


def reference(name: str, target: etree._Element, *, type_: str | None = None) -> etree._Element:
    """Return a relative reference to the resource *target*."""
    return element(
        name,
        primitive("reference", f"{etree.QName(target).localname}/{id_of(target)}"),
        None if type_ is None else primitive("type", type_),
    )


def id_of(target: etree._Element) -> str:
    """Return the logical id of a resource."""
    return target.find(f"{{{FHIR}}}id").get("value", "")  # type: ignore[union-attr]


def document_bundle(
    profile: str,
    bundle_id: uuid.UUID,
    urn: str,
    moment: str,
    resources: Iterable[etree._Element],
) -> bytes:
    """Return a Bundle of type document as UTF-8 XML without byte order mark.

    *urn* is ``Bundle.identifier.value`` (``urn:uuid:…``), *moment* a FHIR instant.
    """
    entries = [
        element(
            "entry",
            primitive("fullUrl", f"{BASE_URL}/{etree.QName(one).localname}/{id_of(one)}"),
            element("resource", one),
        )
        for one in resources
    ]
    bundle = element(
        "Bundle",
        primitive("id", str(bundle_id)),
        element(
            "meta",
            primitive("lastUpdated", moment),
            primitive("profile", f"{PROFILES}{profile}|{VERSION}"),
        ),
        identifier("urn:ietf:rfc:3986", urn),
        primitive("type", "document"),
        primitive("timestamp", moment),
        *entries,
    )
    return to_bytes(bundle)


def to_bytes(root: etree._Element) -> bytes:
    """Return *root* as a UTF-8 document with one namespace declaration."""
    etree.cleanup_namespaces(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
