"""The structure of FHIR documents in XML, to compare ours with the official examples."""

from __future__ import annotations

from lxml import etree

from scenarios.engine.documents.fhir_xml import FHIR


def resources(content: bytes) -> dict[str, list[etree._Element]]:
    """Return the resources of a Bundle by their profiles, in their order."""
    found: dict[str, list[etree._Element]] = {}
    for resource in etree.fromstring(content).iterfind(f"{{{FHIR}}}entry/{{{FHIR}}}resource/*"):
        profile = resource.find(f"{{{FHIR}}}meta/{{{FHIR}}}profile")
        assert profile is not None
        found.setdefault(profile.get("value", ""), []).append(resource)
    return found


def outline(element: etree._Element, path: str = "") -> list[str]:
    """Return the paths of all elements in document order, with the urls of extensions."""
    name = etree.QName(element).localname
    here = f"{path}/{name}" + (f"[{element.get('url')}]" if element.get("url") else "")
    children = [child for child in element if isinstance(child.tag, str)]
    return [here, *(line for child in children for line in outline(child, here))]


def systems(element: etree._Element) -> set[str]:
    """Return the systems that codes and identifiers below *element* are from."""
    return {found.get("value", "") for found in element.iter(f"{{{FHIR}}}system")}


def unlike(ours: etree._Element, theirs: list[etree._Element]) -> list[str]:
    """Return what ours has that none of *theirs* has, or has in another order.

    Sections may stand in any order, and how often an element is repeated is no matter.
    """
    known = [outline(one) for one in theirs]
    mine = [path for path in dict.fromkeys(outline(ours)) if "/section" not in path]
    missing = [path for path in mine if not any(path in one for one in known)]
    for one in known:
        order = {path: index for index, path in reversed(list(enumerate(one)))}
        places = [order[path] for path in mine if path in order]
        if places != sorted(places):
            missing.append(f"{mine[0]}: another order")
    return missing
