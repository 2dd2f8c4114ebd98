"""Reading the Konnektor's XML without trusting it."""

from __future__ import annotations

from lxml import etree

from .faults import KonnektorUnreachable


def parse(content: bytes) -> etree._Element:
    """Return the root of *content*; entities and DTDs are not read.

    Raises KonnektorUnreachable if it is no XML.
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=True, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError):
        raise KonnektorUnreachable("the answer is no XML") from None
    if root is None:
        raise KonnektorUnreachable("the answer is empty")
    return root
