"""The cancellation of an eAU: KBV_PR_EAU_Storno_Bundle with exactly four entries."""

from __future__ import annotations

from datetime import datetime

from lxml import etree

from .eau import instant
from .eau_parties import organization_resource, practitioner_resource
from .fhir_xml import (
    CODE_SYSTEMS,
    concept,
    document_bundle,
    element,
    identifier,
    primitive,
    reference,
    resource,
)
from .identities import Identities
from .people import AUTHOR, Author


def bundle(
    identities: Identities,
    cancelled: str,
    issued: datetime,
    author: Author = AUTHOR,
    *,
    without: tuple[str, ...] = (),
) -> bytes:
    """Return the Bundle that cancels the eAU with the identifier *cancelled* (``urn:uuid:…``).

    It has an identifier of its own, and it is signed like an eAU (P5-03). *without* names
    resource types that are left out, to make a faulty Storno.
    """
    doctor = practitioner_resource(identities, author.doctor)
    practice = organization_resource(identities, author.practice)
    listing = resource(
        "List",
        identities.uuid("list"),
        "KBV_PR_EAU_Storno",
        primitive("status", "current"),
        primitive("mode", "changes"),
        element(
            "entry",
            primitive("deleted", "true"),
            element("item", identifier("urn:ietf:rfc:3986", cancelled)),
        ),
    )
    composition = resource(
        "Composition",
        identities.uuid("composition"),
        "KBV_PR_EAU_Storno_Composition",
        primitive("status", "final"),
        concept("type", f"{CODE_SYSTEMS}KBV_CS_SFHIR_KBV_FORMULAR_ART", "e013"),
        primitive("date", issued.date().isoformat()),
        reference("author", doctor, type_="Practitioner"),
        primitive("title", "Storno eAU"),
        reference("custodian", practice),
        element("section", reference("entry", listing)),
    )
    return document_bundle(
        "KBV_PR_EAU_Storno_Bundle",
        identities.uuid("bundle"),
        identities.uuid("identifier").urn,
        instant(issued),
        [
            one
            for one in (composition, doctor, practice, listing)
            if etree.QName(one).localname not in without
        ],
    )
